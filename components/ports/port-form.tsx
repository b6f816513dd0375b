'use client';

import { type ReactNode, useState } from 'react';
import { Button } from '../ui/button';
import { Field, Input } from '../ui/field';

/** One port to type and what to do with it. `take` gets a number from 1 to 65535, and may empty the field. */
export function PortForm({
  label,
  action,
  busy = false,
  take,
  className = '',
}: {
  label: string;
  action: ReactNode;
  busy?: boolean;
  take(port: number, empty: () => void): void;
  className?: string;
}) {
  const [text, setText] = useState('');
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  const valid = port >= 1 && port <= 65_535;
  return (
    <form
      className={`flex items-end gap-2 ${className}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (valid) take(port, () => setText(''));
      }}
    >
      <Field label={label} className="flex-1">
        {(control) => (
          <Input
            {...control}
            inputMode="numeric"
            autoComplete="off"
            placeholder="3000"
            value={text}
            onChange={(event) => setText(event.target.value.trim())}
          />
        )}
      </Field>
      <Button type="submit" disabled={!valid} busy={busy}>
        {action}
      </Button>
    </form>
  );
}
