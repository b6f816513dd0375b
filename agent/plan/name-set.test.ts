import { describe, expect, test } from 'vitest';
import { type DomainPolicy, type NetworkPolicy, openPolicy } from '../../shared/network-policy';
import { nameSetText, narrows } from './name-set';

const list = (
  mode: DomainPolicy['mode'],
  names: string[],
  more: Partial<DomainPolicy> = {},
): NetworkPolicy => ({
  ...openPolicy,
  domains: {
    ...{ mode, bundles: [], learn: false },
    rules: names.map((value) => ({ type: 'suffix' as const, value })),
    ...more,
  },
});
const allow = (...names: string[]) => list('allow-list', names);
const deny = (...names: string[]) => list('deny-list', names);

describe('whether a running sing-box may go on', () => {
  test.each([
    ['an allow-list that grows', allow('a.test'), allow('b.test', 'a.test'), false],
    ['an allow-list that stays', allow('b.test', 'a.test'), allow('a.test', 'b.test'), false],
    ['an allow-list that shrinks', allow('a.test', 'b.test'), allow('a.test'), true],
    ['an allow-list with one for another', allow('a.test'), allow('b.test'), true],
    ['an allow-list that is emptied', allow('a.test'), allow(), true],
    ['an allow-list that takes in a bundle', allow(), list('allow-list', [], { bundles: ['npm'] }), false],
    ['an allow-list that gives a bundle back', list('allow-list', [], { bundles: ['npm'] }), allow(), true],
    ['a deny-list that grows', deny('a.test'), deny('a.test', 'b.test'), true],
    ['a deny-list that shrinks', deny('a.test', 'b.test'), deny('a.test'), false],
    ['a deny-list that is emptied', deny('a.test'), deny(), false],
    ['a list that only learns', allow('a.test'), list('allow-list', [], { learn: true }), false],
    ['no list', allow('a.test'), openPolicy, false],
  ])('%s', (_what, before, after, want) => {
    expect(narrows(nameSetText(before), after)).toBe(want);
  });

  test.each([null, '', '{}', '{"rules":[null]}', '{"rules":[{"domain":1}]}'])(
    'not where what it runs with is not known: %s',
    (present) => {
      expect(narrows(present, allow('a.test'))).toBe(true);
      expect(narrows(present, deny())).toBe(true);
      expect(narrows(present, openPolicy)).toBe(false);
    },
  );
});
