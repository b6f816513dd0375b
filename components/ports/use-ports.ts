'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { toast } from 'sonner';
import type { PortView } from '../../shared/ports';
import type { SandboxView } from '../../shared/views';
import { useTRPC } from '../api/trpc';

/** While the page is in sight; a look costs the sandbox two reads of /proc. */
const LOOK_MS = { panel: 2_500, page: 6_000 } as const;

/** Ports that programs listen on. The gateway says nothing of its own accord: it looks only while somebody does. */
export function usePorts(sandbox: SandboxView, where: keyof typeof LOOK_MS) {
  const trpc = useTRPC();
  const live = (sandbox.state === 'running' || sandbox.state === 'unavailable') && sandbox.can.use;
  return useQuery(
    trpc.ports.list.queryOptions(
      { sandboxId: sandbox.id },
      { enabled: live, refetchInterval: LOOK_MS[where], staleTime: 0, retry: false },
    ),
  );
}

export function openPort(port: PortView): void {
  window.open(port.url, '_blank', 'noopener,noreferrer');
}

/** Says it once when a program begins to listen while somebody is on the page. */
export function usePortNotices(sandbox: SandboxView): void {
  const { data } = usePorts(sandbox, 'page');
  const known = useRef<Set<number> | null>(null);
  useEffect(() => {
    if (!data) return;
    const before = known.current;
    known.current = new Set(data.map((it) => it.port));
    // What listened already when the page was opened is no news.
    if (before === null) return;
    for (const it of data)
      if (!before.has(it.port))
        toast(`Port ${it.port} is listening`, {
          description: it.process ?? undefined,
          action: { label: 'Open', onClick: () => openPort(it) },
        });
  }, [data]);
}
