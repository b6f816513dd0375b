'use client';

import { ArrowDown, ArrowUp, X } from 'lucide-react';
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { Button } from '../ui/button';
import { findAgent, useDriver } from './driver-context';
import type { Row } from './rows';
import { found } from './search';

/** Search in the conversation; the newest match comes first, as in a terminal. */
export function SearchBox({
  rows,
  version,
  onShow,
  onClose,
}: {
  rows: readonly Row[];
  version: number;
  onShow(key: string | null): void;
  onClose(): void;
}) {
  const { source } = useDriver();
  const [words, setWords] = useState('');
  const [at, setAt] = useState(0);
  const box = useRef<HTMLInputElement>(null);
  const asked = useDeferredValue(words);
  // While text streams in the list is worked out again with what is calm.
  const calm = useDeferredValue(version);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rows' items change in place, and the version tells so
  const keys = useMemo(
    () => found(rows, asked, (id) => findAgent(source, id)).reverse(),
    [rows, asked, calm, source],
  );
  const index = keys.length === 0 ? -1 : Math.min(at, keys.length - 1);
  const key = keys[index] ?? null;
  const show = useRef(onShow);
  show.current = onShow;
  useEffect(() => box.current?.focus(), []);
  useEffect(() => show.current(key), [key]);
  useEffect(() => () => show.current(null), []);
  const step = (by: number) => keys.length > 0 && setAt((index + by + keys.length) % keys.length);
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is not known to every assistive technology yet
    <div
      role="search"
      className="absolute top-2 right-3 left-3 z-20 flex animate-fade items-center gap-0.5 rounded-lg border border-line-strong bg-raised p-1 shadow-float sm:left-auto sm:w-88"
    >
      <input
        ref={box}
        value={words}
        onChange={(event) => {
          setWords(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
          if (event.key === 'Escape') {
            event.stopPropagation();
            onClose();
          }
        }}
        aria-label="Search in the conversation"
        placeholder="Search"
        spellCheck={false}
        className="h-7 min-w-0 flex-1 rounded bg-transparent px-2 text-sm outline-none max-sm:text-[16px]"
      />
      <span role="status" className="tabular px-1.5 text-ink-faint text-xs">
        {asked.trim() === '' ? '' : keys.length === 0 ? 'None' : `${index + 1}/${keys.length}`}
      </span>
      {!source.complete && asked.trim() !== '' && (
        <Button look="ghost" size="sm" busy={source.loadingEarlier} onClick={() => void source.loadEarlier()}>
          Earlier
        </Button>
      )}
      <Button look="ghost" size="tiny" aria-label="Older match" title="Older" onClick={() => step(1)}>
        <ArrowUp />
      </Button>
      <Button look="ghost" size="tiny" aria-label="Newer match" title="Newer" onClick={() => step(-1)}>
        <ArrowDown />
      </Button>
      <Button look="ghost" size="tiny" aria-label="Close the search" title="Close" onClick={onClose}>
        <X />
      </Button>
    </div>
  );
}
