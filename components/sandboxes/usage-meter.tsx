'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { SandboxView } from '../../shared/views';
import { useTRPC } from '../api/trpc';
import { cx } from '../ui/cx';
import { Skeleton } from '../ui/panel';
import { bytes } from '../ui/time';

/** Polled only while the panel is open, in ms. */
const POLL_MS = 3_000;

function Meter({ name, text, share }: { name: string; text: string; share: number }) {
  const percent = Math.min(100, Math.round(share * 100));
  return (
    <div className="grid gap-1">
      <p className="flex justify-between text-sm">
        <span className="text-ink-faint">{name}</span>
        <span className="tabular">{text}</span>
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: <meter> cannot be given our colours in every browser */}
      <div
        role="meter"
        aria-label={name}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={text}
        className="h-1.5 overflow-hidden rounded-full bg-line"
      >
        <div
          className={cx(
            'h-full rounded-full transition-[width] duration-700',
            share > 0.9 ? 'bg-bad' : share > 0.75 ? 'bg-warn' : 'bg-accent',
          )}
          style={{ width: `${percent}%` }}
        />
      </div>
    </div>
  );
}

export function UsageMeter({ sandbox }: { sandbox: SandboxView }) {
  const trpc = useTRPC();
  const usage = useQuery({
    ...trpc.sandboxes.usage.queryOptions({ id: sandbox.id }),
    refetchInterval: POLL_MS,
    staleTime: 0,
  });
  const last = useRef<{ cpuMs: number; at: number } | null>(null);
  const [cpus, setCpus] = useState<number | null>(null);
  useEffect(() => {
    if (!usage.data) return;
    const at = Date.parse(usage.data.at);
    const before = last.current;
    if (before && at > before.at && usage.data.cpuMs >= before.cpuMs)
      setCpus((usage.data.cpuMs - before.cpuMs) / (at - before.at));
    if (!before || at > before.at) last.current = { cpuMs: usage.data.cpuMs, at };
  }, [usage.data]);

  if (usage.isPending)
    return (
      // As high as what replaces it: a button below must not move away under the pointer.
      <div className="grid h-36.5 content-between">
        {['cpu', 'memory', 'processes', 'network'].map((it) => (
          <Skeleton key={it} className="h-6" />
        ))}
      </div>
    );
  if (!usage.data) return <p className="text-ink-faint text-sm">Not known right now.</p>;
  const memory = sandbox.limits.memoryMb * 1024 * 1024;
  return (
    <div className="grid gap-3">
      <Meter
        name="CPU"
        text={cpus === null ? 'measuring…' : `${Math.round(cpus * 100)} % of ${sandbox.limits.cpus * 100} %`}
        share={(cpus ?? 0) / sandbox.limits.cpus}
      />
      <Meter
        name="Memory"
        text={`${bytes(usage.data.memoryBytes)} of ${bytes(memory)}`}
        share={usage.data.memoryBytes / memory}
      />
      <Meter
        name="Processes"
        text={`${usage.data.pids} of ${sandbox.limits.pids}`}
        share={usage.data.pids / sandbox.limits.pids}
      />
      <p className="tabular flex justify-between text-sm">
        <span className="text-ink-faint">Network</span>
        <span>
          ↓ {bytes(usage.data.rxBytes)} ↑ {bytes(usage.data.txBytes)}
        </span>
      </p>
    </div>
  );
}
