'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { lineOf } from '../../../shared/policy-guards';
import type { WrittenPolicy } from '../../../shared/policy-presets';
import { useTRPC } from '../../api/trpc';
import { Switch } from '../../ui/switch';

/** Grants told beside a preset's name. */
const SHOWN = 3;

/** A switch for each preset that administrators defined; those that are taken in follow their changes. */
export function OwnPresets({
  taken,
  onChange,
}: {
  taken: WrittenPolicy['own'];
  onChange(own: WrittenPolicy['own']): void;
}) {
  const trpc = useTRPC();
  const presets = useQuery(trpc.policies.presets.queryOptions());
  const all = presets.data ?? [];
  return (
    <>
      {all.map((it) => (
        <Switch
          key={it.id}
          label={it.label}
          hint={hintOf(it.grants.map(lineOf))}
          checked={taken.some((one) => one.id === it.id)}
          onChange={(on) =>
            onChange(
              // In one order, so that off and on again is no change.
              all
                .filter((one) => (one.id === it.id ? on : taken.some((use) => use.id === one.id)))
                .map(({ id, label, grants }) => ({ id, label, grants })),
            )
          }
        />
      ))}
      <p className="text-ink-faint text-xs">
        Exceptions that several rules need are best kept as a{' '}
        <Link className="text-accent underline" href="/admin/egress/presets">
          preset
        </Link>
        .
      </p>
    </>
  );
}

function hintOf(lines: readonly string[]): string {
  if (lines.length === 0) return 'It grants nothing yet.';
  const more = lines.length > SHOWN ? ` and ${lines.length - SHOWN} more` : '';
  return `${lines.slice(0, SHOWN).join(', ')}${more}.`;
}
