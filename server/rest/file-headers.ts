/** Headers of answers that carry a file of a sandbox: none of it may become a page of ours. */
import { shownName } from '../../shared/file-names';

/** Shown as pictures by `<img>`, and nothing else is shown at all. */
const pictures: Readonly<Record<string, string>> = {
  ...{ png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp' },
  ...{ avif: 'image/avif', bmp: 'image/bmp', ico: 'image/x-icon', svg: 'image/svg+xml' },
};

/** A file that is opened by itself runs nothing and has no origin of ours, whatever it is. */
export const FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

export function pictureType(path: string): string | null {
  const extension = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(pictures, extension) ? (pictures[extension] ?? null) : null;
}

/** RFC 6266: a name of plain letters for old clients, and the real one. */
export function disposition(kind: 'attachment' | 'inline', name: string): string {
  const shown = shownName(name);
  const plain = shown.replace(/[^\w. -]/g, '_') || 'file';
  const encoded = encodeURIComponent(shown).replace(/['()*]/g, (it) => `%${it.charCodeAt(0).toString(16)}`);
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

export type Range = { start: number; end: number };

/** RFC 9110 section 14: one range of bytes. Null: the whole file; `none`: nothing of it is in the file. */
export function rangeOf(header: string | undefined, size: number): Range | null | 'none' {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  const [first = '', last = ''] = match?.slice(1) ?? [];
  if (!match || (first === '' && last === '')) return null;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'none' : { start: size - length, end: size - 1 };
  }
  const range = { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
  if (last !== '' && Number(last) < range.start) return null;
  return range.start >= size ? 'none' : range;
}

/** Whether a list of entity tags holds this one; weak ones compare as themselves. */
export function hasTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((it) => {
    const tag = it.trim().replace(/^W\//, '');
    return tag === '*' || tag === `"${etag}"`;
  });
}

/** The one tag of `If-Match`, as `write` and `upload` take it. */
export function tagOf(header: string | undefined): string | undefined {
  const match = /^(?:W\/)?"([\w-]{1,128})"$/.exec(header?.trim() ?? '');
  return match?.[1];
}
