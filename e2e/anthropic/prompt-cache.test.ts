import { expect, test } from 'vitest';
import { createPromptCache } from './prompt-cache';

const text = (words: string, mark?: object) => ({
  ...{ type: 'text', text: words.padEnd(8_000, '.') },
  ...(mark ? { cache_control: mark } : {}),
});
const ephemeral = { type: 'ephemeral' };
const request = (first: string, ...said: string[]) => ({
  model: 'm',
  tools: [{ name: 'Bash' }],
  system: [text('You are.', { ...ephemeral, ttl: '1h' })],
  messages: [first, ...said].map((it, at) => ({
    ...{ role: at % 2 === 0 ? 'user' : 'assistant' },
    content: [text(it, at === said.length ? ephemeral : undefined)],
  })),
});

test('what was sent before is read, what is new is written, and what has changed is read no more', () => {
  const usage = createPromptCache();
  const first = usage(request('hello'));
  expect(first).toMatchObject({ input_tokens: 0, cache_read_input_tokens: 0 });
  const { ephemeral_1h_input_tokens: hour = 0, ephemeral_5m_input_tokens: minutes = 0 } =
    first?.cache_creation ?? {};
  expect([hour > 2_000, minutes > 2_000]).toEqual([true, true]);
  expect(first?.cache_creation_input_tokens).toBe(hour + minutes);

  const second = usage(request('hello', 'hi', 'and now'));
  expect(second?.cache_read_input_tokens).toBe(first?.cache_creation_input_tokens);
  expect(second?.cache_creation.ephemeral_1h_input_tokens).toBe(0);
  expect(second?.cache_creation.ephemeral_5m_input_tokens).toBeGreaterThan(4_000);

  expect(usage(request('Hello', 'hi', 'and now'))?.cache_read_input_tokens).toBe(hour);
  expect(usage({ ...request('hello'), model: 'n' })?.cache_read_input_tokens).toBe(0);
});

test('nothing is cached without a mark, of little, or with too many marks', () => {
  const usage = createPromptCache();
  const plain = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(9_000) }] };
  for (const _ of [1, 2])
    expect(usage(plain)).toMatchObject({ cache_read_input_tokens: 0, cache_creation_input_tokens: 0 });
  expect(usage(plain)?.input_tokens).toBeGreaterThan(2_000);
  const little = {
    model: 'm',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control: {} }] }],
  };
  for (const _ of [1, 2]) expect(usage(little)).toMatchObject({ cache_creation_input_tokens: 0 });
  const many = Array.from({ length: 5 }, () => text('x', ephemeral));
  expect(usage({ model: 'm', messages: [{ role: 'user', content: many }] })).toBeNull();
});
