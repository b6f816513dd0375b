import { bundleRules } from '../../shared/domain-bundles';
import type { NetworkPolicy } from '../../shared/network-policy';
import { grantPlan, isEmpty, mergeNames, type Names, nameFields, namesOf } from './policy';

/**
 * The names that a list is about, granted ones among the allowed, are kept in a file which sing-box follows by itself:
 * one more name that may be reached needs no restart and cuts nothing. sing-box judges a connection only when it
 * begins, so a name that may not be reached any more needs a new sing-box: `narrows` says which of the two it is.
 */
export const NAME_SET = 'names';

/** Whether the file decides anything: while everything is open or only learned about it does not. */
export function usesNameSet({ domains }: NetworkPolicy): boolean {
  return domains.mode !== 'open' && !domains.learn;
}

function listed({ domains, grants, presets }: NetworkPolicy): Names {
  const names = namesOf([...domains.rules, ...domains.bundles.flatMap(bundleRules)]);
  if (domains.mode !== 'allow-list') return names;
  return mergeNames(names, grantPlan({ domains, grants, presets }).names);
}

/** The text of the file. A set without names is about none. */
export function nameSetText(policy: NetworkPolicy): string {
  const names = listed(policy);
  return `${JSON.stringify({ version: 3, rules: isEmpty(names) ? [] : [nameFields(names)] })}\n`;
}

/**
 * Whether something that the running sing-box let pass may be refused from now on. `present`: the file that it runs
 * with, null when there is none. By the entries as they are written: an entry that a wider one stands in for counts.
 */
export function narrows(present: string | null, policy: NetworkPolicy): boolean {
  if (!usesNameSet(policy)) return false;
  const before = present === null ? null : entriesOf(present);
  const after = entriesOf(nameSetText(policy));
  if (before === null || after === null) return true;
  const [kept, among] = policy.domains.mode === 'allow-list' ? [before, after] : [after, before];
  return [...kept].some((it) => !among.has(it));
}

/** Null for what no earlier agent of ours wrote. */
function entriesOf(text: string): Set<string> | null {
  try {
    const { rules } = JSON.parse(text) as { rules: Record<string, string[]>[] };
    return new Set(
      rules.flatMap((rule) =>
        Object.entries(rule).flatMap(([field, values]) => values.map((it) => `${field} ${it}`)),
      ),
    );
  } catch {
    return null;
  }
}
