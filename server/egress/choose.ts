/** Ways out on the gateway's side: who goes by which one, how they are read from texts and written to them. */
import type { bindingTargets } from '../../shared/egress-views';

export type BindingTarget = (typeof bindingTargets)[number];
export type Verdict = 'green' | 'red' | 'incomplete';

export interface ChooseInput {
  /** `egressId`, `poolId`: what it has now. */
  sandbox: {
    id: string;
    ownerId: string;
    workspaceId: string;
    egressId: string | null;
    poolId: string | null;
  };
  bindings: readonly {
    target: string;
    targetId: string;
    egressId: string | null;
    poolId: string | null;
  }[];
  pools: ReadonlyMap<string, { strategy: string; failover: boolean; members: readonly string[] }>;
  egresses: ReadonlyMap<string, { enabled: boolean }>;
  /** Sandboxes that each one has, without this sandbox. */
  counts: ReadonlyMap<string, number>;
  /** Of the newest proof through each. */
  health: ReadonlyMap<string, Verdict | null>;
}

export interface Choice {
  /** Null only with `nobody`: direct without a row. */
  egressId: string | null;
  boundBy: BindingTarget | 'nobody';
  poolId: string | null;
}

/** The nearest binding wins. What it names is kept even when it is disabled or red: nothing falls back to `direct`. */
export function chooseEgress(input: ChooseInput): Choice {
  const { sandbox, bindings, pools } = input;
  const nearest: readonly [BindingTarget, string][] = [
    ['sandbox', sandbox.id],
    ['user', sandbox.ownerId],
    ['workspace', sandbox.workspaceId],
    ['everyone', ''],
  ];
  for (const [target, targetId] of nearest) {
    const bound = bindings.find((it) => it.target === target && it.targetId === targetId);
    if (!bound) continue;
    if (bound.egressId !== null) return { egressId: bound.egressId, boundBy: target, poolId: null };
    const pool = bound.poolId === null ? undefined : pools.get(bound.poolId);
    const egressId = pool ? fromPool(input, pool) : null;
    if (egressId !== null) return { egressId, boundBy: target, poolId: bound.poolId };
  }
  return { egressId: null, boundBy: 'nobody', poolId: null };
}

type Pool = NonNullable<ReturnType<ChooseInput['pools']['get']>>;

/** Null for a pool without members, which cannot be saved. */
function fromPool({ sandbox, egresses, counts, health }: ChooseInput, pool: Pool): string | null {
  const enabled = pool.members.filter((id) => egresses.get(id)?.enabled === true);
  const sound = enabled.filter((id) => health.get(id) !== 'red');
  const present =
    sandbox.egressId !== null && pool.members.includes(sandbox.egressId) ? sandbox.egressId : null;
  const fit = pool.failover ? sound : enabled;
  if (present !== null && fit.includes(present)) return present;
  // A newcomer takes none that is known not to work while there is another, whatever the pool does with present ones.
  const candidates = sound.length > 0 ? sound : enabled;
  // All are red: staying put keeps the fence where it is instead of walking from one dead exit to the next.
  if (sound.length === 0 && present !== null && enabled.includes(present)) return present;
  if (candidates.length === 0) return present ?? pool.members[0] ?? null;
  const best = [...candidates];
  // Stable: members with as many sandboxes stay in the pool's order.
  if (pool.strategy === 'spread') best.sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0));
  return best[0] ?? null;
}
