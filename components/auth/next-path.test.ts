import { expect, test } from 'vitest';
import { nextPath } from './next-path';

const origin = 'http://127.0.0.1:8080';

test.each([
  ['/sandboxes/abc?x=1#y', '/sandboxes/abc?x=1#y'],
  ['/settings', '/settings'],
])('%s is kept', (given, kept) => {
  expect(nextPath(given, origin)).toBe(kept);
});

test.each([
  null,
  '',
  'settings',
  '//evil.example',
  '/\\evil.example',
  'https://evil.example/',
  'javascript:alert(1)',
  '/\n/evil.example',
  '/..//evil.example/x\\',
  '/sign-in?next=/sign-in',
])('%j leads home', (given) => {
  expect(nextPath(given, origin)).toBe('/');
});
