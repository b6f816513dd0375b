import type { IncomingMessage } from 'node:http';
import { AppError } from '../../shared/errors';

/** The largest input, a sandbox spec, has some 600 bytes. */
export const BODY_MAX_BYTES = 1024 * 1024;

/** The request's JSON. Throws `too_large` or `invalid_input`. An empty body is an empty object. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const piece = chunk as Buffer;
    size += piece.length;
    if (size > BODY_MAX_BYTES) {
      throw new AppError('too_large', `A request body has at most ${BODY_MAX_BYTES} bytes.`);
    }
    chunks.push(piece);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid_input', 'The request body is not JSON.', { cause });
  }
}
