import { expect, test } from 'vitest';
import { type KeyLike, keyCaps, matches } from './shortcuts';

const press = (part: Partial<KeyLike>): KeyLike => ({
  code: '',
  key: '',
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  target: null,
  ...part,
});

test('the same shortcut is Ctrl here and Cmd on a Mac', () => {
  const palette = { code: 'KeyK', mod: true };
  expect(matches(press({ code: 'KeyK', ctrlKey: true }), palette, false)).toBe(true);
  expect(matches(press({ code: 'KeyK', ctrlKey: true }), palette, true)).toBe(false);
  expect(matches(press({ code: 'KeyK', metaKey: true }), palette, true)).toBe(true);
  expect(matches(press({ code: 'KeyK', ctrlKey: true, shiftKey: true }), palette, false)).toBe(false);
});

test('a sign is compared as it was typed, whatever keys made it', () => {
  expect(matches(press({ code: 'Minus', key: '?', shiftKey: true }), { key: '?' }, false)).toBe(true);
});

test('caps', () => {
  expect(keyCaps({ code: 'KeyK', mod: true, shift: true }, false)).toEqual(['Ctrl', 'Shift', 'K']);
  expect(keyCaps({ code: 'KeyK', mod: true }, true)).toEqual(['⌘', 'K']);
});
