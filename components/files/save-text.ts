import { type ErrorCode, errorTable, isErrorCode } from '../../shared/errors';
import type { FilePlace } from './addresses';

export class SaveError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Writes the text if the file is still `etag`, or if there is none and `etag` is null. Gives the new etag. */
export async function saveText(
  place: FilePlace,
  content: string,
  condition: { etag: string } | 'new' | 'anyway',
): Promise<string> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (condition === 'new') headers['if-none-match'] = '*';
  else if (condition !== 'anyway') headers['if-match'] = `"${condition.etag}"`;
  const { root, path } = place;
  const response = await fetch(`/api/sandboxes/${place.sandboxId}/fs/write`, {
    ...{ method: 'PUT', headers },
    body: JSON.stringify({ root, path, content }),
  }).catch(() => null);
  if (!response) throw new SaveError('unavailable', 'The server did not answer.');
  if (response.ok) return (response.headers.get('etag') ?? '').replaceAll('"', '');
  const body: unknown = await response.json().catch(() => null);
  const field = (name: string): unknown =>
    typeof body === 'object' && body !== null ? Reflect.get(body, name) : null;
  const code = field('code');
  const known = isErrorCode(code) ? code : 'internal';
  throw new SaveError(known, String(field('error') ?? errorTable[known].title));
}
