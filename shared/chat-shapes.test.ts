import { describe, expect, test } from 'vitest';
import { MessageList } from './chat-shapes';
import type { Frame, FrameData, FrameKind } from './frames';

let seq = 0;
function frame<K extends FrameKind>(kind: K, data: FrameData<K>, turn?: number): Frame {
  seq += 1;
  const head = { seq, session: '01234567-89ab-4cde-8f01-23456789abcd', ts: '2026-11-22T00:00:00.000Z' };
  // `kind` and `data` belong together by this function's own type.
  return { ...head, kind, data, ...(turn === undefined ? {} : { turn }) } as unknown as Frame;
}
const said = (text: string, turn: number) =>
  frame('text.delta', { role: 'assistant', messageId: `m${turn}`, block: 0, offset: 0, text }, turn);

describe('a list that goes on', () => {
  test('keeps one turn, and what is open of others until that comes', () => {
    const list = new MessageList();
    list.take(said('one', 1));
    const asked = list.take(
      frame('ask.question', { requestId: 'r', toolUseId: 't', questions: [] } as never, 1),
    ).added[0];
    const two = list.take(said('two', 2)).added[0];
    expect(list.keepOnly(2)).toBe(1);
    expect(list.messages).toEqual([asked, two]);
    const { updated } = list.take(frame('request.closed', { requestId: 'r' } as never, 2));
    expect(updated).toMatchObject([{ id: asked?.id, type: 'askq', closed: true }]);
    expect(list.keepOnly(2)).toBe(0);
    expect(list.messages).toEqual([two]);
  });

  test('what still comes of a message that is gone is a message of its own', () => {
    const list = new MessageList();
    const first = list.take(said('be', 1)).added[0];
    list.keepOnly(2);
    expect(list.take(said('fore', 1)).added).toMatchObject([{ text: 'fore', turn: 1 }]);
    expect(list.messages.map((it) => it.id)).not.toContain(first?.id);
  });
});
