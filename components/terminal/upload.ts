import { UPLOAD_MAX_BYTES } from '../../shared/limits';

export class UploadError extends Error {}

/** Puts a file into the sandbox and gives its absolute path there. XMLHttpRequest, as fetch tells no progress. */
export function upload(
  sandboxId: string,
  file: File,
  options: { onProgress(share: number): void; signal: AbortSignal },
): Promise<string> {
  if (file.size > UPLOAD_MAX_BYTES)
    return Promise.reject(new UploadError(`Larger than ${Math.round(UPLOAD_MAX_BYTES / 1024 ** 2)} MB.`));
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const name = file.name || 'pasted.png';
    request.open('POST', `/api/sandboxes/${sandboxId}/uploads?name=${encodeURIComponent(name)}`);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.responseType = 'json';
    request.upload.onprogress = (event) =>
      options.onProgress(event.total > 0 ? event.loaded / event.total : 0);
    request.onload = () => {
      const body: unknown = request.response;
      const has = (key: string): string | null => {
        const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, key) : null;
        return typeof value === 'string' ? value : null;
      };
      const path = has('path');
      if (request.status < 300 && path) resolve(path);
      else reject(new UploadError(has('error') ?? `The server answered ${request.status}.`));
    };
    request.onerror = () => reject(new UploadError('The connection was lost.'));
    request.onabort = () => reject(new UploadError('Canceled.'));
    options.signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(file);
  });
}

/** Files of a paste or a drop; a pasted picture comes without a useful name. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])];
}
