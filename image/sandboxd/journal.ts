/**
 * The journal of one session: numbered lines in append-only segment files `<first seq>.jsonl`.
 *
 * A frame is one write(2) at the end of the newest segment, done before anybody hears of it. A process that dies in
 * the middle leaves a torn last line, which the next start cuts off: that frame was shown to nobody, so its number is
 * free. The page cache outlives the process and the container; only a power cut of the host can lose what
 * `fdatasync` has not seen, so it runs at the end of a turn and at most every SYNC_MS, not per frame (it costs 1-10 ms).
 */
import {
  closeSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_MAX_BYTES } from '../../shared/sandboxd-limits';

/** A segment is closed above this; also the grain of eviction. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;
export const SYNC_MS = 1_000;
const NAME = /^(\d{16})\.jsonl$/;
const NEWLINE = 10;

export interface Segment {
  readonly first: number;
  readonly path: string;
  /** Bytes of whole lines. */
  bytes: number;
}

export interface JournalOptions {
  folder: string;
  segmentBytes?: number;
  maxBytes?: number;
  /** Called for each line that a restart finds from `foldFrom` on. */
  onLine?: (line: string) => void;
  foldFrom?: number;
  /** Used when no segment is left. */
  lastSeq?: number;
}

export class Journal {
  readonly #options: Required<Pick<JournalOptions, 'folder' | 'segmentBytes' | 'maxBytes'>>;
  readonly #segments: Segment[] = [];
  readonly #waiting = new Set<() => void>();
  #fd: number | null = null;
  #last = 0;
  #dirty = false;
  #syncTimer: NodeJS.Timeout | null = null;
  /** Frames that could not be written since the last one that could. */
  lost = 0;

  constructor(options: JournalOptions) {
    const { folder, segmentBytes = SEGMENT_BYTES, maxBytes = JOURNAL_MAX_BYTES } = options;
    this.#options = { folder, segmentBytes, maxBytes };
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const firsts = readdirSync(folder)
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    for (const first of firsts) {
      const path = this.#pathOf(first);
      this.#segments.push({ first, path, bytes: statSync(path).size });
    }
    this.#recover(options);
  }

  get first(): number {
    return this.#segments[0]?.first ?? (this.#last === 0 ? 0 : this.#last + 1);
  }
  get last(): number {
    return this.#last;
  }
  get segments(): readonly Segment[] {
    return this.#segments;
  }
  get bytes(): number {
    return this.#segments.reduce((sum, it) => sum + it.bytes, 0);
  }

  /** `render` makes the line (without its end) for a seq. Returns the seq, or null when the disk did not take it. */
  append(render: (seq: number) => string): number | null {
    const seq = this.#last + 1;
    const line = Buffer.from(`${render(seq)}\n`);
    try {
      const segment = this.#writable(seq, line.length);
      let written = 0;
      try {
        while (written < line.length)
          written += writeSync(this.#fd ?? -1, line, written, line.length - written, segment.bytes + written);
      } catch (error) {
        if (this.#fd !== null) ftruncateSync(this.#fd, segment.bytes);
        throw error;
      }
      segment.bytes += line.length;
    } catch {
      this.lost += 1;
      return null;
    }
    this.#last = seq;
    this.#dirty = true;
    this.#evict();
    this.#syncTimer ??= setTimeout(() => this.sync(), SYNC_MS).unref();
    this.#wake();
    return seq;
  }

  /** To the disk itself; asynchronous, nobody waits for it. */
  sync(): void {
    if (this.#syncTimer) clearTimeout(this.#syncTimer);
    this.#syncTimer = null;
    if (!this.#dirty || this.#fd === null) return;
    this.#dirty = false;
    // An error shows at the next write.
    fdatasync(this.#fd, () => {});
  }

  /** Resolves at the next append, or when the signal ends. */
  appended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  close(): void {
    this.sync();
    this.#closeFile();
    this.#wake();
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  #pathOf(first: number): string {
    return join(this.#options.folder, `${String(first).padStart(16, '0')}.jsonl`);
  }

  #closeFile(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #writable(seq: number, length: number): Segment {
    const newest = this.#segments.at(-1);
    const full =
      newest !== undefined && newest.bytes > 0 && newest.bytes + length > this.#options.segmentBytes;
    if (newest && !full) {
      this.#fd ??= openSync(newest.path, 'r+');
      return newest;
    }
    this.sync();
    this.#closeFile();
    const path = this.#pathOf(seq);
    this.#fd = openSync(path, 'w', 0o600);
    const segment = { first: seq, path, bytes: 0 };
    this.#segments.push(segment);
    return segment;
  }

  #evict(): void {
    while (this.#segments.length > 1 && this.bytes > this.#options.maxBytes) {
      const oldest = this.#segments.shift();
      if (oldest) unlinkSync(oldest.path);
    }
  }

  /** Counts the newest segment's lines, cuts what is no whole line of the right number, folds what is asked for. */
  #recover(options: JournalOptions): void {
    const { onLine, foldFrom = 1 } = options;
    this.#last = options.lastSeq ?? 0;
    for (const [index, segment] of this.#segments.entries()) {
      const newest = index === this.#segments.length - 1;
      const next = this.#segments[index + 1];
      if (!newest && (!onLine || (next && next.first <= foldFrom))) continue;
      let seq = segment.first;
      const whole = eachLine(segment.path, (line) => {
        if (!isFrame(line, seq)) return false;
        if (onLine && seq >= foldFrom) onLine(line);
        seq += 1;
        return true;
      });
      if (!newest) continue;
      if (whole < segment.bytes) {
        const fd = openSync(segment.path, 'r+');
        ftruncateSync(fd, whole);
        closeSync(fd);
        segment.bytes = whole;
      }
      this.#last = seq - 1;
    }
  }
}

function isFrame(line: string, seq: number): boolean {
  if (!line.startsWith(`{"seq":${seq},`)) return false;
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

const READ_BYTES = 256 * 1024;

/** Calls `take` with each whole line until it says false; returns the bytes of the lines taken. */
export function eachLine(path: string, take: (line: string) => boolean): number {
  const fd = openSync(path, 'r');
  try {
    const size = fstatSync(fd).size;
    const chunk = Buffer.alloc(Math.min(READ_BYTES, Math.max(size, 1)));
    let rest: Buffer = Buffer.alloc(0);
    let done = 0;
    for (let at = 0; at < size; ) {
      const got = readSync(fd, chunk, 0, chunk.length, at);
      if (got === 0) break;
      at += got;
      const data = Buffer.concat([rest, chunk.subarray(0, got)]);
      let from = 0;
      for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, from)) {
        if (!take(data.toString('utf8', from, end))) return done;
        done += end + 1 - from;
        from = end + 1;
      }
      rest = data.subarray(from);
    }
    return done;
  } finally {
    closeSync(fd);
  }
}
