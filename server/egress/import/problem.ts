/** Says what is wrong with one entry: the field, and how to mend it. Never holds a value, which may be a secret. */
export class ImportProblem extends Error {}

export function refuse(what: string): never {
  throw new ImportProblem(what);
}

/** A word out of the text that is safe to show: short, and of letters that no secret consists of alone. */
export function shown(word: unknown): string {
  return typeof word === 'string' && /^[\w.+-]{1,24}$/.test(word) ? `"${word}"` : 'the given one';
}
