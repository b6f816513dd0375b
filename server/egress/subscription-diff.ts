/** What a fetched subscription changes. Pure: entries and rows in, one plan out. */

export interface FetchedEntry {
  /** Its label, which is there once in a document: what people and providers know it by. */
  key: string;
  fingerprint: string;
}
export interface KnownEntry {
  id: string;
  key: string;
  fingerprint: string;
}
export interface SubscriptionPlan<E, K> {
  added: E[];
  /** Another configuration or another name. */
  changed: { entry: E; row: K }[];
  removed: K[];
  kept: K[];
}

/**
 * A row is the entry with its very configuration, else the one with its name: so neither a renamed exit nor one
 * with a new password loses its bindings. `unreadable`: names that the document has but that could not be taken;
 * what is there by such a name stays.
 */
export function planSubscription<E extends FetchedEntry, K extends KnownEntry>(
  entries: readonly E[],
  rows: readonly K[],
  unreadable: ReadonlySet<string>,
): SubscriptionPlan<E, K> {
  const plan: SubscriptionPlan<E, K> = { added: [], changed: [], removed: [], kept: [] };
  const free = new Set(rows);
  const matches = new Map<E, K>();
  const same: ((entry: E, row: K) => boolean)[] = [
    (entry, row) => entry.key === row.key && entry.fingerprint === row.fingerprint,
    (entry, row) => entry.fingerprint === row.fingerprint,
    (entry, row) => entry.key === row.key,
  ];
  for (const fits of same)
    for (const entry of entries) {
      const row = matches.has(entry) ? undefined : [...free].find((it) => fits(entry, it));
      if (!row) continue;
      free.delete(row);
      matches.set(entry, row);
    }
  for (const entry of entries) {
    const row = matches.get(entry);
    if (!row) plan.added.push(entry);
    else if (row.key === entry.key && row.fingerprint === entry.fingerprint) plan.kept.push(row);
    else plan.changed.push({ entry, row });
  }
  for (const row of free) (unreadable.has(row.key) ? plan.kept : plan.removed).push(row);
  return plan;
}
