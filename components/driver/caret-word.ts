/** The word at the caret that a list of offers belongs to: a command at the beginning of the text, or a file. */
export interface CaretWord {
  kind: 'command' | 'file';
  /** Without its `/` or `@`. */
  query: string;
  /** Where the sign stands, and where the caret does. */
  from: number;
  to: number;
}

export function caretWord(text: string, caret: number): CaretWord | null {
  const before = text.slice(0, caret);
  const command = /^\/([\w:-]*)$/.exec(before);
  if (command) return { kind: 'command', query: command[1] ?? '', from: 0, to: caret };
  const file = /(?:^|\s)@([^\s@]*)$/.exec(before);
  if (!file) return null;
  const query = file[1] ?? '';
  return { kind: 'file', query, from: caret - query.length - 1, to: caret };
}

/** The text with the word replaced, and where the caret is then. */
export function replaced(text: string, word: CaretWord, by: string): { text: string; caret: number } {
  const rest = text.slice(word.to);
  const gap = rest.startsWith(' ') || rest.startsWith('\n') ? '' : ' ';
  return { text: text.slice(0, word.from) + by + gap + rest, caret: word.from + by.length + 1 };
}

/** Commands that fit: those that begin with the query first, then those that have it somewhere. */
export function fitting<T extends { name: string; description: string }>(
  all: readonly T[],
  query: string,
): T[] {
  const asked = query.toLowerCase();
  const rank = (it: T): number => {
    const name = it.name.toLowerCase();
    if (name.startsWith(asked)) return 0;
    if (name.includes(asked)) return 1;
    return it.description.toLowerCase().includes(asked) ? 2 : 3;
  };
  return all
    .map((it) => ({ it, rank: rank(it) }))
    .filter((each) => each.rank < 3)
    .sort((a, b) => a.rank - b.rank)
    .map((each) => each.it);
}
