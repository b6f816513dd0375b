'use client';

import { useQuery } from '@tanstack/react-query';
import { Pencil } from 'lucide-react';
import Link from 'next/link';
import type { SandboxNetworkView } from '../../shared/egress-views';
import { policyLines } from '../../shared/policy-diff';
import type { SandboxView } from '../../shared/views';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { sourcesOf } from './policy-sources';
import { Section } from './section';

const LINES_SHOWN = 40;

/** What the sandbox may reach after inheritance, and where each line comes from. */
export function EffectivePolicy({
  sandbox,
  network,
  admin,
}: {
  sandbox: SandboxView;
  network: SandboxNetworkView;
  admin: boolean;
}) {
  const trpc = useTRPC();
  // Rules are for administrators to read; others see what comes out of them.
  const saved = useQuery({ ...trpc.policies.list.queryOptions(), enabled: admin });
  const mine = (saved.data ?? []).filter(
    (it) =>
      it.target === 'everyone' ||
      (it.target === 'workspace' && it.targetId === sandbox.workspaceId) ||
      (it.target === 'sandbox' && it.targetId === sandbox.id),
  );
  const lines = policyLines(network.policy).filter((it) => it !== 'Preset loopback');
  return (
    <Section
      title="May reach"
      aside={
        admin && (
          <Button size="sm" asChild>
            <Link href={`/admin/egress/rules?target=sandbox&id=${sandbox.id}`}>
              <Pencil aria-hidden /> Edit its own rules
            </Link>
          </Button>
        )
      }
    >
      <ul className="grid gap-1 text-sm">
        {lines.slice(0, LINES_SHOWN).map((line) => {
          const from = sourcesOf(line, mine);
          return (
            <li key={line} className="flex flex-wrap justify-between gap-x-3">
              <span className="min-w-0 break-words">{line}</span>
              {from.length > 0 && <span className="text-ink-faint text-xs">{from.join(', ')}</span>}
            </li>
          );
        })}
        {lines.length > LINES_SHOWN && (
          <li className="text-ink-faint">and {lines.length - LINES_SHOWN} more</li>
        )}
      </ul>
      <p className="text-ink-faint text-xs">
        Private, link-local and neighbour addresses are always refused unless granted.
        {!admin &&
          ' Rules are made by administrators; a refused name can be allowed under Traffic by who manages the sandbox.'}
      </p>
    </Section>
  );
}
