'use client';

import { useQuery } from '@tanstack/react-query';
import { ArrowLeft, Folder, Globe, LockKeyhole, PanelRight, Plug, Trash2 } from 'lucide-react';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useEffect, useMemo, useState } from 'react';
import type { SandboxView } from '../../shared/views';
import { failureOf } from '../api/failure';
import { LoadError } from '../api/load-state';
import { useMe } from '../api/me';
import { useTRPC } from '../api/trpc';
import { NetworkPanel } from '../network/network-panel';
import { PortsPanel } from '../ports/ports-panel';
import { usePortNotices } from '../ports/use-ports';
import { type Command, useCommands } from '../shell/commands';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { cx } from '../ui/cx';
import { Sheet } from '../ui/dialog';
import { EmptyState, Skeleton } from '../ui/panel';
import { useMedia } from '../ui/use-media';
import { DetailsPanel } from './details-panel';
import { SandboxStatus } from './sandbox-status';
import { StateBadge } from './state';
import { actionFaces, offeredActions, useSandboxActions } from './use-actions';

/** xterm.js is large: it comes when a terminal is about to be shown, not with the page. */
const TerminalWorkspace = dynamic(
  () => import('../terminal/terminal-workspace').then((it) => it.TerminalWorkspace),
  { ssr: false, loading: () => <div className="min-h-0 flex-1 bg-terminal" /> },
);

/** Its tree is for those who open it. */
const FilesPanel = dynamic(() => import('../files/files-panel').then((it) => it.FilesPanel), { ssr: false });

export function SandboxPage({ id }: { id: string }) {
  const trpc = useTRPC();
  const sandbox = useQuery(trpc.sandboxes.get.queryOptions({ id }));
  const missing = sandbox.isError && ['not_found', 'invalid_input'].includes(failureOf(sandbox.error).code);
  if (sandbox.isPending)
    return (
      <div role="status" aria-label="Loading the sandbox" className="flex flex-1 flex-col">
        <div className="flex items-center gap-3 border-b px-4 py-2.5">
          <Skeleton className="h-5 w-40" />
          <Skeleton className="h-5 w-16" />
        </div>
        <div className="flex-1 bg-terminal" />
      </div>
    );
  if (missing && failureOf(sandbox.error).code === 'not_found' && sandbox.data)
    return <Deleted name={sandbox.data.name} />;
  if (!sandbox.data)
    return (
      <div className="grid flex-1 place-items-center">
        <h1 className="sr-only">Sandbox</h1>
        <LoadError error={sandbox.error} retry={() => void sandbox.refetch()} busy={sandbox.isFetching} />
      </div>
    );
  return <Loaded sandbox={sandbox.data} />;
}

function Deleted({ name }: { name: string }) {
  return (
    <div className="grid flex-1 place-content-center justify-items-center gap-3 p-6 text-center">
      <Trash2 className="size-6 text-ink-faint" aria-hidden />
      <p className="font-semibold text-lg">“{name}” was deleted.</p>
      <Button asChild look="primary">
        <Link href="/">
          <ArrowLeft aria-hidden /> Your sandboxes
        </Link>
      </Button>
    </div>
  );
}

/** Administrators look after every sandbox; what happens inside belongs to its workspace. */
function NotAMember({ workspace }: { workspace: string }) {
  return (
    <div className="grid flex-1 place-content-center bg-canvas p-6">
      <EmptyState icon={LockKeyhole} title="Its terminals are for its members">
        You may look after this sandbox, but only developers of the workspace “{workspace}” can see what
        happens in it.
      </EmptyState>
    </div>
  );
}

const sidePanels = [
  { id: 'files', title: 'Files', icon: Folder },
  { id: 'ports', title: 'Ports', icon: Plug },
  { id: 'network', title: 'Network', icon: Globe },
  { id: 'details', title: 'Details', icon: PanelRight },
] as const;
type SidePanel = (typeof sidePanels)[number]['id'];

function Loaded({ sandbox }: { sandbox: SandboxView }) {
  const me = useMe();
  const router = useRouter();
  const wide = useMedia('(min-width: 1024px)');
  const [panel, setPanel] = useState<SidePanel | null>(null);
  const [confirm, setConfirm] = useState<'rebuild' | 'delete' | null>(null);
  const { act, remove, busy } = useSandboxActions(sandbox);
  usePortNotices(sandbox);
  useEffect(() => {
    document.title = `${sandbox.name} · Cloud Claude`;
  }, [sandbox.name]);

  const { state, can } = sandbox;
  const commands = useMemo<Command[]>(
    () => [
      {
        id: 'details',
        title: 'Show or hide the details',
        group: 'This sandbox',
        icon: PanelRight,
        shortcut: { code: 'KeyI', mod: true, outsideTerminal: true },
        run: () => setPanel((it) => (it === 'details' ? null : 'details')),
      },
      ...(can.use
        ? [
            {
              id: 'files',
              title: 'Show or hide the files',
              group: 'This sandbox',
              icon: Folder,
              keywords: ['upload', 'download', 'edit', 'folder'],
              run: () => setPanel((it) => (it === 'files' ? null : 'files')),
            },
            {
              id: 'ports',
              title: 'Show or hide the ports',
              group: 'This sandbox',
              icon: Plug,
              keywords: ['preview', 'server', 'open', 'listen'],
              run: () => setPanel((it) => (it === 'ports' ? null : 'ports')),
            },
          ]
        : []),
      {
        id: 'network',
        title: 'Show or hide the network',
        group: 'This sandbox',
        icon: Globe,
        keywords: ['way out', 'proof', 'traffic', 'rules'],
        run: () => setPanel((it) => (it === 'network' ? null : 'network')),
      },
      ...offeredActions({ state, can }).map((it) => ({
        id: `power-${it}`,
        title: `${actionFaces[it].title} this sandbox`,
        group: 'This sandbox',
        icon: actionFaces[it].icon,
        run: () => (it === 'rebuild' ? setConfirm('rebuild') : act(it)),
      })),
      ...(can.manage
        ? [
            {
              id: 'delete',
              title: 'Delete this sandbox…',
              group: 'This sandbox',
              icon: Trash2,
              run: () => setConfirm('delete'),
            },
          ]
        : []),
    ],
    [state, can, act],
  );
  useCommands(commands);

  const content =
    panel === 'files' ? (
      <FilesPanel sandbox={sandbox} />
    ) : panel === 'ports' ? (
      <PortsPanel sandbox={sandbox} />
    ) : panel === 'network' ? (
      <NetworkPanel sandbox={sandbox} />
    ) : (
      <DetailsPanel sandbox={sandbox} busy={busy} onAct={act} onConfirm={setConfirm} />
    );
  // What is inside is for those who may use it.
  const offered = sidePanels.filter((it) => can.use || (it.id !== 'files' && it.id !== 'ports'));
  const toggle = (
    <span className="flex">
      {offered.map(({ id, title, icon: Icon }) => (
        <Button
          key={id}
          look="ghost"
          size="icon"
          aria-label={title}
          title={title}
          aria-pressed={panel === id}
          onClick={() => setPanel(panel === id ? null : id)}
        >
          <Icon />
        </Button>
      ))}
    </span>
  );
  const title = sidePanels.find((it) => it.id === panel)?.title ?? '';
  // Fenced is not gone: what runs goes on, and its terminal works over the host's own stream.
  const live = state === 'running' || state === 'unavailable';
  return (
    <>
      <div className="flex h-10 shrink-0 items-center gap-2.5 border-b bg-surface px-3 sm:px-4">
        <h1 className="truncate font-semibold text-base">{sandbox.name}</h1>
        <StateBadge state={state} />
        {state === 'unavailable' && (
          <button
            type="button"
            className="min-w-0 truncate text-left text-sm text-warn underline-offset-4 hover:underline"
            title={sandbox.reason ?? undefined}
            onClick={() => setPanel('network')}
          >
            {sandbox.reason ?? 'Nothing leaves it. See why.'}
          </button>
        )}
        {!(live && can.use) && <div className="ml-auto">{toggle}</div>}
      </div>
      <div className="flex min-h-0 flex-1">
        {live && !can.use ? (
          <NotAMember workspace={sandbox.workspaceName} />
        ) : live && me.data ? (
          <TerminalWorkspace sandbox={sandbox} userId={me.data.id} trailing={toggle} />
        ) : (
          <SandboxStatus sandbox={sandbox} />
        )}
        {wide && panel !== null && (
          <aside
            aria-label={title}
            className={cx(
              'shrink-0 overflow-y-auto border-l bg-surface',
              panel === 'details' ? 'w-80' : 'w-104',
            )}
          >
            {content}
          </aside>
        )}
      </div>
      {!wide && (
        <Sheet open={panel !== null} onOpenChange={() => setPanel(null)} title={title}>
          {content}
        </Sheet>
      )}
      <Confirm
        open={confirm === 'rebuild'}
        onOpenChange={() => setConfirm(null)}
        title="Rebuild this sandbox?"
        description="Its machine is made anew from the present image: running processes and packages installed with sudo go. The home folder stays."
        action="Rebuild"
        phrase={sandbox.name}
        busy={busy}
        onConfirm={() => {
          act('rebuild');
          setConfirm(null);
        }}
      />
      <Confirm
        open={confirm === 'delete'}
        onOpenChange={() => setConfirm(null)}
        title="Delete this sandbox?"
        description="Its processes, its home folder and every file in it are removed. This cannot be undone."
        action="Delete for ever"
        phrase={sandbox.name}
        busy={busy}
        onConfirm={() =>
          remove(() => {
            setConfirm(null);
            router.push('/');
          })
        }
      />
    </>
  );
}
