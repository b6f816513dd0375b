'use client';

import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from './button';

/** How long the tick stays, in milliseconds. */
const TICK_MS = 1600;

function useCopy(): { done: boolean; copy(text: string): Promise<void> } {
  const [done, setDone] = useState(false);
  async function copy(text: string) {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), TICK_MS);
    } catch {
      toast.error('The browser refused the clipboard. Select the text and copy it by hand.');
    }
  }
  return { done, copy };
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const { done, copy } = useCopy();
  return (
    <Button onClick={() => copy(text)} aria-label={label}>
      {done ? <Check /> : <Copy />}
      {done ? 'Copied' : 'Copy'}
    </Button>
  );
}

/** Copies what is made only when it is asked for. `words`: the label stands beside the sign. */
export function CopyText({
  text,
  label,
  words = false,
  className,
}: {
  text(): string;
  label: string;
  words?: boolean;
  className?: string;
}) {
  const { done, copy } = useCopy();
  const sign = done ? <Check aria-hidden /> : <Copy aria-hidden />;
  const onClick = () => copy(text());
  if (words)
    return (
      <Button look="ghost" size="sm" onClick={onClick} className={className}>
        {sign}
        {done ? 'Copied' : label}
      </Button>
    );
  return (
    <Button look="ghost" size="tiny" onClick={onClick} aria-label={label} title={label} className={className}>
      {sign}
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
