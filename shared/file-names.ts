/**
 * File names and paths as text. A name on Linux is any bytes but `/` and NUL; JSON and URLs hold text only. So a byte
 * that belongs to no valid UTF-8 stands as one code point of U+10FF00..U+10FFFF (last of the private planes), and
 * characters of that range stand as their bytes: the way there and back loses nothing.
 */

/** ext4, xfs and overlayfs; bytes. */
export const FILE_NAME_MAX_BYTES = 255;
/** PATH_MAX of Linux, bytes. */
export const FILE_PATH_MAX_BYTES = 4096;

const ESCAPE_BASE = 0x10ff00;

/** Length of the valid UTF-8 sequence at `at`, 0 when there is none. Table 3-7 of the Unicode standard. */
function sequenceAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const size =
    first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) === 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (size === 0 || at + size > bytes.length) return 0;
  for (let offset = 1; offset < size; offset++) if (((bytes[at + offset] ?? 0) & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1] ?? 0;
  if (first === 0xe0 && second < 0xa0) return 0; // overlong
  if (first === 0xed && second > 0x9f) return 0; // surrogates
  if (first === 0xf0 && second < 0x90) return 0; // overlong
  if (first === 0xf4 && second > 0x8f) return 0; // past U+10FFFF
  return size;
}

function codePointAt(bytes: Uint8Array, at: number, size: number): number {
  let value = size === 1 ? (bytes[at] ?? 0) : (bytes[at] ?? 0) & (0xff >> (size + 1));
  for (let offset = 1; offset < size; offset++) value = (value << 6) | ((bytes[at + offset] ?? 0) & 0x3f);
  return value;
}

/** Bytes of a name or a path as text. */
export function nameFromBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const size = sequenceAt(bytes, at);
    const code = size === 0 ? 0 : codePointAt(bytes, at, size);
    if (size === 0 || code >= ESCAPE_BASE) {
      text += String.fromCodePoint(ESCAPE_BASE + (bytes[at] ?? 0));
      at += 1;
    } else {
      text += String.fromCodePoint(code);
      at += size;
    }
  }
  return text;
}

function putCodePoint(into: number[], code: number): void {
  if (code < 0x80) into.push(code);
  else if (code < 0x800) into.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
  else if (code < 0x10000) into.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
  else
    into.push(
      0xf0 | (code >> 18),
      0x80 | ((code >> 12) & 0x3f),
      0x80 | ((code >> 6) & 0x3f),
      0x80 | (code & 0x3f),
    );
}

/** And back. A lone surrogate, which is no text, becomes U+FFFD. */
export function nameToBytes(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= ESCAPE_BASE) bytes.push(code - ESCAPE_BASE);
    else putCodePoint(bytes, code >= 0xd800 && code <= 0xdfff ? 0xfffd : code);
  }
  return Uint8Array.from(bytes);
}

/** For people: what is no text or would change the line as `\x0a`. */
export function shownName(name: string): string {
  let text = '';
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    const byte = code >= ESCAPE_BASE ? code - ESCAPE_BASE : code;
    const bidi = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    if (code >= ESCAPE_BASE || code < 0x20 || code === 0x7f)
      text += `\\x${byte.toString(16).padStart(2, '0')}`;
    else text += bidi ? `\\u${code.toString(16)}` : character;
  }
  return text;
}

/** The parts of a path from its root; null for one that is not valid. A leading `/` and a lone `.` mean the root. */
export function partsOf(path: string): string[] | null {
  const trimmed = path.replace(/^\/+/, '').replace(/\/+$/, '');
  if (trimmed === '' || trimmed === '.') return [];
  if (nameToBytes(trimmed).length > FILE_PATH_MAX_BYTES) return null;
  const parts = trimmed.split('/');
  return parts.every(isName) ? parts : null;
}

/** One name in a folder: no separator, no NUL, neither of the two that every folder has. */
export function isName(name: string): boolean {
  if (name === '' || name === '.' || name === '..') return false;
  const bytes = nameToBytes(name);
  // Only as `nameFromBytes` writes it: an escaped `.`, `/` or NUL is one too.
  if (nameFromBytes(bytes) !== name) return false;
  return bytes.length <= FILE_NAME_MAX_BYTES && !bytes.includes(0x2f) && !bytes.includes(0);
}

export function joinPath(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
