/** Clash (mihomo) documents: `proxies:` of all kinds. Names of fields follow mihomo's documentation. */
import { Composer, LineCounter, Parser } from 'yaml';
import type { Egress } from '../../../shared/egress';
import { clashKinds } from './clash-kinds';
import { entryOf, IMPORT_ENTRIES_MAX, type RawEntry } from './entry';
import { asFields, nameOf } from './objects';
import { ImportProblem, refuse, shown } from './problem';

/** Anchors are used for shared health checks; a bomb needs thousands of uses. */
const ALIASES_MAX = 100;

/**
 * Levels of lists and maps; an honest document has some ten. What is composed from them calls itself for each, and where
 * a regular expression is compiled with no stack left V8 ends the whole process, not only the thread (Node 20:
 * "RegExpCompiler Allocation failed", seen with 100,000 brackets).
 */
const NESTING_MAX = 100;

/** Calls itself for nothing, and gives a document when it is whole: too deep a one never comes that far. */
class ShallowParser extends Parser {
  override *next(source: string) {
    yield* super.next(source);
    if (this.stack.length > NESTING_MAX) refuse(`The YAML nests deeper than ${NESTING_MAX} levels.`);
  }
}

export function looksLikeClash(text: string): boolean {
  return /^(proxies|Proxy)\s*:/m.test(text);
}

/** A sentence when the document as a whole cannot be read. */
export function clashProxies(text: string): RawEntry[] | string {
  let document: unknown;
  try {
    document = readYaml(text);
  } catch (error) {
    return error instanceof ImportProblem ? error.message : unreadable('');
  }
  const root = asFields(document);
  const proxies = root?.proxies ?? root?.Proxy;
  if (!Array.isArray(proxies)) return 'The YAML has no list `proxies`.';
  return proxies
    .slice(0, IMPORT_ENTRIES_MAX)
    .map((it, index) => entryOf(index + 1, nameOf(asFields(it)?.name), () => proxyOf(it)));
}

/** As the package's `parse`, with the parser of above. Throws ImportProblem, or whatever it throws for a bad alias. */
function readYaml(text: string): unknown {
  const lines = new LineCounter();
  const composer = new Composer({
    // Every scalar stays the text that was written: a short id 00123456 is no number.
    schema: 'failsafe',
    // Looking for double keys takes quadratic time.
    uniqueKeys: false,
  });
  const tokens = new ShallowParser(lines.addNewLine).parse(text);
  const [document, another] = composer.compose(tokens, true, text.length);
  if (another !== undefined) refuse('The YAML has more than one document; import them one by one.');
  const [error] = document?.errors ?? [];
  // The package's own message quotes the text, which may hold secrets; only its place is told.
  if (error !== undefined) refuse(unreadable(` (line ${lines.linePos(error.pos[0]).line})`));
  return document?.toJS({ maxAliasCount: ALIASES_MAX });
}

const unreadable = (place: string) =>
  `The YAML cannot be read${place}; check indentation, quotes and anchors there.`;

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
