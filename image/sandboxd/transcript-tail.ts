/** Follows a growing file by whole lines, from an offset that its owner keeps. */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const READ_BYTES = 256 * 1024;
/** A longer line is passed over: nothing of a conversation is that long. */
const LINE_MAX_BYTES = 64 * 1024 * 1024;
const NEWLINE = 10;

export interface LineTail {
  /** Reads what there is now; resolves when all of it was taken. */
  pull(): Promise<void>;
  close(): void;
}

/**
 * `take` gets a line and the offset behind it. The file need not exist yet. inotify tells of changes; whoever owns the
 * tail also pulls on a timer, as a watch is lost when the file is replaced.
 */
export function tailLines(options: {
  path: string;
  offset: number;
  take: (line: string, offset: number) => void;
  onError: (error: unknown) => void;
}): LineTail {
  let offset = options.offset;
  let closed = false;
  let running: Promise<void> | null = null;
  let again = false;
  let watcher: FSWatcher | null = null;

  async function read(file: FileHandle): Promise<void> {
    let rest: Buffer = Buffer.alloc(0);
    for (let at = offset; !closed; ) {
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      const data =
        rest.length === 0
          ? chunk.subarray(0, bytesRead)
          : Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let from = 0;
      for (let end = data.indexOf(NEWLINE); end !== -1 && !closed; end = data.indexOf(NEWLINE, from)) {
        offset += end + 1 - from;
        options.take(data.toString('utf8', from, end), offset);
        from = end + 1;
      }
      rest = data.subarray(from);
      if (rest.length > LINE_MAX_BYTES) {
        offset = at;
        rest = Buffer.alloc(0);
      }
    }
  }

  async function run(): Promise<void> {
    again = false;
    const file = await open(options.path, 'r').catch(() => null);
    if (!file) return;
    try {
      watcher ??= startWatch();
      await read(file);
    } catch (error) {
      options.onError(error);
    } finally {
      await file.close();
    }
  }

  function startWatch(): FSWatcher {
    const made = watch(options.path, () => void pull());
    made.on('error', () => {
      made.close();
      watcher = null;
    });
    return made;
  }

  async function pull(): Promise<void> {
    again = true;
    // A run that is under way may have passed what the caller means: then one more.
    while ((again || running) && !closed) {
      running ??= run().finally(() => {
        running = null;
      });
      await running;
    }
  }

  return {
    pull,
    close() {
      closed = true;
      watcher?.close();
    },
  };
}
