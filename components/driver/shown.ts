import type { Item } from '../../shared/conversation-items';

/** A slash command as Claude Code writes it into its transcript; null for anything else, such as its answer. */
export function commandOf(text: string): { name: string; args: string } | null {
  const part = (tag: string) =>
    new RegExp(`<command-${tag}>([\\s\\S]*?)</command-${tag}>`).exec(text)?.[1]?.trim() ?? '';
  const name = part('name');
  return name === '' ? null : { name, args: part('args') };
}

/** What Claude Code tells itself in the user's name, such as that a background agent has ended; null: a person's words. */
export function taskNote(text: string): string | null {
  if (!text.startsWith('<task-notification>')) return null;
  return /<summary>([\s\S]*?)<\/summary>/.exec(text)?.[1]?.trim() || 'A background task has news';
}

/** Not shown: what was thrown away, and what is empty. */
export function isShown(item: Item): boolean {
  if (item.type === 'text') return !item.discarded && (item.text.trim() !== '' || item.open);
  if (item.type === 'thinking') return !item.discarded && item.text.trim() !== '';
  // A question's own item says what its tool call would.
  if (item.type === 'tool') return item.tool !== 'AskUserQuestion';
  // What it answers says what was asked, and the switch has a line of its own.
  if (item.type === 'notice' && item.event === 'command') return commandOf(item.text)?.name !== '/model';
  return true;
}
