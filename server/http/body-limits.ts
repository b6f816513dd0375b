import { FILE_TEXT_BODY_MAX_BYTES, FILE_UPLOAD_MAX_BYTES } from '../../shared/file-limits';
import { JSON_BODY_MAX_BYTES } from '../../shared/limits';

/** Routes that take more than JSON of a usual size; the route itself judges what it is. */
const larger: readonly { method: string; path: RegExp; bytes: number }[] = [
  { method: 'PUT', path: /^\/api\/(sandboxes\/[^/]+\/)?fs\/write$/, bytes: FILE_TEXT_BODY_MAX_BYTES },
  { method: 'PUT', path: /^\/api\/(sandboxes\/[^/]+\/)?fs\/upload$/, bytes: FILE_UPLOAD_MAX_BYTES },
];

/** What the body of a request to /api may weigh, bytes. */
export function bodyMaxOf(method: string, pathname: string): number {
  return larger.find((it) => it.method === method && it.path.test(pathname))?.bytes ?? JSON_BODY_MAX_BYTES;
}
