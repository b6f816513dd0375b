/** Uploads of one panel: a few at a time, each whole or not at all in the sandbox, with progress and a way back. */
import { FILE_UPLOAD_MAX_BYTES } from '../../shared/file-limits';
import { type FilePlace, fileUrl } from './addresses';
import type { Incoming } from './dropped';

/** One more keeps the line busy while another one is being finished on disk. */
const AT_ONCE = 2;

export interface Upload {
  id: number;
  place: FilePlace;
  file: File;
  state: 'waiting' | 'sending' | 'done' | 'failed' | 'exists';
  /** 0 to 1 */
  share: number;
  reason: string;
}

export class UploadQueue {
  #uploads: readonly Upload[] = [];
  readonly #requests = new Map<number, XMLHttpRequest>();
  readonly #listeners = new Set<() => void>();
  readonly #onDone: (place: FilePlace) => void;
  #next = 1;

  constructor(onDone: (place: FilePlace) => void) {
    this.#onDone = onDone;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly uploads = (): readonly Upload[] => this.#uploads;

  add(folder: FilePlace, files: readonly Incoming[]): void {
    const added = files.map(({ file, path }): Upload => {
      const place = { ...folder, path: folder.path === '' ? path : `${folder.path}/${path}` };
      const tooLarge = file.size > FILE_UPLOAD_MAX_BYTES;
      const reason = tooLarge ? `Larger than ${FILE_UPLOAD_MAX_BYTES / 1024 ** 3} GB.` : '';
      return { id: this.#next++, place, file, state: tooLarge ? 'failed' : 'waiting', share: 0, reason };
    });
    this.#set([...this.#uploads, ...added]);
    this.#pump();
  }

  /** Over what is there. */
  replace(id: number): void {
    const upload = this.#uploads.find((it) => it.id === id);
    if (upload) this.#send(upload, true);
  }

  cancel(id: number): void {
    this.#requests.get(id)?.abort();
    this.#requests.delete(id);
    this.#set(this.#uploads.filter((it) => it.id !== id));
    this.#pump();
  }

  clear(): void {
    this.#set(this.#uploads.filter((it) => it.state === 'waiting' || it.state === 'sending'));
  }

  close(): void {
    for (const it of this.#requests.values()) it.abort();
    this.#listeners.clear();
  }

  #set(uploads: readonly Upload[]): void {
    this.#uploads = uploads;
    for (const it of this.#listeners) it();
  }

  #change(id: number, change: Partial<Upload>): void {
    this.#set(this.#uploads.map((it) => (it.id === id ? { ...it, ...change } : it)));
  }

  #pump(): void {
    while (this.#requests.size < AT_ONCE) {
      const waiting = this.#uploads.find((it) => it.state === 'waiting');
      if (!waiting) return;
      this.#send(waiting, false);
    }
  }

  /** XMLHttpRequest, as fetch tells no progress. */
  #send(upload: Upload, over: boolean): void {
    const { id, place, file } = upload;
    const request = new XMLHttpRequest();
    this.#requests.set(id, request);
    this.#change(id, { state: 'sending', share: 0, reason: '' });
    request.open('PUT', fileUrl('upload', place, { parents: '1' }));
    request.setRequestHeader('content-type', 'application/octet-stream');
    if (!over) request.setRequestHeader('if-none-match', '*');
    request.responseType = 'json';
    request.upload.onprogress = (event) =>
      this.#change(id, { share: event.total > 0 ? event.loaded / event.total : 0 });
    const finish = (change: Partial<Upload>) => {
      this.#requests.delete(id);
      this.#change(id, change);
      this.#pump();
    };
    request.onload = () => {
      const body: unknown = request.response;
      const has = (key: string): unknown =>
        typeof body === 'object' && body !== null ? Reflect.get(body, key) : null;
      if (request.status < 300) {
        finish({ state: 'done', share: 1 });
        this.#onDone(place);
      } else if (has('code') === 'name_taken') finish({ state: 'exists', reason: 'There is one already.' });
      else
        finish({ state: 'failed', reason: String(has('error') ?? `The server answered ${request.status}.`) });
    };
    request.onerror = () => finish({ state: 'failed', reason: 'The connection was lost.' });
    request.send(file);
  }
}
