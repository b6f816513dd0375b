/** Contents of files: read as text, read as bytes, written whole or not at all. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  type ReadStream,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FILE_TEXT_MAX_BYTES } from '../../shared/file-limits';
import type { FileText } from '../../shared/files';
import { isMissing, type Place, type Root } from './confined';
import { etagOf } from './entries';
import { Refusal } from './refusal';

const CHUNK_BYTES = 256 * 1024;
const NEW_FILE_MODE = 0o666;

/** A plain file, opened for reading; the caller closes it. */
export function openFile(root: Root, parts: readonly string[]): { fd: number; stat: Stats } {
  const handle = root.open(parts);
  try {
    const stat = handle.stat();
    if (stat.isDirectory()) throw new Refusal('wrong_state', 'This is a folder.');
    // A pipe would wait for its writer for ever, a device may act.
    if (!stat.isFile()) throw new Refusal('wrong_state', 'This is no plain file.');
    const fd = handle.reopen();
    return { fd, stat: fstatSync(fd) };
  } finally {
    handle.close();
  }
}

function isWritable(root: Root, parts: readonly string[]): boolean {
  const handle = root.open(parts);
  try {
    accessSync(handle.path, constants.W_OK);
    return true;
  } catch {
    return false;
  } finally {
    handle.close();
  }
}

export function readText(root: Root, given: { root: string; parts: readonly string[] }): FileText {
  const { fd, stat } = openFile(root, given.parts);
  try {
    const wanted = Buffer.alloc(Math.min(stat.size, FILE_TEXT_MAX_BYTES));
    let length = 0;
    // A file of /proc says 0 and has more; it is not in a root.
    while (length < wanted.length) {
      const count = readSync(fd, wanted, length, wanted.length - length, length);
      if (count === 0) break;
      length += count;
    }
    const truncated = stat.size > FILE_TEXT_MAX_BYTES;
    const content = textOf(wanted.subarray(0, length), truncated);
    return {
      ...{ root: given.root, path: given.parts.join('/'), content: content ?? '', truncated },
      ...{
        size: stat.size,
        binary: content === null,
        etag: etagOf(stat),
        mod_time: stat.mtime.toISOString(),
      },
      writable: isWritable(root, given.parts),
    };
  } finally {
    closeSync(fd);
  }
}

/** Null: no UTF-8 text. A text that was cut may end within a character. */
function textOf(bytes: Buffer, cut: boolean): string | null {
  if (bytes.includes(0)) return null;
  try {
    // `ignoreBOM` keeps it: what is written back must be what was read.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut });
  } catch {
    return null;
  }
}

/** Bytes `start` to `end`, both included; closes the file at its end. */
export function streamFile(fd: number, range: { start: number; end: number }): ReadStream {
  return createReadStream('', { fd, autoClose: true, highWaterMark: CHUNK_BYTES, ...range });
}

export interface Conditions {
  /** The file must still be this one. */
  ifMatch?: string | undefined;
  /** Nothing of this name may be there. */
  ifNoneMatch?: boolean | undefined;
}

/**
 * `bytes` of `source` as the whole file, under a passing name until all of it is there and on the disk. Returns the
 * new etag. What was there keeps its mode; what goes wrong leaves it as it was.
 */
export async function writeFile(
  root: Root,
  parts: readonly string[],
  given: { source: Readable; bytes: number; conditions: Conditions },
): Promise<{ etag: string; created: boolean }> {
  const place = root.target(parts);
  try {
    const before = statAt(place);
    check(before, given.conditions);
    const name = `.cc-${randomBytes(8).toString('hex')}.part`;
    const temporary = place.folder.child(name);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(temporary, flags, NEW_FILE_MODE);
    try {
      await fill(fd, given);
      if (before) fchmodSync(fd, before.mode & 0o777);
      fsyncSync(fd);
      put(place, { temporary, before, conditions: given.conditions });
      return { etag: etagOf(fstatSync(fd)), created: before === null };
    } catch (error) {
      unlinkQuietly(temporary);
      throw error;
    } finally {
      closeSync(fd);
    }
  } finally {
    place.folder.close();
  }
}

async function fill(fd: number, given: { source: Readable; bytes: number }): Promise<void> {
  let size = 0;
  const file = createWriteStream('', { fd, autoClose: false, highWaterMark: CHUNK_BYTES });
  await pipeline(
    given.source,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > given.bytes) throw new Refusal('invalid_input', 'More came than was announced.');
        yield chunk;
      }
    },
    file,
  );
  if (size !== given.bytes) throw new Refusal('canceled', 'The upload was cut short.');
}

function put(place: Place, given: { temporary: Buffer; before: Stats | null; conditions: Conditions }): void {
  const target = place.folder.child(place.name);
  if (given.conditions.ifNoneMatch) {
    // link(2) refuses a name that is taken, in one step.
    linkSync(given.temporary, target);
    unlinkSync(given.temporary);
    return;
  }
  // Once more, now that all is there: an upload may have taken minutes.
  check(statAt(place), given.conditions);
  renameSync(given.temporary, target);
}

function statAt({ folder, name }: Place): Stats | null {
  try {
    return lstatSync(folder.child(name));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function check(stat: Stats | null, { ifMatch, ifNoneMatch }: Conditions): void {
  if (stat?.isDirectory()) throw new Refusal('wrong_state', 'This is a folder.');
  if (stat && !stat.isFile()) throw new Refusal('wrong_state', 'This is no plain file.');
  if (stat && ifNoneMatch) throw new Refusal('name_taken', 'There is something of this name already.');
  if (ifMatch === undefined) return;
  if (!stat) throw new Refusal('conflict', 'This file was removed meanwhile.');
  if (etagOf(stat) !== ifMatch) throw new Refusal('conflict', 'This file was changed meanwhile.');
}

function unlinkQuietly(path: Buffer): void {
  try {
    unlinkSync(path);
  } catch {
    // It has its final name already, or its folder is gone: nothing is left to take away.
  }
}

export function sourceOf(text: string): { source: Readable; bytes: number } {
  const bytes = Buffer.from(text, 'utf8');
  return { source: Readable.from([bytes]), bytes: bytes.length };
}
