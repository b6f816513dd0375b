'use client';

import { useEffect, useRef } from 'react';
import { cx } from '../ui/cx';
import type { Offer } from './use-offers';

/** The list over the prompt box; the keyboard stays in the box, which names the active offer. */
export function OfferList({
  id,
  label,
  offers,
  active,
  onPick,
}: {
  id: string;
  label: string;
  offers: readonly Offer[];
  active: number;
  onPick(offer: Offer): void;
}) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <div
      ref={list}
      id={id}
      role="listbox"
      aria-label={label}
      className="absolute inset-x-0 bottom-full z-20 mb-1 max-h-64 overflow-y-auto rounded-lg border bg-raised p-1 shadow-float"
    >
      {offers.map((it, at) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the prompt box's
        <div
          key={it.id}
          id={`${id}-${at}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === active}
          // The box must not lose the keyboard.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onPick(it)}
          className={cx(
            'flex items-baseline gap-3 rounded-md px-2.5 py-1.5 text-sm max-sm:py-2.5',
            at === active && 'bg-accent-soft',
          )}
        >
          <span className="min-w-0 shrink-0 max-w-full truncate font-mono text-xs">{it.insert}</span>
          <span className="min-w-0 truncate text-ink-faint text-xs">{it.hint}</span>
        </div>
      ))}
    </div>
  );
}
