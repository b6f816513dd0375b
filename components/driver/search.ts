import type { Agent, Item } from '../../shared/conversation-items';
import type { Row } from './rows';

/** All that can be read of an item. */
export function textOf(item: Item, agents: (id: string) => Agent | undefined): string {
  switch (item.type) {
    case 'user':
    case 'text':
    case 'thinking':
    case 'notice':
      return item.text;
    case 'tool':
    case 'agent': {
      const agent = item.runs === null ? undefined : agents(item.runs);
      const inner = agent?.items.map((it) => textOf(it, agents)).join('\n') ?? '';
      return item.type === 'agent'
        ? inner
        : `${item.tool}\n${JSON.stringify(item.input ?? '')}\n${item.output}\n${inner}`;
    }
    case 'question':
      return item.questions
        .map((it) => `${it.question} ${it.options.map((each) => each.label).join(' ')}`)
        .join('\n');
    case 'permission':
      return `${item.tool} ${JSON.stringify(item.input ?? '')}`;
    case 'stop':
      return item.error ?? '';
  }
}

/** Keys of the rows that hold the words, oldest first; letters' case does not matter. */
export function found(
  rows: readonly Row[],
  words: string,
  agents: (id: string) => Agent | undefined,
): string[] {
  const asked = words.trim().toLowerCase();
  if (asked === '') return [];
  return rows.filter((it) => textOf(it.item, agents).toLowerCase().includes(asked)).map((it) => it.key);
}
