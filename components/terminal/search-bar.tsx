'use client';

import { ArrowDown, ArrowUp, CaseSensitive, Regex, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import type { TerminalView } from './terminal-view';

/** Hex without alpha: the addon takes no other form. */
const decorations = {
  matchBackground: '#b58900',
  matchOverviewRuler: '#b58900',
  activeMatchBackground: '#e0662b',
  activeMatchColorOverviewRuler: '#e0662b',
};

export function SearchBar({ view, onClose }: { view: TerminalView; onClose(): void }) {
  const [term, setTerm] = useState('');
  const [caseSensitive, setCase] = useState(false);
  const [regex, setRegex] = useState(false);
  const [found, setFound] = useState<{ at: number; count: number } | null>(null);
  const [bad, setBad] = useState(false);
  const box = useRef<HTMLInputElement>(null);

  useEffect(() => {
    box.current?.focus();
    view.scrollback.complete();
    const results = view.search.onDidChangeResults(({ resultIndex, resultCount }) =>
      setFound({ at: resultIndex + 1, count: resultCount }),
    );
    return () => {
      results.dispose();
      view.search.clearDecorations();
    };
  }, [view]);

  function find(direction: 'next' | 'previous', text = term, options = { caseSensitive, regex }) {
    setBad(false);
    if (text === '') {
      view.search.clearDecorations();
      setFound(null);
      return;
    }
    try {
      const all = { ...options, decorations, incremental: direction === 'next' && text !== term };
      if (direction === 'next') view.search.findNext(text, all);
      else view.search.findPrevious(text, all);
    } catch {
      setBad(true);
    }
  }

  function toggle(name: 'caseSensitive' | 'regex') {
    const options = { caseSensitive, regex, [name]: name === 'regex' ? !regex : !caseSensitive };
    setCase(options.caseSensitive);
    setRegex(options.regex);
    view.search.clearDecorations();
    find('next', term, options);
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is not known to every assistive technology yet
    <div
      role="search"
      className="absolute top-2 right-3 left-3 z-20 flex animate-fade items-center gap-0.5 rounded-lg border border-line-strong bg-raised p-1 shadow-float sm:left-auto sm:w-104"
    >
      <input
        ref={box}
        value={term}
        onChange={(event) => {
          setTerm(event.target.value);
          find('next', event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') find(event.shiftKey ? 'previous' : 'next');
          if (event.key === 'Escape') onClose();
        }}
        aria-label="Search in the terminal"
        aria-invalid={bad || undefined}
        placeholder="Search"
        spellCheck={false}
        className="h-7 min-w-0 flex-1 rounded bg-transparent px-2 text-sm outline-none max-sm:text-[16px]"
      />
      <span role="status" className={cx('tabular px-1.5 text-xs', bad ? 'text-bad' : 'text-ink-faint')}>
        {bad
          ? 'Not a pattern'
          : found && term
            ? found.count === 0
              ? 'None'
              : `${found.at || '…'}/${found.count}`
            : ''}
      </span>
      {(
        [
          ['caseSensitive', 'Match case', CaseSensitive, caseSensitive],
          ['regex', 'Regular expression', Regex, regex],
        ] as const
      ).map(([name, label, Icon, on]) => (
        <Button
          key={name}
          look="ghost"
          size="tiny"
          aria-label={label}
          title={label}
          aria-pressed={on}
          className={cx(on && 'bg-accent-soft text-accent')}
          onClick={() => toggle(name)}
        >
          <Icon />
        </Button>
      ))}
      <Button
        look="ghost"
        size="tiny"
        aria-label="Previous match"
        title="Previous"
        onClick={() => find('previous')}
      >
        <ArrowUp />
      </Button>
      <Button look="ghost" size="tiny" aria-label="Next match" title="Next" onClick={() => find('next')}>
        <ArrowDown />
      </Button>
      <Button look="ghost" size="tiny" aria-label="Close the search" title="Close" onClick={onClose}>
        <X />
      </Button>
    </div>
  );
}
