/** Ids, default names and host names of new sandboxes. */
import { randomInt } from 'node:crypto';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const LETTERS_AND_DIGITS = `${LETTERS}0123456789`;
const ID_LENGTH = 16;
/** The longest host name the agent takes. */
const HOSTNAME_MAX = 42;

const adjectives =
  'amber bold brave bright calm clever cosmic crisp eager early gentle golden happy keen kind lively lucky mellow merry misty nimble noble patient quick quiet rapid rosy silver snowy steady sunny swift tidy vivid warm wild wise'.split(
    ' ',
  );
const nouns =
  'anchor beacon breeze brook canyon cedar cloud comet coral delta dune ember falcon fern fjord forest garden glacier grove harbor heron island lagoon lantern maple meadow moon otter peak pine prairie reef ridge river spruce summit sparrow tide valley willow'.split(
    ' ',
  );

/** 82 random bits, shaped as sandboxIdSchema asks. */
export function newSandboxId(): string {
  let id = LETTERS.charAt(randomInt(LETTERS.length));
  while (id.length < ID_LENGTH) id += LETTERS_AND_DIGITS.charAt(randomInt(LETTERS_AND_DIGITS.length));
  return id;
}

/** Such as `quiet-harbor`; with a number when all tries are taken. */
export function newName(taken: ReadonlySet<string>): string {
  const pick = (words: string[]) => words[randomInt(words.length)] ?? 'sandbox';
  for (let tries = 0; tries < 20; tries++) {
    const name = `${pick(adjectives)}-${pick(nouns)}`;
    if (!taken.has(name)) return name;
  }
  for (let number = 2; ; number++) if (!taken.has(`sandbox-${number}`)) return `sandbox-${number}`;
}

/** A name as a host name: ASCII letters, digits, inner hyphens. */
export function hostnameOf(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, HOSTNAME_MAX)
    .replace(/-+$/, '');
  return plain === '' ? 'sandbox' : plain;
}
