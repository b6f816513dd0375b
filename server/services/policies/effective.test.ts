import { describe, expect, test } from 'vitest';
import { type NetworkPolicy, openPolicy } from '../../../shared/network-policy';
import { effectivePolicy, type PolicyTarget } from './effective';

const names = (
  mode: NetworkPolicy['domains']['mode'],
  rules: string[],
  more: Partial<NetworkPolicy['domains']> = {},
) => ({
  mode,
  rules: rules.map((value) => ({ type: 'domain' as const, value })),
  bundles: [],
  learn: false,
  ...more,
});
const level = (target: PolicyTarget, domains: NetworkPolicy['domains'], grants: string[] = []) => ({
  target,
  policy: { ...openPolicy, grants: grants.map((value) => ({ type: 'ip' as const, value })), domains },
});
const domainsOf = (...levels: ReturnType<typeof level>[]) => {
  const { mode, rules, learn } = effectivePolicy(levels).domains;
  return [mode, rules.map((it) => it.value).join(' '), learn];
};

test('without any policy everything but what is always refused is open', () => {
  expect(effectivePolicy([])).toEqual(openPolicy);
});

test('grants add up, each once', () => {
  const open = names('open', []);
  const { grants } = effectivePolicy([
    level('everyone', open, ['10.0.0.1', '10.0.0.2']),
    level('sandbox', open, ['10.0.0.2', '10.0.0.3']),
  ]);
  expect(grants.map((it) => it.value).sort()).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
});

describe('names', () => {
  const all = level('everyone', names('allow-list', ['a']));
  test.each([
    [
      'a farther list holds for an open level',
      [all, level('sandbox', names('open', []))],
      ['allow-list', 'a', false],
    ],
    ['an open level adds to it', [all, level('sandbox', names('open', ['b']))], ['allow-list', 'b a', false]],
    [
      'lists of one mode add up',
      [all, level('workspace', names('allow-list', ['b']))],
      ['allow-list', 'b a', false],
    ],
    [
      'the nearest mode decides',
      [all, level('workspace', names('deny-list', ['x']))],
      ['deny-list', 'x', false],
    ],
    ['an empty deny-list opens', [all, level('sandbox', names('deny-list', []))], ['deny-list', '', false]],
    [
      'additions to an allow-list deny nothing when it becomes a deny-list',
      [level('everyone', names('deny-list', ['x'])), level('sandbox', names('open', ['b']))],
      ['deny-list', 'x', false],
    ],
    [
      'an open level farther away than the list adds nothing',
      [level('everyone', names('open', ['z'])), level('workspace', names('allow-list', ['a']))],
      ['allow-list', 'a', false],
    ],
    [
      'who decides the mode decides whether it only learns',
      [all, level('workspace', names('allow-list', ['b'], { learn: true }))],
      ['allow-list', 'b a', true],
    ],
    [
      'an open level cannot make a list learn',
      [all, level('sandbox', names('open', [], { learn: true }))],
      ['allow-list', 'a', false],
    ],
  ])('%s', (_what, levels, want) => {
    expect(domainsOf(...levels)).toEqual(want);
    expect(domainsOf(...[...levels].reverse())).toEqual(want);
  });
});
