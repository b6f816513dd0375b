import type { IncomingMessage } from 'node:http';
import { AppError } from '../../shared/errors';

/** A log-in form is a few hundred bytes. */
const FORM_MAX_BYTES = 16 * 1024;

/** An urlencoded form or a flat JSON object as strings. Throws `too_large`, `invalid_input`. */
export async function readForm(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += buffer.length;
    if (bytes > FORM_MAX_BYTES) throw new AppError('too_large');
    chunks.push(buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    return Object.fromEntries(new URLSearchParams(text));
  try {
    const value: unknown = text === '' ? {} : JSON.parse(text);
    if (typeof value !== 'object' || value === null) throw new Error('not an object');
    return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, String(it)]));
  } catch (cause) {
    throw new AppError('invalid_input', 'The body is not a JSON object.', { cause });
  }
}

/**
 * Refuses by the announced length, before anything is read. A body that announces none (chunked) could only be
 * counted while somebody reads it, and JSON clients know the length of what they send.
 */
export function checkLength(request: IncomingMessage, maxBytes: number): void {
  if (request.headers['transfer-encoding'] !== undefined)
    throw new AppError('invalid_input', 'Send the body with a Content-Length.');
  const length = Number(request.headers['content-length'] ?? 0);
  if (!(length <= maxBytes)) throw new AppError('too_large');
}
