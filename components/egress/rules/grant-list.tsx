'use client';

import { type Grant, grantSchema } from '../../../shared/network-policy';
import { EntryList } from './entry-list';

const types = [
  { type: 'ip', title: 'Address' },
  { type: 'cidr', title: 'Range' },
  { type: 'domain', title: 'Exactly' },
  { type: 'suffix', title: 'Name and below' },
  { type: 'keyword', title: 'Names with' },
] as const;

/** An address needs no kind to be chosen. */
function guess(value: string, chosen: string): string {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(value)) return 'ip';
  if (value.includes('/')) return 'cidr';
  return chosen === 'ip' || chosen === 'cidr' ? 'domain' : chosen;
}

export function GrantList({
  entries,
  empty,
  onChange,
}: {
  entries: readonly Grant[];
  empty: string;
  onChange(grants: Grant[]): void;
}) {
  return (
    <EntryList
      legend="Granted"
      hint="Such as 192.168.1.10, 10.1.0.0/16 or nas.example.org."
      types={types}
      guess={guess}
      schema={grantSchema}
      entries={entries}
      empty={empty}
      onChange={onChange}
    />
  );
}
