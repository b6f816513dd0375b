'use client';

import { Plus, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { z } from 'zod';
import { Button } from '../../ui/button';
import { Field, Input, Select } from '../../ui/field';

interface Entry {
  type: string;
  value: string;
}

/** From so many on a filter is worth its place. */
const FILTER_FROM = 20;

/** A list of typed entries with a box to add some: several at once, with spaces or line ends between. */
export function EntryList<T extends Entry>({
  legend,
  hint,
  types,
  guess,
  schema,
  entries,
  empty,
  onChange,
}: {
  legend: string;
  hint: string;
  types: readonly { type: T['type']; title: string }[];
  /** The type that fits what is typed, so that nobody has to choose one for an address. */
  guess(value: string, chosen: string): string;
  schema: z.ZodType<T>;
  entries: readonly T[];
  empty: ReactNode;
  onChange(entries: T[]): void;
}) {
  const [type, setType] = useState<string>(types[0]?.type ?? '');
  const [text, setText] = useState('');
  const [filter, setFilter] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const title = (it: Entry) => types.find((one) => one.type === it.type)?.title ?? it.type;

  function add() {
    const words = text.split(/[\s,]+/).filter(Boolean);
    if (words.length === 0) return;
    const next = [...entries];
    const wrong: string[] = [];
    let why = '';
    for (const word of words) {
      const parsed = schema.safeParse({ type: guess(word, type), value: word });
      if (!parsed.success) {
        wrong.push(word);
        why ||= parsed.error.issues[0]?.message ?? '';
      } else if (!next.some((it) => it.type === parsed.data.type && it.value === parsed.data.value))
        next.push(parsed.data);
    }
    onChange(next);
    setText(wrong.join(' '));
    setProblem(wrong.length === 0 ? null : `${wrong.join(', ')}: ${friendly(why)}`);
  }
  const shown = entries.filter((it) => it.value.includes(filter.trim().toLowerCase()));
  return (
    <fieldset className="grid min-w-0 gap-3">
      <legend className="mb-2 font-medium text-sm">{legend}</legend>
      <div className="flex flex-wrap items-start gap-2">
        <Select
          aria-label={`Kind of ${legend}`}
          className="w-44 max-sm:w-full"
          value={type}
          onChange={(event) => setType(event.target.value)}
        >
          {types.map((it) => (
            <option key={it.type} value={it.type}>
              {it.title}
            </option>
          ))}
        </Select>
        <Field
          label={<span className="sr-only">New entries for {legend}</span>}
          hint={hint}
          error={problem}
          className="min-w-40 flex-1 gap-0 [&>p]:mt-1.5"
        >
          {(control) => (
            <Input
              {...control}
              value={text}
              autoCapitalize="none"
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => {
                setText(event.target.value);
                setProblem(null);
              }}
              onKeyDown={(event) => {
                if (event.key !== 'Enter') return;
                event.preventDefault();
                add();
              }}
            />
          )}
        </Field>
        <Button onClick={add} disabled={text.trim() === ''} className="h-9">
          <Plus /> Add
        </Button>
      </div>
      {entries.length >= FILTER_FROM && (
        <Input
          type="search"
          aria-label={`Filter ${legend}`}
          placeholder={`Filter ${entries.length} entries`}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
      )}
      {entries.length === 0 ? (
        <p className="text-ink-faint text-sm">{empty}</p>
      ) : (
        <ul aria-label={legend} className="flex max-h-64 flex-wrap gap-1.5 overflow-y-auto">
          {shown.map((it) => (
            <li
              key={`${it.type} ${it.value}`}
              className="flex min-w-0 items-center gap-1.5 rounded-md border bg-canvas py-0.5 pr-0.5 pl-2 text-sm"
            >
              <span className="text-ink-faint text-xs">{title(it)}</span>
              <span className="min-w-0 break-all">{it.value}</span>
              <Button
                look="ghost"
                size="tiny"
                aria-label={`Remove ${title(it)} ${it.value}`}
                onClick={() => onChange(entries.filter((one) => one !== it))}
              >
                <X />
              </Button>
            </li>
          ))}
        </ul>
      )}
    </fieldset>
  );
}

/** Zod's own words speak of formats; our schemas' speak to people. */
function friendly(text: string): string {
  if (/IPv4 range|cidr/i.test(text)) return 'a range is an address with a length, such as 10.0.0.0/8.';
  if (/IPv4/i.test(text)) return 'an address has four numbers, such as 192.168.1.10.';
  return text;
}
