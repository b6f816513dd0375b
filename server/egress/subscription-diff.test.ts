import { expect, test } from 'vitest';
import { planSubscription } from './subscription-diff';

const entry = (key: string, fingerprint: string) => ({ key, fingerprint });
const row = (key: string, fingerprint: string) => ({ id: `row-${key}`, key, fingerprint });
function plan(
  entries: ReturnType<typeof entry>[],
  rows: ReturnType<typeof row>[],
  unreadable: string[] = [],
) {
  const it = planSubscription(entries, rows, new Set(unreadable));
  return {
    added: it.added.map((one) => one.key),
    changed: it.changed.map((one) => `${one.row.key}>${one.entry.key}`),
    removed: it.removed.map((one) => one.key),
    kept: it.kept.map((one) => one.key),
  };
}
const none = { added: [], changed: [], removed: [], kept: [] };

test('nothing changed', () => {
  const rows = [row('a', '1'), row('b', '2')];
  expect(plan([entry('b', '2'), entry('a', '1')], rows)).toEqual({ ...none, kept: ['b', 'a'] });
});
test('a new password is a change, a new name is one too', () => {
  expect(plan([entry('a', '9')], [row('a', '1')])).toEqual({ ...none, changed: ['a>a'] });
  expect(plan([entry('z', '1')], [row('a', '1')])).toEqual({ ...none, changed: ['a>z'] });
});
test('swapped names follow the configuration', () => {
  expect(plan([entry('a', '2'), entry('b', '1')], [row('a', '1'), row('b', '2')])).toEqual({
    ...none,
    changed: ['b>a', 'a>b'],
  });
});
test('added and removed', () => {
  expect(plan([entry('b', '2')], [row('a', '1')])).toEqual({ ...none, added: ['b'], removed: ['a'] });
});
test('what could not be read this time stays', () => {
  expect(plan([entry('b', '2')], [row('a', '1'), row('b', '2')], ['a'])).toEqual({
    ...none,
    kept: ['b', 'a'],
  });
});
test('one configuration twice is matched once', () => {
  expect(plan([entry('a', '1'), entry('a #2', '1')], [row('a', '1')])).toEqual({
    ...none,
    added: ['a #2'],
    kept: ['a'],
  });
});
