'use client';

import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from './button';

/** How long the tick stays, in milliseconds. */
const TICK_MS = 1600;

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), TICK_MS);
    } catch {
      toast.error('The browser refused the clipboard. Select the text and copy it by hand.');
    }
  }
  return (
    <Button onClick={copy} aria-label={label}>
      {done ? <Check /> : <Copy />}
      {done ? 'Copied' : 'Copy'}
    </Button>
  );
}

/** A secret that is shown only now. */
export function ShownOnce({ value, label }: { value: string; label: string }) {
  return (
    <div className="flex items-center gap-2">
      <code className="min-w-0 flex-1 select-all break-all rounded-md border bg-sunken px-3 py-2 text-sm">
        {value}
      </code>
      <CopyButton text={value} label={label} />
    </div>
  );
}
