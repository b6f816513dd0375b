import { expect, test } from 'vitest';
import { type Frame, frameKinds } from '../../shared/frames';
import { gist, holds, kindTone, messageOf } from './gist';

const session = '01234567-89ab-4cde-8f01-23456789abcd';
const base = { seq: 1, session, ts: '2026-11-21T10:00:00.000Z' };
const text: Frame = {
  ...base,
  kind: 'text.delta',
  data: { role: 'assistant', messageId: 'msg_1', block: 0, offset: 0, text: 'two\nlines' },
};
const bash: Frame = {
  ...base,
  kind: 'tool.use.start',
  data: { toolUseId: 't', tool: 'Bash', input: { command: 'ls -l', description: 'List' } },
};

test('a gist is one line and says what matters', () => {
  expect(gist(text)).toBe('two lines');
  expect(gist(bash)).toBe('Bash: ls -l');
  expect(gist({ ...text, data: { role: 'user', text: 'x'.repeat(1000) } }).length).toBeLessThan(200);
  expect(
    gist({
      ...base,
      kind: 'api',
      data: { exchange: 3, phase: 'end', status: 200, model: 'opus', durationMs: 12.4 },
    }),
  ).toBe('#3 end 200 opus 12 ms');
});

test('a kind of tomorrow shows its data', () => {
  const later = { ...base, kind: 'telepathy', data: { thought: 'hm' } } as unknown as Frame; // newer than this build
  expect(gist(later)).toBe('{"thought":"hm"}');
});

test('search looks at kind and data, whatever the case', () => {
  expect(holds(bash, 'LS -L')).toBe(true);
  expect(holds(bash, 'tool.use')).toBe(true);
  expect(holds(bash, 'rm')).toBe(false);
});

test('the message of a frame', () => {
  expect(messageOf(text)).toBe('msg_1');
  expect(messageOf(bash)).toBeNull();
});

test('every kind has its colour', () => {
  expect(Object.keys(kindTone).sort()).toEqual([...frameKinds].sort());
});
