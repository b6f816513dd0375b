/** What a sandbox may reach after inheritance. Pure. */

import type { PolicyView } from '../../../shared/egress-views';
import {
  type DomainPolicy,
  type Grant,
  type NetworkPolicy,
  openPolicy,
} from '../../../shared/network-policy';

export type PolicyTarget = PolicyView['target'];
export interface PolicyLevel {
  target: PolicyTarget;
  policy: NetworkPolicy;
}

const nearest: readonly PolicyTarget[] = ['sandbox', 'workspace', 'everyone'];

/**
 * Grants and presets of all levels together. For names the nearest level decides that is not `open`: its mode and
 * `learn` hold, the same mode farther away adds its rules, and the rules of an `open` level nearer than it are
 * additions to an allow-list (that is what one tap on a denied name makes). A deny-list without rules near a sandbox
 * thus opens what a farther allow-list closes.
 */
export function effectivePolicy(levels: readonly PolicyLevel[]): NetworkPolicy {
  const ordered = nearest.flatMap((target) => levels.filter((it) => it.target === target));
  return {
    presets: unique([...openPolicy.presets, ...ordered.flatMap((it) => it.policy.presets)], (it) => it),
    grants: unique(
      ordered.flatMap((it) => it.policy.grants),
      grantKey,
    ),
    domains: domainsOf(ordered.map((it) => it.policy.domains)),
  };
}

export const grantKey = (it: Grant | DomainPolicy['rules'][number]): string => `${it.type}:${it.value}`;

function domainsOf(levels: readonly DomainPolicy[]): DomainPolicy {
  const at = levels.findIndex((it) => it.mode !== 'open');
  const decider = levels[at];
  if (!decider) return openPolicy.domains;
  const joined = levels.filter((it, n) => {
    if (it.mode === 'open') return decider.mode === 'allow-list' && n < at;
    return it.mode === decider.mode && n >= at;
  });
  return {
    mode: decider.mode,
    learn: decider.learn,
    rules: unique(
      joined.flatMap((it) => it.rules),
      grantKey,
    ),
    bundles: unique(
      joined.flatMap((it) => it.bundles),
      (it) => it,
    ),
  };
}

function unique<T>(values: readonly T[], key: (value: T) => string): T[] {
  return [...new Map(values.map((it) => [key(it), it])).values()];
}
