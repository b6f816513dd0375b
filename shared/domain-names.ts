/** Names as people type them and as sing-box judges them. */
import { type DomainRule, domainNameSchema } from './network-policy';

/** Non-ASCII name to its ASCII form (UTS 46), empty when it has none: Node's `domainToASCII`, a browser's `URL`. */
export type ToAscii = (name: string) => string;
export type NameResult = { ok: true; name: string } | { ok: false; problem: string };

const no = (problem: string): NameResult => ({ ok: false, problem });

/**
 * A typed name in the one form that is stored: lower case, ASCII, without the final dot. What could be read in
 * two ways is refused, never mended: a control character, an address, a URL.
 */
export function normaliseName(typed: string, toAscii?: ToAscii): NameResult {
  // NUL and its like end a name in some programs and not in others.
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(typed)) return no('A name has no control characters.');
  const trimmed = typed.trim();
  if (trimmed === '') return no('A name is needed.');
  if (/[\s/\\?#@:%*]/u.test(trimmed)) {
    return no('Give the name alone, such as example.org: no scheme, port, path or wildcard.');
  }
  const ascii = asciiOf(trimmed, toAscii);
  if (ascii === null) return no('This international name has no valid ASCII form.');
  const name = ascii.toLowerCase().replace(/\.$/, '');
  const { success, error } = domainNameSchema.safeParse(name);
  if (!success) return no(error.issues[0]?.message ?? 'This is no name.');
  // As WHATWG URL judges: `10.1`, `0x7f.1` and the like are read as addresses by some resolvers.
  if (/(^|\.)([0-9]+|0x[0-9a-f]*)$/.test(name)) return no('This is an address; use a rule for addresses.');
  return { ok: true, name };
}

function asciiOf(name: string, toAscii?: ToAscii): string | null {
  const plain = /^[\x21-\x7e]+$/.test(name);
  if (plain && !/(^|\.)xn--/i.test(name)) return name;
  // Without a function at hand ASCII that claims to be international is taken as it is.
  if (toAscii === undefined) return plain ? name : null;
  return toAscii(name) || null;
}

/**
 * Whether a rule is about a name, exactly as sing-box's `domain`, `domain_suffix` and `domain_keyword` judge.
 * A suffix is the name itself and what is below it: `a.com` is not about `aa.com`. A final dot and case do not
 * tell names apart (sing-box drops both before it looks); anything with a control character matches nothing.
 */
export function matchesDomain(rule: DomainRule, name: string): boolean {
  if (/\p{Cc}/u.test(name)) return false;
  const plain = name.toLowerCase().replace(/\.$/, '');
  if (plain === '') return false;
  switch (rule.type) {
    case 'domain':
      return plain === rule.value;
    case 'suffix':
      return plain === rule.value || plain.endsWith(`.${rule.value}`);
    case 'keyword':
      return plain.includes(rule.value);
  }
}
