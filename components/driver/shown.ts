import type { Item } from '../../shared/conversation-items';

/** Not shown: what was thrown away, and what is empty. */
export function isShown(item: Item): boolean {
  if (item.type === 'text') return !item.discarded && (item.text.trim() !== '' || item.open);
  if (item.type === 'thinking') return !item.discarded && item.text.trim() !== '';
  // A question's own item says what its tool call would.
  if (item.type === 'tool') return item.tool !== 'AskUserQuestion';
  return true;
}
