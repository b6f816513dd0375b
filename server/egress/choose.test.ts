import { describe, expect, test } from 'vitest';
import { type ChooseInput, chooseEgress, type Verdict } from './choose';

const sandbox = { id: 's', ownerId: 'u', workspaceId: 'w', egressId: null, poolId: null };
const bind = (target: string, targetId: string, to: { e?: string; p?: string }) => ({
  target,
  targetId,
  egressId: to.e ?? null,
  poolId: to.p ?? null,
});
function choose(over: Partial<ChooseInput>) {
  return chooseEgress({
    sandbox,
    bindings: [],
    pools: new Map(),
    egresses: new Map(['a', 'b', 'c'].map((id) => [id, { enabled: true }])),
    counts: new Map(),
    health: new Map(),
    ...over,
  });
}

describe('the nearest binding wins', () => {
  const all = [
    bind('everyone', '', { e: 'a' }),
    bind('workspace', 'w', { e: 'b' }),
    bind('user', 'u', { e: 'c' }),
    bind('sandbox', 's', { e: 'd' }),
    bind('sandbox', 'other', { e: 'x' }),
    bind('user', 'other', { e: 'x' }),
  ];
  test.each([
    [all, 'd', 'sandbox'],
    [all.slice(0, 3), 'c', 'user'],
    [all.slice(0, 2), 'b', 'workspace'],
    [all.slice(0, 1), 'a', 'everyone'],
    [all.slice(4), null, 'nobody'],
    [[], null, 'nobody'],
  ])('%#', (bindings, egressId, boundBy) => {
    expect(choose({ bindings })).toEqual({ egressId, boundBy, poolId: null });
  });

  test('one that is disabled or red is kept: nothing falls back to direct', () => {
    const bindings = [bind('everyone', '', { e: 'a' })];
    const egresses = new Map([['a', { enabled: false }]]);
    expect(choose({ bindings, egresses, health: new Map([['a', 'red']]) }).egressId).toBe('a');
  });
});

describe('a pool', () => {
  interface Case {
    has?: string;
    strategy?: string;
    failover?: boolean;
    off?: string[];
    red?: string[];
    counts?: Record<string, number>;
    want: string;
  }
  const cases: [string, Case][] = [
    ['order takes the first', { want: 'a' }],
    ['order skips a disabled one', { off: ['a'], want: 'b' }],
    ['order skips a red one', { red: ['a'], want: 'b' }],
    ['a newcomer skips a red one also without fail-over', { red: ['a'], failover: false, want: 'b' }],
    ['the present one is kept', { has: 'c', want: 'c' }],
    ['the present one is left when it is red', { has: 'c', red: ['c'], want: 'a' }],
    ['without fail-over a red present one is kept', { has: 'c', red: ['c'], failover: false, want: 'c' }],
    ['a disabled present one is left either way', { has: 'c', off: ['c'], failover: false, want: 'a' }],
    ['a present one that is no member is left', { has: 'z', want: 'a' }],
    ['spread takes the emptiest', { strategy: 'spread', counts: { a: 2, b: 1, c: 3 }, want: 'b' }],
    ['spread keeps the order among equals', { strategy: 'spread', counts: { a: 1, b: 1, c: 1 }, want: 'a' }],
    ['spread does not move who is there', { strategy: 'spread', has: 'c', counts: { c: 9 }, want: 'c' }],
    ['spread skips red and disabled', { strategy: 'spread', red: ['a'], off: ['b'], want: 'c' }],
    ['all red: the present one', { has: 'b', red: ['a', 'b', 'c'], want: 'b' }],
    ['all red: a newcomer gets the first', { red: ['a', 'b', 'c'], want: 'a' }],
    ['all disabled: the present one, never direct', { has: 'b', off: ['a', 'b', 'c'], want: 'b' }],
    ['all disabled: the first, never direct', { off: ['a', 'b', 'c'], want: 'a' }],
    ['unproven is not red', { red: ['b', 'c'], want: 'a' }],
  ];
  test.each(cases)('%s', (_what, it) => {
    const pool = {
      strategy: it.strategy ?? 'order',
      failover: it.failover ?? true,
      members: ['a', 'b', 'c'],
    };
    const choice = choose({
      sandbox: { ...sandbox, egressId: it.has ?? null, poolId: 'p' },
      bindings: [bind('everyone', '', { p: 'p' })],
      pools: new Map([['p', pool]]),
      egresses: new Map(['a', 'b', 'c'].map((id) => [id, { enabled: !it.off?.includes(id) }])),
      counts: new Map(Object.entries(it.counts ?? {})),
      health: new Map<string, Verdict>((it.red ?? []).map((id) => [id, 'red'])),
    });
    expect(choice).toEqual({ egressId: it.want, boundBy: 'everyone', poolId: 'p' });
  });
});
