import { expect, test } from 'vitest';
import { applySticky } from './sticky-keys';

test('Ctrl and Alt turn the next key, and only a single one', () => {
  const ctrl = { ctrl: true, alt: false };
  expect(['c', 'C', '[', ' ', '1'].map((it) => applySticky(it, ctrl))).toEqual([
    '\x03',
    '\x03',
    '\x1b',
    '\0',
    '1',
  ]);
  expect(applySticky('b', { ctrl: false, alt: true })).toBe('\x1bb');
  expect(applySticky('x', { ctrl: true, alt: true })).toBe('\x1b\x18');
  expect(applySticky('paste', ctrl)).toBe('paste');
});
