/** sing-box JSON: a whole configuration, a list, or a single outbound or endpoint. */
import type { Egress } from '../../../shared/egress';
import { entryOf, IMPORT_ENTRIES_MAX, type RawEntry } from './entry';
import { asFields, type Fields, nameOf } from './objects';
import { refuse, shown } from './problem';
import { singBoxKinds } from './sing-box-kinds';

export function singBoxObjects(text: string): RawEntry[] | string {
  let document: unknown;
  try {
    document = JSON.parse(withoutComments(text));
  } catch {
    return 'The JSON cannot be read; check that it is whole and that quotes, commas and brackets match.';
  }
  const objects = objectsOf(document).slice(0, IMPORT_ENTRIES_MAX);
  if (objects.length === 0) return 'The JSON holds no outbound and no endpoint.';
  return objects.map((it, index) => entryOf(index + 1, nameOf(asFields(it)?.tag), () => egressOf(it)));
}

/** What is in every configuration and is no way out; looked over in silence. */
const NOT_EGRESSES = new Set(['selector', 'urltest', 'block', 'dns']);

function objectsOf(document: unknown): unknown[] {
  if (Array.isArray(document)) return document;
  const root = asFields(document);
  if (root === null) return [];
  if (root.outbounds === undefined && root.endpoints === undefined)
    return root.type === undefined ? [] : [root];
  const both = [root.outbounds, root.endpoints].flatMap((it) => (Array.isArray(it) ? it : []));
  const tagged = new Set(both.map((it) => asFields(it)?.detour).filter((it) => typeof it === 'string'));
  return both.filter((it) => {
    const { type, tag } = asFields(it) ?? {};
    if (typeof type !== 'string') return true;
    // A plain direct outbound is there in each; one that is a detour belongs to what it serves.
    return !NOT_EGRESSES.has(type) && !(type === 'direct' && typeof tag === 'string' && tagged.has(tag));
  });
}

function egressOf(value: unknown): Egress {
  const fields: Fields = asFields(value) ?? refuse('The entry is no object.');
  const type = nameOf(fields.type) ?? refuse('type: is missing.');
  const read = singBoxKinds.get(type);
  if (read === undefined) {
    return refuse(`type: ${shown(type)} is not supported; known are ${[...singBoxKinds.keys()].join(', ')}.`);
  }
  return read(fields);
}

/**
 * sing-box takes comments (`//`, `#`, block) and a comma before a closing bracket; a text in quotes stays as it
 * is. One pass: a pattern would take quadratic time for a text made for that.
 */
function withoutComments(text: string): string {
  const kept: string[] = [];
  let from = 0;
  let comma = -1;
  const skipTo = (end: number, at: number) => {
    kept.push(text.slice(from, at), ' ');
    from = end < 0 ? text.length : end;
    return from;
  };
  for (let at = 0; at < text.length; ) {
    const char = text.charAt(at);
    const two = text.slice(at, at + 2);
    if (two === '/*') {
      const end = text.indexOf('*/', at + 2);
      at = skipTo(end < 0 ? -1 : end + 2, at);
    } else if (two === '//' || char === '#') {
      at = skipTo(text.indexOf('\n', at), at);
    } else if (char === ',') {
      // Kept back until it is known what follows.
      kept.push(text.slice(from, at));
      comma = kept.push(',') - 1;
      at += 1;
      from = at;
    } else if (/\s/.test(char)) {
      at += 1;
    } else {
      if (comma >= 0 && (char === '}' || char === ']')) kept[comma] = ' ';
      comma = -1;
      at = char === '"' ? endOfString(text, at) : at + 1;
    }
  }
  kept.push(text.slice(from));
  return kept.join('');
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}
