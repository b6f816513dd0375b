'use client';

import { Hammer, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import type { SandboxView } from '../../shared/views';
import { SshAccess } from '../account/ssh-keys-access';
import { Badge } from '../ui/banner';
import { Button } from '../ui/button';
import { duration, moment } from '../ui/time';
import { useNow } from '../ui/use-now';
import { LimitsEditor } from './limits-editor';
import { StateBadge } from './state';
import { UsageMeter } from './usage-meter';
import { actionFaces, offeredActions, type PowerAction } from './use-actions';

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="grid gap-3 border-b px-4 py-4 last:border-0">
      <h2 className="font-semibold text-sm">{title}</h2>
      {children}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex items-baseline justify-between gap-4 text-sm">
      <dt className="text-ink-faint">{name}</dt>
      <dd className="min-w-0 break-words text-right">{children}</dd>
    </div>
  );
}

export function DetailsPanel({
  sandbox,
  busy,
  onAct,
  onConfirm,
}: {
  sandbox: SandboxView;
  busy: boolean;
  onAct(action: PowerAction): void;
  onConfirm(what: 'rebuild' | 'delete'): void;
}) {
  const now = useNow(1000);
  const actions = offeredActions(sandbox).filter((it) => it !== 'rebuild');
  return (
    <>
      <Section title="State">
        <dl className="grid gap-1.5">
          <Fact name="Now">
            <StateBadge state={sandbox.state} />
          </Fact>
          {sandbox.reason && <Fact name="Reason">{sandbox.reason}</Fact>}
          {sandbox.startedAt && sandbox.state === 'running' && now !== null && (
            <Fact name="Uptime">
              <span className="tabular" title={moment(sandbox.startedAt)}>
                {duration(now - Date.parse(sandbox.startedAt))}
              </span>
            </Fact>
          )}
          <Fact name="Egress">{sandbox.egress.label}</Fact>
          <Fact name="Owner">{sandbox.ownerName}</Fact>
          <Fact name="Workspace">{sandbox.workspaceName}</Fact>
          <Fact name="Time zone">{sandbox.timezone}</Fact>
          <Fact name="Locale">{sandbox.locale}</Fact>
          <Fact name="sudo">{sandbox.sudo ? 'allowed' : 'not allowed'}</Fact>
          <Fact name="Created">
            <span suppressHydrationWarning>{moment(sandbox.createdAt)}</span>
          </Fact>
        </dl>
        {actions.length > 0 && (
          <div className="flex flex-wrap gap-2">
            {actions.map((it) => {
              const { icon: Icon, title } = actionFaces[it];
              return (
                <Button key={it} size="sm" disabled={busy} onClick={() => onAct(it)}>
                  <Icon /> {title}
                </Button>
              );
            })}
          </div>
        )}
      </Section>
      {sandbox.state === 'running' && (
        <Section title="Usage">
          <UsageMeter sandbox={sandbox} />
        </Section>
      )}
      <SshAccess sandbox={sandbox} />
      <Section title="Limits">
        <LimitsEditor key={JSON.stringify(sandbox.limits)} sandbox={sandbox} />
      </Section>
      {sandbox.can.manage && (
        <Section title="Danger zone">
          {sandbox.updateAvailable && (
            <p className="text-ink-soft text-sm">
              <Badge tone="accent">Update available</Badge> A rebuild takes the newer image.
            </p>
          )}
          <div className="flex flex-wrap gap-2">
            <Button
              size="sm"
              disabled={busy || !offeredActions(sandbox).includes('rebuild')}
              onClick={() => onConfirm('rebuild')}
            >
              <Hammer /> Rebuild…
            </Button>
            <Button
              size="sm"
              look="danger"
              disabled={busy || sandbox.state === 'deleting'}
              onClick={() => onConfirm('delete')}
            >
              <Trash2 /> Delete…
            </Button>
          </div>
        </Section>
      )}
    </>
  );
}
