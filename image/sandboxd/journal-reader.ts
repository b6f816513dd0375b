/**
 * Reads a journal from any seq and goes on live. A reader holds no queue: it has a place in the files and reads on when
 * its consumer wants more, so a slow one costs nothing and is told by a `gap` when the journal outran it.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { FrameOf } from '../../shared/frames';
import type { Journal, Segment } from './journal';

const READ_BYTES = 64 * 1024;
const NEWLINE = 10;

export interface ReadOptions {
  session: string;
  /** The last seq that the reader has. */
  from: number;
  follow: boolean;
  signal: AbortSignal;
}

/** Yields whole lines, one or more at a time. Ends with the signal, or at the end unless it follows. */
export async function* readJournal(journal: Journal, options: ReadOptions): AsyncGenerator<Buffer> {
  let next = options.from + 1;
  // A number of the future is one of another journal: there is nothing to wait for but what comes next.
  if (next > journal.last + 1) next = journal.last + 1;
  let place: Place | null = null;
  try {
    while (!options.signal.aborted) {
      if (journal.first > next) {
        await place?.file.close();
        place = null;
        yield gapLine(options.session, { reason: 'evicted', from: next, to: journal.first - 1 });
        next = journal.first;
      }
      if (next > journal.last) {
        if (!options.follow) return;
        await journal.appended(options.signal);
        continue;
      }
      place = await placeFor(journal, next, place);
      if (place === null) continue; // evicted while it was opened
      const lines = await place.read();
      if (lines === null) {
        // Fewer lines than its name and the next one's promise: somebody has cut it.
        const later = place.exhausted ? journal.segments.find((it) => it.first > next) : undefined;
        if (later) {
          yield gapLine(options.session, { reason: 'damaged', from: next, to: later.first - 1 });
          next = later.first;
        } else if (place.exhausted) await journal.appended(options.signal);
        continue;
      }
      next = place.next;
      yield lines;
    }
  } finally {
    await place?.file.close();
  }
}

async function placeFor(journal: Journal, next: number, place: Place | null): Promise<Place | null> {
  const segment = journal.segments.findLast((it) => it.first <= next);
  if (!segment) return place;
  if (place?.segment === segment) return place;
  await place?.file.close();
  const file = await open(segment.path, 'r').catch(() => null);
  return file && new Place(segment, file, next);
}

class Place {
  readonly segment: Segment;
  readonly file: FileHandle;
  next: number;
  #at = 0;
  #seq: number;

  constructor(segment: Segment, file: FileHandle, next: number) {
    this.segment = segment;
    this.file = file;
    this.next = next;
    this.#seq = segment.first;
  }

  get exhausted(): boolean {
    return this.#at >= this.segment.bytes;
  }

  /** Whole lines from `next` on; null when this step only brought the place nearer to it. */
  async read(): Promise<Buffer | null> {
    for (let size = READ_BYTES; ; size *= 4) {
      const length = Math.min(size, this.segment.bytes - this.#at);
      if (length <= 0) return null;
      const chunk = Buffer.allocUnsafe(length);
      const { bytesRead } = await this.file.read(chunk, 0, length, this.#at);
      const data = chunk.subarray(0, bytesRead);
      const end = data.lastIndexOf(NEWLINE) + 1;
      if (end > 0) return this.#take(data.subarray(0, end));
      if (bytesRead < length) return null;
    }
  }

  /** A segment has no holes: its lines are counted, not parsed. */
  #take(lines: Buffer): Buffer | null {
    let from = 0;
    for (let at = lines.indexOf(NEWLINE); at !== -1; at = lines.indexOf(NEWLINE, at + 1)) {
      if (this.#seq < this.next) from = at + 1;
      this.#seq += 1;
    }
    this.#at += lines.length;
    if (from === lines.length) return null;
    this.next = this.#seq;
    return lines.subarray(from);
  }
}

function gapLine(session: string, data: FrameOf<'gap'>['data'] & { to: number }): Buffer {
  const frame: FrameOf<'gap'> = { seq: data.to, session, ts: new Date().toISOString(), kind: 'gap', data };
  return Buffer.from(`${JSON.stringify(frame)}\n`);
}
