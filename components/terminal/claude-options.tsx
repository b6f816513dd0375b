'use client';

import { useQuery } from '@tanstack/react-query';
import { CircleCheck } from 'lucide-react';
import { useId, useState } from 'react';
import { modelAliases } from '../../shared/models';
import { effortSchema, modelSchema } from '../../shared/sandboxd-api';
import { permissionModeSchema, type SessionView } from '../../shared/views';
import { useTRPC } from '../api/trpc';
import { kindFaces } from '../providers/kinds';
import { accountText, LoginDialog } from '../providers/login-dialog';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Field, Input, Select } from '../ui/field';
import type { NewSession } from './use-sessions';

const modes = [
  ['bypassPermissions', 'Bypass: never asks (the sandbox is the boundary)'],
  ['acceptEdits', 'Accept edits: asks before commands'],
  ['plan', 'Plan: reads and plans, changes nothing'],
  ['manual', 'Manual: asks before everything'],
] as const;
const efforts = { low: 'Low', medium: 'Medium', high: 'High', xhigh: 'Very high', max: 'Maximum' } as const;

/** What of a form belongs to a Claude session; a string is what is wrong with its model. */
export function readClaudeOptions(form: FormData): Partial<NewSession> | string {
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const mode = permissionModeSchema.safeParse(text('mode'));
  const effort = effortSchema.safeParse(text('effort'));
  const model = text('model') === '' ? null : modelSchema.safeParse(text('model'));
  if (model && !model.success) return model.error.issues[0]?.message ?? 'A model is a name such as opus.';
  return {
    ...(mode.success ? { permissionMode: mode.data } : {}),
    ...(effort.success ? { effort: effort.data } : {}),
    ...(model ? { model: model.data } : {}),
    ...(text('provider') ? { providerId: text('provider') } : {}),
    ...(text('resume') ? { resumeFrom: text('resume') } : {}),
  };
}

/** With a subscription Claude needs somebody logged in in this sandbox. */
function LoggedIn({ sandboxId }: { sandboxId: string }) {
  const trpc = useTRPC();
  const [open, setOpen] = useState(false);
  const status = useQuery(trpc.login.status.queryOptions({ sandboxId }));
  const account = status.data?.account;
  return (
    <>
      <Note
        tone={account ? 'good' : 'warn'}
        {...(account ? { icon: CircleCheck } : {})}
        actions={
          <Button size="sm" onClick={() => setOpen(true)}>
            {account ? 'Change' : 'Log in…'}
          </Button>
        }
      >
        {account
          ? `Logged in: ${accountText(account)}`
          : status.isPending
            ? 'Looking who is logged in…'
            : 'Nobody is logged in in this sandbox yet.'}
      </Note>
      <LoginDialog sandboxId={sandboxId} open={open} onOpenChange={setOpen} />
    </>
  );
}

/** Provider, model, effort, permissions and what to go on with, of a new Claude session. */
export function ClaudeOptions({
  sandboxId,
  modelProblem,
}: {
  sandboxId: string;
  modelProblem: string | null;
}) {
  const trpc = useTRPC();
  const models = useId();
  const [providerId, setProviderId] = useState('');
  const providers = useQuery(trpc.providers.list.queryOptions());
  const sessions = useQuery(trpc.sessions.list.queryOptions({ sandboxId }));
  const all = providers.data ?? [];
  const chosen = all.find((it) => (providerId === '' ? it.isDefault : it.id === providerId));
  const conversations = (sessions.data ?? []).filter((it) => it.kind === 'claude').reverse();
  const named = (it: SessionView) => {
    const title = it.live?.title ? `${it.live.title} (${it.name})` : it.name;
    return it.state === 'ended' ? `${title}, ended` : title;
  };
  return (
    <>
      <Field label="Provider" hint={chosen && kindFaces[chosen.kind].help}>
        {(control) => (
          <Select
            {...control}
            name="provider"
            value={providerId}
            onChange={(event) => setProviderId(event.target.value)}
          >
            <option value="">
              Default{all.find((it) => it.isDefault) ? `: ${all.find((it) => it.isDefault)?.label}` : ''}
            </option>
            {all
              .filter((it) => !it.isDefault)
              .map((it) => (
                <option key={it.id} value={it.id}>
                  {it.label}
                </option>
              ))}
          </Select>
        )}
      </Field>
      {chosen?.kind === 'subscription' && <LoggedIn sandboxId={sandboxId} />}
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Model" hint="Empty: Claude Code’s own choice" error={modelProblem}>
          {(control) => (
            <>
              <Input
                {...control}
                name="model"
                list={models}
                autoComplete="off"
                spellCheck={false}
                placeholder="Default"
              />
              <datalist id={models}>
                {modelAliases.map((it) => (
                  <option key={it.id} value={it.id}>
                    {it.label}
                  </option>
                ))}
              </datalist>
            </>
          )}
        </Field>
        <Field label="Effort">
          {(control) => (
            <Select {...control} name="effort" defaultValue="">
              <option value="">Default</option>
              {effortSchema.options.map((it) => (
                <option key={it} value={it}>
                  {efforts[it]}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <Field label="Permissions">
        {(control) => (
          <Select {...control} name="mode" defaultValue="bypassPermissions">
            {modes.map(([id, text]) => (
              <option key={id} value={id}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {conversations.length > 0 && (
        <Field label="Go on with" hint="A copy of that conversation; the session itself is not touched">
          {(control) => (
            <Select {...control} name="resume" defaultValue="">
              <option value="">A new conversation</option>
              {conversations.map((it) => (
                <option key={it.id} value={it.id}>
                  {named(it)}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
    </>
  );
}
