'use client';

import { type FormEvent, useState } from 'react';
import { SANDBOX_WORKDIR } from '../../shared/names';
import { permissionModeSchema, sessionKindSchema } from '../../shared/views';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import type { NewSession } from './use-sessions';

const modes = [
  ['bypassPermissions', 'Bypass: never asks (the sandbox is the boundary)'],
  ['acceptEdits', 'Accept edits: asks before commands'],
  ['plan', 'Plan: reads and plans, changes nothing'],
  ['manual', 'Manual: asks before everything'],
] as const;

export function NewSessionDialog({
  open,
  onOpenChange,
  busy,
  onCreate,
}: {
  open: boolean;
  onOpenChange(open: boolean): void;
  busy: boolean;
  onCreate(input: NewSession): void;
}) {
  const [kind, setKind] = useState<NewSession['kind']>('claude');
  const [workdir, setWorkdir] = useState<string>(SANDBOX_WORKDIR);
  const bad = !workdir.startsWith('/');
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (bad) return;
    const form = new FormData(event.currentTarget);
    const name = String(form.get('name') ?? '').trim();
    const mode = permissionModeSchema.safeParse(form.get('mode'));
    onCreate({
      kind,
      workdir,
      ...(name ? { name } : {}),
      ...(kind === 'claude' && mode.success ? { permissionMode: mode.data } : {}),
    });
  }
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="New session">
      <form className="grid gap-4" onSubmit={submit}>
        <Field label="Kind">
          {(control) => (
            <Select
              {...control}
              value={kind}
              onChange={(event) => setKind(sessionKindSchema.parse(event.target.value))}
            >
              <option value="claude">Claude</option>
              <option value="shell">Shell</option>
            </Select>
          )}
        </Field>
        <Field label="Name" hint="Empty: one is made up">
          {(control) => <Input {...control} name="name" maxLength={64} />}
        </Field>
        <Field label="Folder" error={bad ? 'A path from the root, such as /home/claude/workspace.' : null}>
          {(control) => (
            <Input
              {...control}
              value={workdir}
              onChange={(event) => setWorkdir(event.target.value)}
              className="font-mono text-sm"
              spellCheck={false}
            />
          )}
        </Field>
        {kind === 'claude' && (
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
        )}
        <DialogActions>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={bad}>
            Open
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
