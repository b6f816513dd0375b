/** Clash (mihomo) documents: `proxies:` of all kinds. Names of fields follow mihomo's documentation. */
import { parse } from 'yaml';
import type { Egress } from '../../../shared/egress';
import { clashKinds } from './clash-kinds';
import { entryOf, IMPORT_ENTRIES_MAX, type RawEntry } from './entry';
import { asFields, nameOf } from './objects';
import { refuse, shown } from './problem';

/** Anchors are used for shared health checks; a bomb needs thousands of uses. */
const ALIASES_MAX = 100;

export function looksLikeClash(text: string): boolean {
  return /^(proxies|Proxy)\s*:/m.test(text);
}

/** A sentence when the document as a whole cannot be read. */
export function clashProxies(text: string): RawEntry[] | string {
  let document: unknown;
  try {
    document = parse(text, {
      // Every scalar stays the text that was written: a short id 00123456 is no number.
      schema: 'failsafe',
      maxAliasCount: ALIASES_MAX,
      // Looking for double keys takes quadratic time.
      uniqueKeys: false,
      // `silent` would also swallow errors and yield half a document.
      logLevel: 'error',
    });
  } catch (error) {
    return `The YAML cannot be read${placeOf(error)}; check indentation, quotes and anchors there.`;
  }
  const root = asFields(document);
  const proxies = root?.proxies ?? root?.Proxy;
  if (!Array.isArray(proxies)) return 'The YAML has no list `proxies`.';
  return proxies
    .slice(0, IMPORT_ENTRIES_MAX)
    .map((it, index) => entryOf(index + 1, nameOf(asFields(it)?.name), () => proxyOf(it)));
}

/** The parser's own message quotes the text, which may hold secrets; only its place is told. */
function placeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('linePos' in error)) return '';
  const [start] = Array.isArray(error.linePos) ? error.linePos : [];
  const line = asFields(start)?.line;
  return typeof line === 'number' ? ` (line ${line})` : '';
}

function proxyOf(value: unknown): Egress {
  const fields = asFields(value) ?? refuse('The entry is no map of fields.');
  const type = nameOf(fields.type) ?? refuse('type: is missing.');
  const read = clashKinds.get(type);
  if (read === undefined) {
    return refuse(`type: ${shown(type)} is not supported; known are ${[...clashKinds.keys()].join(', ')}.`);
  }
  if (fields['dialer-proxy']) refuse('dialer-proxy: a chain of proxies is not supported.');
  return read(fields);
}
