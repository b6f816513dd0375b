/** Answers of the gateway itself, in the shape of Anthropic's errors: its clients know what to do with them. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Anthropic's own error types. */
export type AnthropicErrorType =
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'timeout_error';

/** Drops what is left of the request. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  ...[status, type, message]: [number, AnthropicErrorType, string]
): void {
  const body = JSON.stringify({ type: 'error', error: { type, message } });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    // The body may still be coming; reading it to its end would be work for nothing.
    connection: request.complete ? 'keep-alive' : 'close',
    // Understood by Anthropic's clients: asking again does not help.
    ...(status < 500 ? { 'x-should-retry': 'false' } : {}),
  });
  response.end(body);
  request.resume();
}

export function refuseToPay(
  request: IncomingMessage,
  response: ServerResponse,
  { refused, retryAfterSeconds }: { refused: string; retryAfterSeconds: number },
): void {
  response.setHeader('retry-after', String(retryAfterSeconds));
  // Anthropic's clients heed it: hours are nothing to wait for in a loop.
  response.setHeader('x-should-retry', 'false');
  refuse(request, response, 429, 'rate_limit_error', refused);
}

export const TOO_LARGE = [413, 'request_too_large', 'The request body is too large.'] as const;
