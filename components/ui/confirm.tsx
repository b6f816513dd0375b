'use client';

import { type ReactNode, useState } from 'react';
import { Button } from './button';
import { Dialog, DialogActions } from './dialog';
import { Field, Input } from './field';

/** Asks before something that cannot be undone; with `phrase` it has to be typed. */
export function Confirm({
  open,
  onOpenChange,
  title,
  description,
  action,
  phrase,
  busy,
  onConfirm,
}: {
  open: boolean;
  onOpenChange(open: boolean): void;
  title: string;
  description: ReactNode;
  action: string;
  phrase?: string;
  busy?: boolean;
  onConfirm(): void;
}) {
  const [typed, setTyped] = useState('');
  const ready = phrase === undefined || typed.trim() === phrase;
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => {
        setTyped('');
        onOpenChange(next);
      }}
      title={title}
      description={description}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && !busy) onConfirm();
        }}
      >
        {phrase !== undefined && (
          <Field
            label={
              <>
                Type <code className="rounded bg-sunken px-1.5 py-0.5 text-xs">{phrase}</code> to confirm
              </>
            }
          >
            {(control) => (
              <Input
                {...control}
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
                autoComplete="off"
                spellCheck={false}
                autoCapitalize="off"
              />
            )}
          </Field>
        )}
        <DialogActions>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button type="submit" look="danger" disabled={!ready} busy={busy}>
            {action}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
