'use client';

import { MessageCircleQuestion } from 'lucide-react';
import { useId, useState } from 'react';
import type { QuestionItem } from '../../shared/conversation-items';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Input } from '../ui/field';
import { RequestFrame } from './request-frame';
import { useAnswer } from './use-answer';

type Question = QuestionItem['questions'][number];
interface Given {
  chosen: string[];
  own: string;
}
const nothing: Given = { chosen: [], own: '' };

/** What goes back: labels and own words, joined as Claude Code joins them. */
export function answerOf({ chosen, own }: Given): string {
  return [...chosen, own.trim()].filter((it) => it !== '').join(', ');
}

/** Claude asks. A single choice is answered with one click; everything else is sent by its button. */
export function QuestionCard({ item }: { item: QuestionItem }) {
  const { sending, send } = useAnswer(item.requestId);
  const [given, setGiven] = useState<Record<string, Given>>({});
  const [only] = item.questions;
  const oneClick = item.questions.length === 1 && only !== undefined && !only.multiSelect;
  const complete = item.questions.every((it) => answerOf(given[it.question] ?? nothing) !== '');

  function submit(all: Record<string, Given>) {
    const answers = Object.fromEntries(
      item.questions.map((it) => [it.question, answerOf(all[it.question] ?? nothing)]),
    );
    void send('answer', { behavior: 'allow', answers });
  }
  function change(question: Question, next: Given, clicked: boolean) {
    const all = { ...given, [question.question]: next };
    setGiven(all);
    if (clicked && oneClick) submit(all);
  }

  return (
    <RequestFrame icon={MessageCircleQuestion} title="Claude asks" subtitle={item.agent && 'a subagent'}>
      <form
        className="grid max-h-[50vh] gap-3 overflow-y-auto"
        onSubmit={(event) => {
          event.preventDefault();
          if (complete && sending === null) submit(given);
        }}
      >
        {item.questions.map((it) => (
          <OneQuestion
            key={it.question}
            question={it}
            given={given[it.question] ?? nothing}
            disabled={sending !== null}
            onChange={(next, clicked) => change(it, next, clicked)}
          />
        ))}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" look="primary" disabled={!complete} busy={sending === 'answer'}>
            Answer
          </Button>
          <Button
            look="ghost"
            disabled={sending !== null}
            onClick={() =>
              send('skip', { behavior: 'deny', message: 'The person does not want to answer this.' })
            }
          >
            Do not answer
          </Button>
        </div>
      </form>
    </RequestFrame>
  );
}

function OneQuestion({
  question,
  given,
  disabled,
  onChange,
}: {
  question: Question;
  given: Given;
  disabled: boolean;
  onChange(next: Given, clicked: boolean): void;
}) {
  const name = useId();
  const { multiSelect } = question;
  function choose(label: string) {
    if (!multiSelect) onChange({ chosen: [label], own: '' }, true);
    else {
      const has = given.chosen.includes(label);
      onChange(
        { ...given, chosen: has ? given.chosen.filter((it) => it !== label) : [...given.chosen, label] },
        true,
      );
    }
  }
  return (
    <fieldset disabled={disabled} className="grid gap-1.5">
      <legend className="mb-1.5 text-base">
        {question.header && (
          <span className="mr-2 rounded bg-sunken px-1.5 py-0.5 text-2xs text-ink-soft">
            {question.header}
          </span>
        )}
        {question.question}
        {multiSelect && <span className="text-ink-faint text-xs"> (any number)</span>}
      </legend>
      {question.options.map((option) => {
        const chosen = given.chosen.includes(option.label);
        return (
          <label
            key={option.label}
            className={cx(
              'flex cursor-pointer items-start gap-2.5 rounded-lg border px-3 py-2 hover:border-accent has-focus-visible:outline-2 has-focus-visible:outline-accent',
              chosen ? 'border-accent bg-accent-soft' : 'bg-surface',
            )}
          >
            <input
              type={multiSelect ? 'checkbox' : 'radio'}
              name={name}
              checked={chosen}
              // A radio that is chosen already tells no change, but its click is an answer all the same.
              onChange={() => choose(option.label)}
              className="mt-1 shrink-0 accent-(--accent)"
            />
            <span className="min-w-0">
              <span className="font-medium text-sm">{option.label}</span>
              {option.description && (
                <span className="block text-ink-soft text-xs">{option.description}</span>
              )}
            </span>
          </label>
        );
      })}
      <Input
        value={given.own}
        onChange={(event) =>
          onChange({ chosen: multiSelect ? given.chosen : [], own: event.target.value }, false)
        }
        placeholder="In your own words"
        aria-label={`In your own words: ${question.question}`}
      />
    </fieldset>
  );
}
