import type { FirstSession } from '../../shared/agent-api';

/**
 * What `session first` reads: how many words, then they, each ended by NUL (the hooks last, when there are any); after
 * them the lines of provider.env.
 */
export function firstSession({ id, permissionMode, cols, rows, provider, hooks }: FirstSession): string {
  // An empty folder: the script's own default.
  const words = ['first', id, 'claude', '', permissionMode, String(cols), String(rows)];
  if (hooks !== undefined) words.push(hooks);
  return `${[String(words.length), ...words].map((word) => `${word}\0`).join('')}${provider}`;
}
