'use client';

import type { ReactNode } from 'react';
import { Note } from './banner';
import { Button } from './button';
import { DialogActions } from './dialog';

/** The end of a form in a dialog: why it did not work, the way back, and the button that sends it. */
export function FormFooter({
  failure,
  submit,
  busy,
  disabled = false,
  onCancel,
  children,
}: {
  failure: ReactNode;
  /** What the button says. */
  submit: string;
  busy: boolean;
  disabled?: boolean;
  onCancel(): void;
  /** What else can be done with the form, before the two. */
  children?: ReactNode;
}) {
  return (
    <>
      {failure && <Note tone="bad">{failure}</Note>}
      <DialogActions>
        {children}
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy} disabled={disabled}>
          {submit}
        </Button>
      </DialogActions>
    </>
  );
}
