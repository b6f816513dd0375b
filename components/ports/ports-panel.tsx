'use client';

import { ExternalLink, Plug } from 'lucide-react';
import { portPath } from '../../shared/ports';
import type { SandboxView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { Button } from '../ui/button';
import { EmptyState, Skeleton } from '../ui/panel';
import { MappedPorts } from './mapped-ports';
import { PortForm } from './port-form';
import { usePorts } from './use-ports';

/** What listens in the sandbox, each to be opened in a tab of its own. */
export function PortsPanel({ sandbox }: { sandbox: SandboxView }) {
  const ports = usePorts(sandbox, 'panel');
  const live = sandbox.state === 'running' || sandbox.state === 'unavailable';
  if (!live)
    return (
      <div className="grid min-w-0 grid-cols-1 content-start">
        <EmptyState icon={Plug} title="The sandbox is not running">
          Start it to see what listens in it.
        </EmptyState>
        <MappedPorts sandboxId={sandbox.id} />
      </div>
    );
  return (
    <div className="grid min-w-0 grid-cols-1 content-start">
      {ports.isPending ? (
        <div role="status" aria-label="Loading the ports" className="grid gap-2 p-4">
          <Skeleton className="h-10 w-full" />
        </div>
      ) : ports.isError && !ports.data ? (
        <LoadError error={ports.error} retry={() => void ports.refetch()} busy={ports.isFetching} />
      ) : ports.data?.length === 0 ? (
        <EmptyState icon={Plug} title="Nothing listens yet">
          Start a server in a terminal, such as <code>npm run dev</code>: it shows up here by itself.
        </EmptyState>
      ) : (
        <ul aria-label="Listening ports" className="divide-y">
          {ports.data?.map((it) => (
            <li key={it.port} className="flex items-center gap-3 px-4 py-3">
              <span className="tabular shrink-0 font-semibold text-base">{it.port}</span>
              <span className="min-w-0 flex-1 truncate text-ink-soft text-sm" title={it.process ?? undefined}>
                {it.process ?? 'another user’s program'}
              </span>
              <Button asChild size="sm">
                <a
                  href={it.url}
                  target="_blank"
                  rel="noopener noreferrer"
                  aria-label={`Open port ${it.port} in a new tab`}
                >
                  <ExternalLink aria-hidden /> Open
                </a>
              </Button>
            </li>
          ))}
        </ul>
      )}
      <PortForm
        label="Another port"
        action={
          <>
            <ExternalLink /> Open
          </>
        }
        take={(port) => window.open(portPath(sandbox.id, port), '_blank', 'noopener,noreferrer')}
        className="border-t p-4"
      />
      <p className="px-4 pb-4 text-ink-faint text-xs">
        Opened through the gateway as you; only who may use this sandbox can. What runs there cannot act as
        you here.
      </p>
      <MappedPorts sandboxId={sandbox.id} />
    </div>
  );
}
