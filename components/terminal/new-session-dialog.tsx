'use client';

import { type FormEvent, useState } from 'react';
import { SANDBOX_WORKDIR } from '../../shared/names';
import { sessionKindSchema } from '../../shared/views';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { ClaudeOptions, readClaudeOptions } from './claude-options';
import type { NewSession } from './use-sessions';

interface NewSessionProps {
  sandboxId: string;
  busy: boolean;
  onCreate(input: NewSession): void;
}

function NewSessionForm({ sandboxId, busy, onCreate, onCancel }: NewSessionProps & { onCancel(): void }) {
  const [kind, setKind] = useState<NewSession['kind']>('claude');
  const [workdir, setWorkdir] = useState<string>(SANDBOX_WORKDIR);
  const [modelProblem, setModelProblem] = useState<string | null>(null);
  const bad = !workdir.startsWith('/');
  function submit(event: FormEvent<HTMLFormElement>) {
    // A form in a dialog above this one bubbles here, as React sees it.
    if (event.target !== event.currentTarget) return;
    event.preventDefault();
    if (bad) return;
    const form = new FormData(event.currentTarget);
    const name = String(form.get('name') ?? '').trim();
    const options = kind === 'claude' ? readClaudeOptions(form) : {};
    setModelProblem(typeof options === 'string' ? options : null);
    if (typeof options === 'string') return;
    onCreate({ kind, workdir, ...(name ? { name } : {}), ...options });
  }
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <div className="grid gap-4 sm:grid-cols-2">
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
      </div>
      {kind === 'claude' && <ClaudeOptions sandboxId={sandboxId} modelProblem={modelProblem} />}
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
      <DialogActions>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy} disabled={bad}>
          Open
        </Button>
      </DialogActions>
    </form>
  );
}

export function NewSessionDialog({
  open,
  onOpenChange,
  ...rest
}: NewSessionProps & { open: boolean; onOpenChange(open: boolean): void }) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="New session">
      <NewSessionForm {...rest} onCancel={() => onOpenChange(false)} />
    </Dialog>
  );
}
