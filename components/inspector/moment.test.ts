import { expect, test } from 'vitest';
import type { Frame } from '../../shared/frames';
import { momentOf } from './moment';

const session = '7f0e6f0e-1111-4222-8333-444455556666';
const at = (seq: number, rest: object): Frame =>
  ({ seq, session, ts: '2026-11-21T10:00:00.000Z', turn: 1, ...rest }) as Frame; // as the tests below write them
const delta = (seq: number, offset: number, text: string) =>
  at(seq, { kind: 'text.delta', data: { role: 'assistant', messageId: 'm', block: 0, offset, text } });
const prompt = at(1, { kind: 'text.delta', data: { role: 'user', text: 'mend the total\nplease' } });
const start = at(4, {
  kind: 'tool.use.start',
  data: { toolUseId: 't', tool: 'Bash', input: { command: 'npm test' } },
});
const result = at(5, {
  kind: 'tool.use.result',
  data: { toolUseId: 't', tool: 'Bash', isError: false, output: '3 passed' },
});
const stop = at(6, { kind: 'stop', data: { scope: 'turn', reason: 'completed' } });
const early = at(7, { kind: 'status', turn: undefined, data: { state: 'idle' } });
const frames = [prompt, delta(2, 0, 'The **total'), delta(3, 11, '** forgets'), start, result, stop, early];

test.each([
  [prompt, ['mend the total']],
  [frames[2], ['The total forgets', 'mend the total']],
  [start, ['npm test', 'Bash', 'mend the total']],
  [result, ['npm test', 'Bash', '3 passed', 'mend the total']],
  [stop, ['mend the total']],
  [early, []],
])('frame %#', (frame, words) => {
  expect(momentOf(frame as Frame, frames)).toEqual(words);
});
