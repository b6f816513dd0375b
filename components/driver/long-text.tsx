'use client';

import type { ReactNode } from 'react';
import { Button } from '../ui/button';
import { useFold } from './folds';

/** Lines that are shown of a long text before somebody asks for the rest. */
const LINES_SHOWN = 14;
/** Some more than that are shown whole: a button for two lines is no help. */
const LINES_SPARE = 4;
/** A line as long as this one is cut where the lines are counted, in characters. */
const CHARS_SHOWN = 4_000;

export function linesOf(text: string): number {
  let count = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The first lines, or for what ends in the answer, such as a terminal, the last ones. */
export function LongText({
  id,
  text,
  end = 'head',
  children,
}: {
  id: string;
  text: string;
  end?: 'head' | 'tail';
  children(shown: string): ReactNode;
}) {
  const [open, toggle] = useFold(`${id}-long`, false);
  const lines = linesOf(text);
  const long = lines > LINES_SHOWN + LINES_SPARE || text.length > CHARS_SHOWN;
  const button = long && (
    <Button
      look="ghost"
      size="sm"
      className="h-6 w-full rounded-none text-2xs"
      onClick={toggle}
      aria-expanded={open}
    >
      {open ? 'Show less' : `Show all ${lines.toLocaleString()} lines`}
    </Button>
  );
  if (!long || open)
    return (
      <>
        <div className={long ? 'max-h-[70vh] overflow-y-auto' : undefined}>{children(text)}</div>
        {button}
      </>
    );
  const all = text.split('\n');
  const some = (end === 'head' ? all.slice(0, LINES_SHOWN) : all.slice(-LINES_SHOWN)).join('\n');
  const shown = end === 'head' ? some.slice(0, CHARS_SHOWN) : some.slice(-CHARS_SHOWN);
  return (
    <>
      {end === 'tail' && button}
      {children(shown)}
      {end === 'head' && button}
    </>
  );
}
