'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Check, ShieldCheck } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import type { TrafficView } from '../../shared/egress-views';
import type { DnsQuestion, Flow } from '../../shared/traffic';
import type { SandboxView } from '../../shared/views';
import { useTRPC } from '../api/trpc';
import { Badge } from '../ui/banner';
import { Button } from '../ui/button';
import { bytes, duration, relative } from '../ui/time';
import { useNow } from '../ui/use-now';

/** Rows drawn; the agent keeps a few hundred. */
const ROWS_SHOWN = 100;
const list = 'grid max-h-80 divide-y divide-line/60 overflow-y-auto';
const row = 'flex items-center justify-between gap-3 py-1.5 text-xs';

function Empty({ children }: { children: string }) {
  return <p className="py-3 text-ink-soft text-sm">{children}</p>;
}

function Name({ children, sub }: { children: string; sub: string }) {
  return (
    <span className="min-w-0 flex-1">
      <span className="block truncate text-sm" title={children}>
        {children}
      </span>
      <span className="block truncate text-ink-faint">{sub}</span>
    </span>
  );
}

const rxTx = ({ rxBytes, txBytes }: { rxBytes: number; txBytes: number }) => (
  <span className="tabular shrink-0 text-right text-ink-soft">
    <span className="sr-only">received </span>↓ {bytes(rxBytes)}
    <br />
    <span className="sr-only">sent </span>↑ {bytes(txBytes)}
  </span>
);

/** A connection whose name was never seen has none to allow. */
const canBeAllowed = (host: string) => host.includes('.');

/** What was refused for its name, and one tap to allow it. */
export function DeniedNames({ sandbox, denied }: { sandbox: SandboxView; denied: TrafficView['denied'] }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const now = useNow(30_000);
  const [allowed, setAllowed] = useState<ReadonlySet<string>>(new Set());
  const allow = useMutation(
    trpc.policies.allow.mutationOptions({
      onSuccess: (tasks, { host }) => {
        setAllowed((it) => new Set(it).add(host));
        toast.success(`${host} is allowed.`, {
          description: tasks.length > 0 ? 'The sandbox takes it over now.' : undefined,
        });
        void queries.invalidateQueries({ queryKey: trpc.network.pathKey() });
        void queries.invalidateQueries({ queryKey: trpc.policies.pathKey() });
      },
    }),
  );
  if (denied.length === 0) return <Empty>Nothing was denied in the last 24 hours.</Empty>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <ul aria-label="Denied names" tabIndex={0} className={list}>
      {denied.slice(0, ROWS_SHOWN).map((it) => (
        <li key={`${it.host} ${it.verdict}`} className={row}>
          <Name
            sub={`${it.verdict === 'would-deny' ? 'would be denied, ' : ''}${it.count} times, last ${now === null ? '' : relative(it.lastAt, now)}`}
          >
            {it.host}
          </Name>
          {allowed.has(it.host) ? (
            <span className="flex items-center gap-1 text-good">
              <Check className="size-3.5" aria-hidden /> Allowed
            </span>
          ) : (
            sandbox.can.manage &&
            canBeAllowed(it.host) && (
              <Button
                size="sm"
                aria-label={`Allow ${it.host}`}
                busy={allow.isPending && allow.variables.host === it.host}
                onClick={() => allow.mutate({ sandboxId: sandbox.id, host: it.host })}
              >
                <ShieldCheck /> Allow
              </Button>
            )
          )}
        </li>
      ))}
    </ul>
  );
}

export function Hosts({ hosts }: { hosts: TrafficView['hosts'] }) {
  if (hosts.length === 0) return <Empty>Nothing went out in the last 24 hours.</Empty>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <ul aria-label="Top hosts" tabIndex={0} className={list}>
      {hosts.slice(0, ROWS_SHOWN).map((it) => (
        <li key={`${it.host} ${it.rule}`} className={row}>
          <Name sub={`${it.count} connections, ${it.rule}`}>{it.host}</Name>
          {rxTx(it)}
        </li>
      ))}
    </ul>
  );
}

const flowTones = { allowed: null, denied: 'bad', 'would-deny': 'warn' } as const;
const flowWords = { allowed: '', denied: 'denied', 'would-deny': 'would deny' };

export function Flows({ flows, empty }: { flows: readonly Flow[]; empty: string }) {
  const now = useNow(1_000);
  if (flows.length === 0) return <Empty>{empty}</Empty>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <ul aria-label="Connections" tabIndex={0} className={list}>
      {flows.slice(0, ROWS_SHOWN).map((it) => {
        const tone = flowTones[it.verdict];
        const end = it.endedAt === null ? now : Date.parse(it.endedAt);
        const sub = [
          `${it.network}/${it.port}`,
          it.rule,
          end === null ? '' : duration(end - Date.parse(it.startedAt)),
          it.endedAt !== null && now !== null ? relative(it.endedAt, now) : '',
        ];
        return (
          <li key={it.id} className={row}>
            <Name sub={sub.filter(Boolean).join(', ')}>{it.host}</Name>
            {tone && <Badge tone={tone}>{flowWords[it.verdict]}</Badge>}
            {rxTx(it)}
          </li>
        );
      })}
    </ul>
  );
}

const outcomeTones = { answered: 'good', denied: 'bad', 'would-deny': 'warn', failed: 'warn' } as const;

export function Questions({ questions }: { questions: readonly DnsQuestion[] }) {
  const now = useNow(10_000);
  if (questions.length === 0) return <Empty>No name was asked for since it started.</Empty>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <ul aria-label="DNS questions" tabIndex={0} className={list}>
      {questions.slice(0, ROWS_SHOWN).map((it, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the same question may be asked twice in one millisecond
        <li key={`${it.at} ${it.name} ${it.type} ${n}`} className={row}>
          <Name
            sub={[it.type, it.answer ?? '', now === null ? '' : relative(it.at, now)]
              .filter(Boolean)
              .join(', ')}
          >
            {it.name}
          </Name>
          <Badge tone={outcomeTones[it.outcome]}>{it.outcome.replace('-', ' ')}</Badge>
        </li>
      ))}
    </ul>
  );
}
