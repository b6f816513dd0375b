'use client';

import { useQuery } from '@tanstack/react-query';
import { Tabs } from 'radix-ui';
import { useState } from 'react';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Field, Select } from '../ui/field';
import { Panel, Skeleton } from '../ui/panel';
import { HookList } from './hook-list';

const levels = [
  ['user', 'Yours'],
  ['workspace', 'Workspace'],
] as const;

function YourHooks() {
  const trpc = useTRPC();
  const [chosen, setChosen] = useState<string | null>(null);
  const list = useQuery(trpc.sandboxes.list.queryOptions({}));
  if (list.isError) return <LoadError error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton className="m-5 h-12" />;
  const running = list.data.filter((it) => it.state === 'running');
  const sandbox = running.find((it) => it.id === chosen) ?? running[0];
  if (!sandbox)
    return (
      <p className="px-5 py-4 text-ink-soft text-sm">
        They stand in <code>~/.claude/hooks.json</code> of a sandbox. Start one to see and change them.
      </p>
    );
  return (
    <>
      <div className="border-b px-5 py-4">
        <Field
          label="In the home of"
          hint={
            <>
              Kept in <code>~/.claude/hooks.json</code> there, for every session of that sandbox. You may also
              write the file by hand.
            </>
          }
        >
          {(control) => (
            <Select
              {...control}
              className="sm:max-w-xs"
              value={sandbox.id}
              onChange={(it) => setChosen(it.target.value)}
            >
              {running.map((it) => (
                <option key={it.id} value={it.id}>
                  {it.name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <HookList
        key={sandbox.id}
        place={{ level: 'user', sandboxId: sandbox.id }}
        sandboxId={sandbox.id}
        empty="No hooks yet: nothing is asked before Claude acts."
      />
      <h3 className="border-t px-5 pt-4 font-medium text-sm">From the image</h3>
      <p className="px-5 pb-1 text-ink-faint text-xs">
        These come first. They are changed with the image: <code>/etc/cloud-claude/hooks.json</code>
      </p>
      <HookList
        key={`image ${sandbox.id}`}
        place={{ level: 'image', sandboxId: sandbox.id }}
        sandboxId={sandbox.id}
        empty="This image brings none."
      />
    </>
  );
}

function WorkspaceHooks() {
  const trpc = useTRPC();
  const [chosen, setChosen] = useState<string | null>(null);
  const list = useQuery(trpc.workspaces.list.queryOptions());
  if (list.isError) return <LoadError error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton className="m-5 h-12" />;
  const workspace = list.data.find((it) => it.id === chosen) ?? list.data[0];
  if (!workspace) return <p className="px-5 py-4 text-ink-soft text-sm">You are in no workspace.</p>;
  return (
    <>
      <div className="border-b px-5 py-4">
        <Field
          label="Workspace"
          hint="For every session in its sandboxes. Owners and maintainers change them."
        >
          {(control) => (
            <Select
              {...control}
              className="sm:max-w-xs"
              value={workspace.id}
              onChange={(it) => setChosen(it.target.value)}
            >
              {list.data.map((it) => (
                <option key={it.id} value={it.id}>
                  {it.name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <HookList
        key={workspace.id}
        place={{ level: 'workspace', workspaceId: workspace.id }}
        sandboxId={null}
        empty="This workspace has no hooks."
      />
    </>
  );
}

/** Hooks of two levels; those of one session are in its inspector. */
export function HooksPanel() {
  return (
    <Panel
      id="hooks"
      title="Hooks"
      description="Programs that are asked while Claude works: they allow, deny, rewrite, or tell Claude more. Image, workspace, you, session: in this order."
      flush
    >
      <Tabs.Root defaultValue="user">
        <Tabs.List aria-label="Level" className="flex gap-1 border-b px-3">
          {levels.map(([id, title]) => (
            <Tabs.Trigger
              key={id}
              value={id}
              className="-mb-px h-10 border-transparent border-b-2 px-2 text-ink-soft text-sm hover:text-ink focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-ink"
            >
              {title}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="user" tabIndex={-1}>
          <YourHooks />
        </Tabs.Content>
        <Tabs.Content value="workspace" tabIndex={-1}>
          <WorkspaceHooks />
        </Tabs.Content>
      </Tabs.Root>
    </Panel>
  );
}
