import type { Conversation } from '../../shared/conversation';
import type { Item } from '../../shared/conversation-items';
import { isShown } from './shown';

export interface Row {
  key: string;
  item: Item;
}

/** The rows of the transcript, oldest first. `earlier` are stretches of the journal that were read again. */
export function rowsOf(stretches: readonly Conversation[]): Row[] {
  const out: Row[] = [];
  // The same call may begin in one stretch and end in the next.
  for (const stretch of stretches)
    for (const item of stretch.items)
      if (isShown(item)) out.push({ key: `${stretch.firstSeq}-${item.id}`, item });
  return out;
}
