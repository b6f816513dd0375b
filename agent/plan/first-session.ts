import type { FirstSession } from '../../shared/agent-api';

/** What `session first` reads: how many words, then they, each ended by NUL; after them the lines of provider.env. */
export function firstSession({ id, permissionMode, cols, rows, provider }: FirstSession): string {
  // An empty folder: the script's own default.
  const words = ['first', id, 'claude', '', permissionMode, String(cols), String(rows)];
  return `${[String(words.length), ...words].map((word) => `${word}\0`).join('')}${provider}`;
}
