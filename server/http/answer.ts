import type { ServerResponse } from 'node:http';
import type { AppError } from '../../shared/errors';

/** The JSON of a refused request, the same on all edges that speak HTTP. */
export function errorBody(error: AppError, requestId: string) {
  return {
    error: error.message,
    code: error.code,
    request_id: requestId,
    next: error.entry.next,
    ...(error.field === undefined ? {} : { field: error.field }),
  };
}

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.statusCode = status;
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', Buffer.byteLength(text));
  if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'no-store');
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** Too late for an answer once the headers are out: then the connection ends. */
export function answerError(response: ServerResponse, error: AppError, requestId: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error.retryAfterSeconds !== undefined) response.setHeader('retry-after', error.retryAfterSeconds);
  // What is left of a refused body would be read as the next request.
  if (!response.req.complete) response.setHeader('connection', 'close');
  answerJson(response, error.entry.http, errorBody(error, requestId));
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (it) => escapes[it] ?? it);

/** For a person before Next's pages are reached; plain on purpose, as it runs under any policy. */
export function answerPage(response: ServerResponse, error: AppError): void {
  response.statusCode = error.entry.http;
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
      `<title>Cloud Claude</title><style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui;max-width:32rem;margin:20vh auto;padding:0 1rem}</style>` +
      `<h1>${escapeHtml(error.message)}</h1><p>${escapeHtml(error.entry.next)}</p><p><a href="/">Go to your sandboxes</a></p></html>`,
  );
}
