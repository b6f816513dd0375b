'use client';

import { ChevronRight } from 'lucide-react';
import type { EgressKind } from '../../shared/egress';
import { Button } from '../ui/button';
import { Field, Input, Select } from '../ui/field';
import { Switch } from '../ui/switch';
import { type FieldSpec, type FieldValue, type FieldValues, isSecret } from './field-spec';
import { kindFields } from './kind-fields';

const area =
  'w-full rounded-md border border-line-strong bg-raised px-3 py-2 font-mono text-xs text-ink hover:border-ink-faint focus:border-accent focus-visible:outline-2 focus-visible:outline-offset-0 aria-invalid:border-bad';

interface FormProps {
  kind: EgressKind;
  values: FieldValues;
  errors: Record<string, string>;
  /** Paths of secrets that are stored: an empty box keeps them. */
  stored?: ReadonlySet<string>;
  onChange(values: FieldValues): void;
}

/** The boxes of one kind. */
export function KindForm({ kind, values, errors, stored, onChange }: FormProps) {
  const asked = kindFields[kind].filter((it) => !it.when || it.when(values));
  const shown = asked.filter((it) => !it.more || errors[it.path]);
  const more = asked.filter((it) => it.more && !errors[it.path]);
  const box = (field: FieldSpec) => (
    <OneField
      key={field.path}
      field={field}
      value={values[field.path] ?? null}
      error={errors[field.path]}
      keeps={stored?.has(field.path) ?? false}
      onChange={(value) => onChange({ ...values, [field.path]: value })}
    />
  );
  if (kind === 'direct')
    return <p className="text-ink-soft text-sm">Nothing to set: traffic leaves by this host's own uplink.</p>;
  return (
    <div className="grid gap-4">
      <div className="grid gap-4 sm:grid-cols-2">{shown.map(box)}</div>
      {more.length > 0 && (
        <details className="group">
          <summary className="flex items-center gap-1 py-1 text-ink-soft text-sm hover:text-ink">
            <ChevronRight className="size-4 transition-transform group-open:rotate-90" aria-hidden /> More
            settings
          </summary>
          <div className="mt-3 grid gap-4 sm:grid-cols-2">{more.map(box)}</div>
        </details>
      )}
    </div>
  );
}

function OneField({
  field,
  value,
  error,
  keeps,
  onChange,
}: {
  field: FieldSpec;
  value: FieldValue;
  error: string | undefined;
  keeps: boolean;
  onChange(value: FieldValue): void;
}) {
  const { label, hint, type, path, optional } = field;
  if (type === 'switch')
    return (
      <div className="sm:col-span-2">
        <Switch label={label} hint={hint} checked={value === true} onChange={onChange} />
      </div>
    );
  const text = typeof value === 'string' ? value : '';
  const cleared = keeps && value === null;
  const placeholder = cleared ? 'will be removed' : keeps ? 'unchanged' : '';
  const wide = type === 'lines' ? 'sm:col-span-2' : '';
  return (
    <div className={wide}>
      <Field
        label={
          <>
            {label}
            {optional && <span className="ml-1.5 font-normal text-ink-faint text-xs">optional</span>}
          </>
        }
        hint={hint}
        error={error}
      >
        {(control) =>
          type === 'choice' ? (
            <Select {...control} value={text} onChange={(event) => onChange(event.target.value)}>
              {optional && <option value="">none</option>}
              {field.choices?.map((it) => (
                <option key={it} value={it}>
                  {field.choiceNames?.[it] ?? it}
                </option>
              ))}
            </Select>
          ) : type === 'lines' ? (
            <textarea
              {...control}
              className={area}
              rows={3}
              spellCheck={false}
              autoComplete="off"
              placeholder={placeholder}
              value={text}
              onChange={(event) => onChange(event.target.value)}
            />
          ) : (
            <Input
              {...control}
              type={type === 'secret' ? 'password' : 'text'}
              inputMode={type === 'number' ? 'numeric' : undefined}
              autoComplete={type === 'secret' ? 'new-password' : 'off'}
              autoCapitalize="none"
              spellCheck={false}
              placeholder={placeholder}
              value={text}
              onChange={(event) => onChange(event.target.value)}
            />
          )
        }
      </Field>
      {keeps && optional && isSecret(path) && (
        <Button look="link" size="sm" onClick={() => onChange(cleared ? '' : null)}>
          {cleared ? 'Keep it' : 'Remove the stored one'}
        </Button>
      )}
    </div>
  );
}
