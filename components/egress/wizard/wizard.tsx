'use client';

import { ArrowLeft, Check } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useCallback, useEffect, useRef, useState } from 'react';
import { Button } from '../../ui/button';
import { cx } from '../../ui/cx';
import { Panel } from '../../ui/panel';
import { type Draft, emptyDraft, isEmpty, keep, recall, steps, stepTitles } from './draft';
import { StepChoose } from './step-choose';
import { StepProof } from './step-proof';
import { StepSource } from './step-source';
import { StepTest } from './step-test';
import { StepUse } from './step-use';

export interface StepProps {
  draft: Draft;
  change(part: Partial<Draft>): void;
}

const headings = {
  source: 'Add a way out',
  choose: 'What was found',
  test: 'Test',
  use: 'Who goes out by it',
  proof: 'Proof',
};
const descriptions = {
  source: 'Paste what your provider gave you, or fill in a form.',
  choose: 'Choose what to take. Nothing is saved yet.',
  test: 'Tried from a throw-away sandbox by the way that real traffic will take. Nothing is saved yet.',
  use: 'It is saved. Now somebody can go out by it.',
  proof: 'Proven from inside: what the Internet really sees.',
};

/** From a pasted link to a green proof. Closing it loses nothing until the tab is closed. */
export function Wizard() {
  const router = useRouter();
  const [draft, setDraft] = useState<Draft>(emptyDraft);
  const [restored, setRestored] = useState(false);
  const heading = useRef<HTMLDivElement>(null);
  const change = useCallback((part: Partial<Draft>) => setDraft((it) => ({ ...it, ...part })), []);
  useEffect(() => {
    const before = recall();
    setDraft(before);
    setRestored(!isEmpty(before));
  }, []);
  useEffect(() => keep(draft), [draft]);
  const unsaved = !isEmpty(draft) && draft.saved.length === 0;
  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [unsaved]);
  const { step } = draft;
  useEffect(() => {
    if (step !== 'source') heading.current?.focus();
  }, [step]);

  function startAnew() {
    setDraft(emptyDraft);
    setRestored(false);
  }
  const at = steps.indexOf(step);
  const Part = { source: StepSource, choose: StepChoose, test: StepTest, use: StepUse, proof: StepProof }[
    step
  ];
  return (
    <div className="mx-auto grid w-full max-w-3xl gap-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Button look="ghost" asChild size="sm" className="-ml-2.5">
          <Link href="/admin/egress">
            <ArrowLeft aria-hidden /> Ways out
          </Link>
        </Button>
        {restored && unsaved && (
          <p className="text-ink-soft text-xs">
            Going on where you left.{' '}
            <Button look="link" size="sm" onClick={startAnew}>
              Start anew
            </Button>
          </p>
        )}
      </div>
      <ol aria-label="Steps" className="flex gap-1">
        {steps.map((it, n) => (
          <li key={it} aria-current={it === step ? 'step' : undefined} className="grid min-w-0 flex-1 gap-1">
            <span className={cx('h-1 rounded-full', n <= at ? 'bg-accent' : 'bg-line')} />
            <span
              className={cx(
                'flex items-center gap-1 truncate text-xs',
                it === step ? 'font-medium text-ink' : 'text-ink-faint',
              )}
            >
              {n < at && <Check className="size-3 shrink-0" aria-label="done" />}
              {stepTitles[it]}
            </span>
          </li>
        ))}
      </ol>
      <Panel
        id="wizard"
        title={
          <span ref={heading} tabIndex={-1} className="outline-none">
            {headings[step]}
          </span>
        }
        description={descriptions[step]}
      >
        <Part draft={draft} change={change} />
      </Panel>
      {unsaved && step !== 'source' && (
        <Button
          look="ghost"
          size="sm"
          className="justify-self-center"
          onClick={() => {
            keep(emptyDraft);
            setDraft(emptyDraft);
            router.push('/admin/egress');
          }}
        >
          Cancel and forget what was entered
        </Button>
      )}
    </div>
  );
}
