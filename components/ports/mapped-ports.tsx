'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowRight, X } from 'lucide-react';
import type { PortMapping } from '../../shared/ports';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { PortForm } from './port-form';

/** A listener may fail, and others of the workspace map ports too. */
const LOOK_MS = 10_000;

/** Ports of the gateway's machine that lead into this sandbox, for programs that hold a token. */
export function MappedPorts({ sandboxId }: { sandboxId: string }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const list = useQuery(trpc.ports.mappings.queryOptions({ sandboxId }, { refetchInterval: LOOK_MS }));
  const settled = () => queries.invalidateQueries({ queryKey: trpc.ports.mappings.queryKey({ sandboxId }) });
  const expose = useMutation(
    trpc.ports.expose.mutationOptions({ meta: { quiet: true }, onSettled: settled }),
  );
  const unexpose = useMutation(
    trpc.ports.unexpose.mutationOptions({ meta: { quiet: true }, onSettled: settled }),
  );
  const problem = expose.error ?? unexpose.error ?? (list.data ? null : list.error);

  return (
    <section aria-labelledby="mapped-ports" className="grid gap-3 border-t p-4">
      <div className="grid gap-1">
        <h3 id="mapped-ports" className="font-semibold text-sm">
          For programs
        </h3>
        <p className="text-ink-faint text-xs">
          {list.data?.range === null
            ? 'A port of the gateway’s machine can lead here once an administrator has set PORT_RANGE.'
            : 'A port of the gateway’s machine that leads here. It takes API tokens; a browser is led to the link above.'}
        </p>
      </div>
      {problem && <Note tone="bad">{told(problem)}</Note>}
      {(list.data?.mappings.length ?? 0) > 0 && (
        <ul aria-label="Mapped ports" className="grid gap-2">
          {list.data?.mappings.map((it) => (
            <Mapping
              key={it.hostPort}
              mapping={it}
              busy={unexpose.isPending && unexpose.variables.hostPort === it.hostPort}
              remove={() => {
                expose.reset();
                unexpose.mutate({ hostPort: it.hostPort });
              }}
            />
          ))}
        </ul>
      )}
      {list.data && list.data.range !== null && (
        <PortForm
          label="Port to map"
          action="Map"
          busy={expose.isPending}
          take={(internalPort, empty) => {
            unexpose.reset();
            expose.mutate({ sandboxId, internalPort }, { onSuccess: empty });
          }}
        />
      )}
    </section>
  );
}

function told(error: unknown): string {
  const { title, next } = failureOf(error);
  return `${title} ${next}`;
}

function Mapping({ mapping, busy, remove }: { mapping: PortMapping; busy: boolean; remove(): void }) {
  const { hostPort, internalPort, problem } = mapping;
  const address = `http://${window.location.hostname}:${hostPort}/`;
  return (
    <li className="grid gap-2 rounded-lg border p-3">
      <div className="flex items-center gap-2">
        <span className="tabular font-semibold text-base">{hostPort}</span>
        <ArrowRight className="size-4 shrink-0 text-ink-faint" aria-label="leads to" />
        <span className="tabular flex-1 text-ink-soft text-sm">{internalPort}</span>
        <Button size="sm" look="ghost" busy={busy} aria-label={`Unmap port ${hostPort}`} onClick={remove}>
          <X aria-hidden /> Unmap
        </Button>
      </div>
      {problem === null ? (
        <div className="flex items-center gap-2">
          <code className="min-w-0 flex-1 truncate rounded-md bg-sunken px-2 py-1 text-xs">{address}</code>
          <CopyButton text={address} label={`Copy the address of port ${hostPort}`} />
        </div>
      ) : (
        <Note tone="warn">{problem}</Note>
      )}
    </li>
  );
}
