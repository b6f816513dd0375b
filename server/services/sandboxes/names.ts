import { randomBytes, randomInt } from 'node:crypto';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const SIGNS = `${LETTERS}0123456789`;
const ID_LENGTH = 16;

/** 26 x 36^15 possible ids, about 82 bits: never guessed, never twice. */
export function makeSandboxId(): string {
  let id = LETTERS[randomInt(LETTERS.length)] ?? 'a';
  while (id.length < ID_LENGTH) id += SIGNS[randomInt(SIGNS.length)];
  return id;
}

const ADJECTIVES =
  'amber brisk calm clever dusty eager fair gentle golden hardy keen lively mellow misty noble quiet rapid ruby sharp silver sunny swift tidy velvet warm wise'.split(
    ' ',
  );
const NOUNS =
  'anchor aspen badger beacon birch brook cedar comet copper crane delta ember falcon fern forge harbor heron lagoon lark lotus maple meadow otter pebble pine quartz raven reef river sparrow spruce summit thistle tundra willow wren'.split(
    ' ',
  );

/** Two words that are easy to say and to tell apart; `taken` are the names in use beside it. */
export function makeSandboxName(taken: ReadonlySet<string>): string {
  for (let tries = 0; tries < 20; tries++) {
    const name = `${ADJECTIVES[randomInt(ADJECTIVES.length)]}-${NOUNS[randomInt(NOUNS.length)]}`;
    if (!taken.has(name)) return name;
  }
  return `sandbox-${randomBytes(3).toString('hex')}`;
}

const HOSTNAME_MAX = 42;

/** A host name from a name that people chose: letters, digits and single dashes; `sandbox` when nothing is left. */
export function hostnameOf(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, HOSTNAME_MAX)
    .replace(/^-+|-+$/g, '');
  return plain || 'sandbox';
}
