/**
 * Records of a session's API requests and answers, one after the other as `<number>.json` with `<number>.request` and
 * `<number>.events` or `<number>.answer` beside it. They are written beside the stream and never waited for; what a
 * dying sandboxd had not written is missing.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { appendFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exchange, ExchangeSummary } from '../../shared/sandboxd-api';
import { EXCHANGE_BODY_MAX_BYTES, EXCHANGES_MAX_BYTES } from '../../shared/sandboxd-limits';

/** Events are written in pieces of so many UTF-16 units. */
const FLUSH_CHARS = 64 * 1024;
const LIST_MAX = 200;
const ENDINGS = ['json', 'request', 'events', 'answer'] as const;
type Ending = (typeof ENDINGS)[number];
type Headers = Exchange['requestHeaders'];

interface Kept extends ExchangeSummary {
  requestHeaders: Headers;
  answerHeaders: Headers;
  truncated: boolean;
}

export class ExchangeStore {
  readonly #folder: string;
  readonly #maxBytes: number;
  /** Number -> bytes on disk, oldest first. */
  readonly #sizes = new Map<number, number>();
  readonly #open = new Map<number, ExchangeWriter>();
  #bytes = 0;

  constructor(folder: string, maxBytes = EXCHANGES_MAX_BYTES) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = new Map<number, string[]>();
    for (const name of readdirSync(folder)) {
      const number = Number(name.split('.')[0]);
      found.set(number, [...(found.get(number) ?? []), name]);
    }
    for (const [number, files] of [...found].sort(([a], [b]) => a - b)) {
      if (files.includes(`${number}.json`))
        this.#note(
          number,
          files.reduce((sum, it) => sum + statSync(join(folder, it)).size, 0),
        );
      else for (const it of files) unlinkSync(join(folder, it));
    }
  }

  start(summary: ExchangeSummary, requestHeaders: Headers): ExchangeWriter {
    const writer = new ExchangeWriter({
      kept: { ...summary, requestHeaders: masked(requestHeaders), answerHeaders: [], truncated: false },
      path: (ending) => this.#path(summary.exchange, ending),
      done: (bytes) => {
        this.#open.delete(summary.exchange);
        if (bytes === null) this.#remove(summary.exchange);
        else this.#note(summary.exchange, bytes);
      },
    });
    this.#open.set(summary.exchange, writer);
    return writer;
  }

  /** Oldest first, those that still run among them. */
  list(after: number): ExchangeSummary[] {
    const numbers = [...this.#sizes.keys(), ...this.#open.keys()].filter((it) => it > after);
    return numbers
      .sort((a, b) => a - b)
      .slice(0, LIST_MAX)
      .flatMap((number) => this.#kept(number) ?? [])
      .map(({ requestHeaders: _request, answerHeaders: _answer, truncated: _cut, ...summary }) => summary);
  }

  /** Null when there is none with this number (any more). */
  async get(number: number): Promise<Exchange | null> {
    await this.#open.get(number)?.flush();
    const kept = this.#kept(number);
    if (!kept) return null;
    const events = this.#text(number, 'events');
    return {
      ...kept,
      requestBody: this.#text(number, 'request') ?? '',
      answerBody: this.#text(number, 'answer'),
      // Written by `event` below.
      events:
        events === null
          ? null
          : (events
              .trim()
              .split('\n')
              .map((it) => JSON.parse(it)) as Exchange['events']),
    };
  }

  /** All that was told is on the disk. */
  async flush(): Promise<void> {
    await Promise.all([...this.#open.values()].map((it) => it.flush()));
  }

  #kept(number: number): Kept | null {
    const open = this.#open.get(number);
    if (open) return open.kept;
    const text = this.#text(number, 'json');
    return text === null ? null : (JSON.parse(text) as Kept); // written by ExchangeWriter
  }

  #text(number: number, ending: Ending): string | null {
    try {
      return readFileSync(this.#path(number, ending), 'utf8');
    } catch {
      return null;
    }
  }

  #path(number: number, ending: Ending): string {
    return join(this.#folder, `${number}.${ending}`);
  }

  #note(number: number, bytes: number): void {
    this.#sizes.set(number, bytes);
    this.#bytes += bytes;
    for (const [oldest, size] of this.#sizes) {
      if (this.#bytes <= this.#maxBytes || this.#sizes.size === 1) return;
      this.#sizes.delete(oldest);
      this.#bytes -= size;
      this.#remove(oldest);
    }
  }

  #remove(number: number): void {
    for (const ending of ENDINGS) {
      try {
        unlinkSync(this.#path(number, ending));
      } catch {
        // It had none of these.
      }
    }
  }
}

export class ExchangeWriter {
  readonly kept: Kept;
  readonly #path: (ending: Ending) => string;
  readonly #done: (bytes: number | null) => void;
  #writing: Promise<void> = Promise.resolve();
  #failed = false;
  #bytes = 0;
  #requestKept = 0;
  #answerKept = 0;
  #pending: { ending: 'events' | 'answer'; text: string } | null = null;

  constructor(options: {
    kept: Kept;
    path: (ending: Ending) => string;
    done: (bytes: number | null) => void;
  }) {
    this.kept = options.kept;
    this.#path = options.path;
    this.#done = options.done;
  }

  requestBody(data: Buffer): void {
    this.kept.requestBytes += data.length;
    const room = EXCHANGE_BODY_MAX_BYTES - this.#requestKept;
    if (data.length > room) this.kept.truncated = true;
    // As it comes: a request is large, and sent again with every answer of a tool.
    if (room > 0) this.#write('request', data.subarray(0, room));
    this.#requestKept += Math.min(room, data.length);
  }

  answerHead(headers: Headers): void {
    this.kept.answerHeaders = masked(headers);
  }

  event(ms: number, event: string, data: string): void {
    this.#answer('events', `${JSON.stringify({ ms, event, data })}\n`);
  }

  answerBody(text: string): void {
    this.#answer('answer', text);
  }

  end(): void {
    this.#flushAnswer();
    const text = JSON.stringify(this.kept);
    this.#bytes += Buffer.byteLength(text);
    const path = this.#path('json');
    void this.#then(async () => {
      await writeFile(`${path}.new`, text, { mode: 0o600 });
      await rename(`${path}.new`, path);
    }).then(() => this.#done(this.#failed ? null : this.#bytes));
  }

  flush(): Promise<void> {
    this.#flushAnswer();
    return this.#writing;
  }

  #answer(ending: 'events' | 'answer', text: string): void {
    if (this.#answerKept + text.length > EXCHANGE_BODY_MAX_BYTES) {
      this.kept.truncated = true;
      return;
    }
    this.#answerKept += text.length;
    this.#pending ??= { ending, text: '' };
    this.#pending.text += text;
    if (this.#pending.text.length > FLUSH_CHARS) this.#flushAnswer();
  }

  #flushAnswer(): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending) this.#write(pending.ending, Buffer.from(pending.text));
  }

  #write(ending: Ending, data: Buffer): void {
    this.#bytes += data.length;
    void this.#then(() => appendFile(this.#path(ending), data, { mode: 0o600 }));
  }

  /** One write after the other; a full disk costs the record, nothing else. */
  #then(work: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(work).catch(() => {
      this.#failed = true;
    });
    return this.#writing;
  }
}

const SECRET =
  /^(authorization|proxy-authorization|x-api-key|cookie|set-cookie)$|token|secret|password|credential/i;

/** The kind of a credential stays to be seen (`Bearer`), nothing of itself. */
function masked(headers: Headers): Headers {
  return headers.map(([name, value]) => {
    if (!SECRET.test(name) || /^anthropic-ratelimit-/i.test(name)) return [name, value];
    const scheme = /^(Bearer|Basic|Digest) /i.exec(value)?.[0] ?? '';
    return [name, `${scheme}***`];
  });
}
