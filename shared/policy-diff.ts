import type { DomainPolicy, NetworkPolicy } from './network-policy';
import { lineOf } from './policy-guards';
import type { WrittenPolicy } from './policy-presets';

type Shown = NetworkPolicy & Partial<Pick<WrittenPolicy, 'own'>>;

/** What changes from one policy to the next, as lines for people; both empty when nothing does. */
export function diffPolicies(before: Shown, after: Shown): { added: string[]; removed: string[] } {
  const old = new Set(policyLines(before));
  const now = new Set(policyLines(after));
  return {
    added: [...now].filter((it) => !old.has(it)),
    removed: [...old].filter((it) => !now.has(it)),
  };
}

const MODES: Record<DomainPolicy['mode'], string> = {
  open: 'Names: all may be reached',
  'allow-list': 'Names: only those listed may be reached',
  'deny-list': 'Names: all but those listed may be reached',
};

/** A policy as lines for people, in the order it is written. */
export function policyLines({ presets, own = [], grants, domains }: Shown): string[] {
  return [
    ...presets.map((it) => `Preset ${it}`),
    ...own.flatMap(({ label, grants: held }) =>
      held.length === 0
        ? [`Preset ${label}, which is empty`]
        : held.map((it) => `Preset ${label}: ${lineOf(it)}`),
    ),
    ...grants.map((it) => `Grant: ${lineOf(it)}`),
    MODES[domains.mode],
    ...(domains.learn ? ['Names: learning, nothing is refused for its name'] : []),
    ...domains.bundles.map((it) => `Names: bundle ${it}`),
    ...domains.rules.map((it) => `Names: ${lineOf(it)}`),
  ];
}
