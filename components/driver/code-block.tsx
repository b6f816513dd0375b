'use client';

import { type ReactNode, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { CopyText } from '../ui/copy-button';
import { highlighted, loadHighlighter, type Span } from './highlight';

/** Words of the code with their colours; null while there are none. */
export function useHighlight(code: string, language: string): Span[] | null {
  const [ready, setReady] = useState(false);
  const wanted = language !== '';
  useEffect(() => {
    if (!wanted) return;
    let here = true;
    void loadHighlighter().then(() => here && setReady(true));
    return () => {
      here = false;
    };
  }, [wanted]);
  // Colours of code that still grows may come a moment later than its words.
  const calm = useDeferredValue(code);
  const spans = useMemo(
    () => (ready || wanted ? highlighted(calm, language) : null),
    [calm, language, ready, wanted],
  );
  if (!spans || calm === code) return spans;
  return code.startsWith(calm) ? [...spans, { text: code.slice(calm.length), className: '' }] : null;
}

export function CodeText({ code, language }: { code: string; language: string }): ReactNode {
  const spans = useHighlight(code, language);
  if (!spans) return code;
  return spans.map((it, at) =>
    it.className === '' ? (
      it.text
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: words of one text, in their order
      <span key={at} className={it.className}>
        {it.text}
      </span>
    ),
  );
}

export function CodeBlock({ code, language }: { code: string; language: string }) {
  const name = language.split(/\s/)[0] ?? '';
  return (
    <figure className="group/code my-2 overflow-hidden rounded-lg border bg-sunken">
      <figcaption className="flex h-7 items-center justify-between border-b pr-1 pl-3 text-2xs text-ink-faint">
        <span>{name || 'text'}</span>
        <CopyText text={() => code} label="Copy the code" />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <pre className="driver-code overflow-x-auto px-3 py-2 text-sm" tabIndex={0}>
        <code>
          <CodeText code={code} language={name.toLowerCase()} />
        </code>
      </pre>
    </figure>
  );
}
