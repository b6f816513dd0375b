'use client';

import { useState } from 'react';
import { type ModelPrice, modelPriceSchema, type PriceView } from '../../shared/usage';
import { failureOf } from '../api/failure';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Field, Input } from '../ui/field';

const fields = [
  ['input', 'Input'],
  ['output', 'Output'],
  ['cacheRead', 'Read from a cache'],
  ['cacheWrite', 'Cached for 5 minutes'],
  ['cacheWriteHour', 'Cached for an hour'],
] as const;
type Texts = Record<keyof ModelPrice, string>;

function textsOf(price: PriceView | null): Texts {
  const text = (value: number | undefined) => (value === undefined ? '' : String(value));
  return {
    model: price?.model ?? '',
    since: price?.since ?? new Date().toISOString().slice(0, 10),
    input: text(price?.input),
    output: text(price?.output),
    cacheRead: text(price?.cacheRead),
    cacheWrite: text(price?.cacheWrite),
    cacheWriteHour: text(price?.cacheWriteHour),
  };
}

export function PriceForm({
  price,
  busy,
  error,
  onSave,
  onCancel,
}: {
  price: PriceView | null;
  busy: boolean;
  error: unknown;
  onSave(price: ModelPrice): void;
  onCancel(): void;
}) {
  const [texts, setTexts] = useState(() => textsOf(price));
  const [tried, setTried] = useState(false);
  const number = (text: string) => (text.trim() === '' ? undefined : Number(text));
  const parsed = modelPriceSchema.safeParse({
    ...texts,
    ...Object.fromEntries(fields.map(([key]) => [key, number(texts[key])])),
  });
  const of = (key: keyof ModelPrice) =>
    tried && !parsed.success ? parsed.error.issues.find((it) => it.path[0] === key) : undefined;
  const put = (key: keyof ModelPrice) => (event: { target: { value: string } }) =>
    setTexts({ ...texts, [key]: event.target.value });
  const failure = error ? failureOf(error) : null;
  return (
    <form
      noValidate
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (parsed.success) onSave(parsed.data);
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Model"
          hint="A name, or its beginning and a *."
          error={of('model') && 'Give a model name; a * may stand at its end.'}
        >
          {(control) => (
            <Input {...control} value={texts.model} placeholder="claude-opus-*" onChange={put('model')} />
          )}
        </Field>
        <Field label="From" hint="First day, of UTC." error={of('since') && 'Give a day.'}>
          {(control) => <Input {...control} type="date" value={texts.since} onChange={put('since')} />}
        </Field>
        {fields.map(([key, title]) => (
          <Field key={key} label={title} error={of(key) && 'Give US dollars per million tokens.'}>
            {(control) => <Input {...control} inputMode="decimal" value={texts[key]} onChange={put(key)} />}
          </Field>
        ))}
      </div>
      {failure && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          Set
        </Button>
      </div>
    </form>
  );
}
