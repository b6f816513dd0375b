'use client';

import { Activity, Bot, Clock3, Cpu, EllipsisVertical, SquareTerminal, Trash2, User } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import type { SandboxView } from '../../shared/views';
import { EgressChip } from '../network/egress-chip';
import { Badge } from '../ui/banner';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { cx } from '../ui/cx';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { duration, moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { isBusy, SessionDot, StateBadge } from './state';
import { TaskBar } from './task-progress';
import { actionFaces, offeredActions, useSandboxActions } from './use-actions';

/** Sessions named on a card before the rest is only counted. */
const SESSIONS_SHOWN = 4;

function Sessions({ sandbox }: { sandbox: SandboxView }) {
  const open = sandbox.sessions.filter((it) => it.state !== 'ended');
  if (open.length === 0) return <p className="text-ink-faint text-xs">No open sessions</p>;
  return (
    <ul aria-label="Sessions" className="flex flex-wrap gap-1.5">
      {open.slice(0, SESSIONS_SHOWN).map((it) => (
        <li
          key={it.id}
          className="flex min-w-0 max-w-44 items-center gap-1.5 rounded-md border bg-canvas px-1.5 py-0.5 text-ink-soft text-xs"
        >
          <SessionDot state={it.state} />
          {it.kind === 'claude' ? (
            <Bot className="size-3.5 shrink-0" aria-label="Claude" />
          ) : (
            <SquareTerminal className="size-3.5 shrink-0" aria-label="Shell" />
          )}
          <span className="truncate">{it.name}</span>
        </li>
      ))}
      {open.length > SESSIONS_SHOWN && (
        <li className="px-1 py-0.5 text-ink-faint text-xs">+{open.length - SESSIONS_SHOWN}</li>
      )}
    </ul>
  );
}

function Facts({
  sandbox,
  now,
  showOwner,
}: {
  sandbox: SandboxView;
  now: number | null;
  showOwner: boolean;
}) {
  const up = sandbox.state === 'running' && sandbox.startedAt && now !== null;
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 text-ink-faint text-xs [&_li]:flex [&_li]:items-center [&_li]:gap-1.5 [&_svg]:size-3.5">
      {showOwner && (
        <li>
          <User aria-label="Owner" /> {sandbox.ownerName}
        </li>
      )}
      {up && sandbox.startedAt && (
        <li className="tabular" title={`Started ${moment(sandbox.startedAt)}`}>
          <Clock3 aria-hidden /> up {duration(now - Date.parse(sandbox.startedAt))}
        </li>
      )}
      {now !== null && (
        <li title={moment(sandbox.lastActivityAt ?? sandbox.createdAt)}>
          <Activity aria-hidden />
          {sandbox.lastActivityAt
            ? `active ${relative(sandbox.lastActivityAt, now)}`
            : `created ${relative(sandbox.createdAt, now)}`}
        </li>
      )}
      <li>
        <Cpu aria-hidden /> {sandbox.limits.cpus} CPU ·{' '}
        {(sandbox.limits.memoryMb / 1024).toFixed(1).replace('.0', '')} GB
      </li>
    </ul>
  );
}

export function SandboxCard({ sandbox, showOwner = false }: { sandbox: SandboxView; showOwner?: boolean }) {
  const now = useNow(1000);
  const [deleting, setDeleting] = useState(false);
  const { act, remove, busy } = useSandboxActions(sandbox);
  const actions = offeredActions(sandbox);
  const lead = actions[0];
  const LeadIcon = lead ? actionFaces[lead].icon : null;
  const working = sandbox.task && (sandbox.task.state === 'running' || sandbox.task.state === 'queued');
  return (
    <article
      aria-label={sandbox.name}
      data-testid="sandbox-card"
      className="group relative grid content-start gap-3 rounded-xl border bg-surface p-4 shadow-lift transition-colors focus-within:border-accent hover:border-line-strong"
    >
      <div className="flex items-start gap-2">
        <div className="grid min-w-0 flex-1 gap-1">
          <h2 className="min-w-0">
            <Link
              href={`/sandboxes/${sandbox.id}`}
              className="block truncate font-semibold text-base after:absolute after:inset-0 after:rounded-xl focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:outline-accent"
            >
              {sandbox.name}
            </Link>
          </h2>
          <div className="flex flex-wrap items-center gap-1.5">
            <StateBadge state={sandbox.state} />
            {sandbox.updateAvailable && <Badge tone="accent">Update available</Badge>}
          </div>
        </div>
        <div className="relative z-10 flex">
          {lead && LeadIcon && lead !== 'pause' && (
            <Button
              size="sm"
              look={lead === 'retry' ? 'primary' : 'secondary'}
              busy={busy}
              onClick={() => act(lead)}
            >
              <LeadIcon /> {actionFaces[lead].title}
            </Button>
          )}
          {sandbox.can.manage && (
            <Menu
              trigger={
                <Button look="ghost" size="icon" aria-label={`More for ${sandbox.name}`} className="-mr-1.5">
                  <EllipsisVertical />
                </Button>
              }
            >
              {actions.map((it) => (
                <MenuItem key={it} icon={actionFaces[it].icon} onSelect={() => act(it)}>
                  {actionFaces[it].title}
                </MenuItem>
              ))}
              {actions.length > 0 && <MenuLine />}
              <MenuItem
                icon={Trash2}
                danger
                disabled={sandbox.state === 'deleting'}
                onSelect={() => setDeleting(true)}
              >
                Delete…
              </MenuItem>
            </Menu>
          )}
        </div>
      </div>
      {sandbox.reason && sandbox.state !== 'running' && (
        <p
          className={cx(
            'line-clamp-3 break-words text-sm',
            sandbox.state === 'error'
              ? 'text-bad'
              : sandbox.state === 'unavailable'
                ? 'text-warn'
                : 'text-ink-soft',
          )}
        >
          {sandbox.reason}
        </p>
      )}
      {working && sandbox.task && isBusy(sandbox.state) ? (
        <TaskBar task={sandbox.task} />
      ) : (
        <Sessions sandbox={sandbox} />
      )}
      <EgressChip egress={sandbox.egress} fenced={sandbox.state === 'unavailable'} />
      <Facts sandbox={sandbox} now={now} showOwner={showOwner} />
      <Confirm
        open={deleting}
        onOpenChange={setDeleting}
        title="Delete this sandbox?"
        description="Its processes, its home folder and every file in it are removed. This cannot be undone."
        action="Delete for ever"
        phrase={sandbox.name}
        busy={busy}
        onConfirm={() => remove(() => setDeleting(false))}
      />
    </article>
  );
}
