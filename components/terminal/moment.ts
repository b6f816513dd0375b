import type { TerminalView } from './terminal-view';

/** So long the history of a terminal that was just opened may take to come, in ms. */
const HISTORY_MAX_MS = 2_500;
/** A program breaks its lines by itself: a longer text is not found as one. */
const FOUND_MAX_CHARS = 48;

/** Words as they may stand on one line of a terminal: the beginning of their first line, without Markdown's marks. */
export function onOneLine(text: string): string {
  const line = text.split('\n').find((it) => /[\p{L}\p{N}]/u.test(it)) ?? '';
  const plain = line
    .replace(/^[\s#>*+-]+/, '')
    .replace(/[*`]{1,3}(?=\S)|(?<=\S)[*`]{1,3}|(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
  if (plain.length <= FOUND_MAX_CHARS) return plain;
  const cut = plain.slice(0, FOUND_MAX_CHARS);
  return cut.slice(0, Math.max(cut.lastIndexOf(' '), FOUND_MAX_CHARS / 2));
}

/**
 * Scrolls to the newest place that holds the first of these words that are there at all, and selects them. What is
 * less sure is looked for when the history has come. False: none of them stand in the terminal any more.
 */
export async function showMoment(
  { terminal, search, scrollback }: Pick<TerminalView, 'terminal' | 'search' | 'scrollback'>,
  words: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const [surest, ...others] = words;
  if (surest === undefined) return true;
  const look = (text: string): boolean => {
    // It is looked for from the end, not from what was found before.
    terminal.clearSelection();
    return search.findPrevious(text, { caseSensitive: true });
  };
  scrollback.complete();
  if (look(surest)) return true;
  const found = await new Promise<boolean>((resolve) => {
    const settle = (did: boolean) => {
      clearTimeout(timer);
      parsed.dispose();
      resolve(did);
    };
    const parsed = terminal.onWriteParsed(() => {
      if (look(surest)) settle(true);
    });
    const timer = setTimeout(() => settle(false), others.length > 0 ? HISTORY_MAX_MS / 2 : HISTORY_MAX_MS);
    signal.addEventListener('abort', () => settle(true), { once: true });
  });
  return found || others.some(look);
}
