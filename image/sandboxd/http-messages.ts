/**
 * Reads one direction of an HTTP/1.1 connection as it passes (RFC 9112): heads and bodies, whatever the chunks. It
 * throws on what it does not understand; its caller then stops looking, and the bytes pass all the same.
 */
export interface Head {
  /** Request line or status line. */
  start: string;
  /** Names in lower case. */
  headers: Map<string, string>;
  /** As they were sent. */
  list: [string, string][];
}

export interface MessageHandlers {
  /**
   * Says when this message has no body whatever its headers say (an answer to HEAD), and what goes on in the place of
   * its head when there is `raw`.
   */
  head(head: Head): { bodiless: boolean; instead?: string };
  body?(data: Buffer): void;
  end?(): void;
  /** Every byte of the direction, in order, with heads as `head` wants them. */
  raw?(data: Buffer): void;
}

const HEAD_MAX_BYTES = 64 * 1024;

type Phase = 'head' | 'fixed' | 'size' | 'chunk' | 'trailer' | 'close';

export class HttpMessages {
  readonly #handlers: MessageHandlers;
  #phase: Phase = 'head';
  #text = '';
  #left = 0;

  constructor(handlers: MessageHandlers) {
    this.#handlers = handlers;
  }

  push(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      switch (this.#phase) {
        case 'head':
        case 'size':
        case 'trailer':
          at = this.#line(data, at);
          break;
        case 'close':
          this.#handlers.raw?.(data.subarray(at));
          this.#handlers.body?.(data.subarray(at));
          return;
        default: {
          const take = Math.min(this.#left, data.length - at);
          this.#left -= take;
          const body = data.subarray(at, at + take);
          at += take;
          this.#handlers.raw?.(body);
          this.#handlers.body?.(body);
          if (this.#left === 0) this.#bodyDone();
        }
      }
    }
  }

  /** The connection has ended. */
  finish(): void {
    if (this.#phase === 'close') this.#end();
  }

  #bodyDone(): void {
    if (this.#phase === 'fixed') this.#end();
    else this.#phase = 'size';
  }

  #end(): void {
    this.#phase = 'head';
    this.#handlers.end?.();
  }

  /** Collects up to the next line end; heads and chunk sizes are ASCII. */
  #line(data: Buffer, from: number): number {
    const end = data.indexOf(10, from);
    const to = end === -1 ? data.length : end + 1;
    if (this.#phase !== 'head') this.#handlers.raw?.(data.subarray(from, to));
    this.#text += data.toString('latin1', from, to);
    if (this.#text.length > HEAD_MAX_BYTES) throw new Error('the head of a message is too long');
    if (end === -1) return to;
    if (this.#phase === 'head') {
      if (this.#text === '\r\n')
        this.#text = ''; // tolerated before a message
      else if (this.#text.endsWith('\r\n\r\n')) this.#head(this.#take());
    } else if (this.#phase === 'trailer') {
      if (this.#take() === '\r\n') this.#end();
    } else {
      const line = this.#take();
      if (line === '\r\n') return to; // ends the chunk before
      const size = Number.parseInt(line, 16);
      if (!Number.isSafeInteger(size)) throw new Error('not a chunk size');
      this.#left = size;
      this.#phase = size === 0 ? 'trailer' : 'chunk';
    }
    return to;
  }

  #take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  #head(text: string): void {
    const [start = '', ...lines] = text.trimEnd().split('\r\n');
    if (!/^HTTP\/1\.1 \d{3}|^[A-Z]+ \S+ HTTP\/1\.1$/.test(start)) throw new Error('not HTTP/1.1');
    const list = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const headers = new Map(list.map(([name, value]) => [name.toLowerCase(), value]));
    const status = /^HTTP\/1\.1 (\d{3})/.exec(start)?.[1];
    // An interim answer is followed by the real one.
    if (status?.startsWith('1')) {
      if (status === '101') throw new Error('the protocol was changed');
      return;
    }
    const { bodiless, instead } = this.#handlers.head({ start, headers, list });
    this.#handlers.raw?.(Buffer.from(instead ?? text, 'latin1'));
    const length = headers.get('content-length');
    if (bodiless || status === '204' || status === '304') this.#end();
    else if (/\bchunked\b/i.test(headers.get('transfer-encoding') ?? '')) this.#phase = 'size';
    else if (length !== undefined) {
      this.#left = Number(length);
      if (!Number.isSafeInteger(this.#left)) throw new Error('not a length');
      if (this.#left === 0) this.#end();
      else this.#phase = 'fixed';
    } else if (status === undefined) this.#end();
    else this.#phase = 'close';
  }
}
