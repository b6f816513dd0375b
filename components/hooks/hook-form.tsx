'use client';

import { FlaskConical } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import {
  HOOK_TIMEOUT_DEFAULT_S,
  HOOK_TIMEOUT_MAX_S,
  type HookEventName,
  ruleOf,
} from '../../shared/hook-rules';
import { type HookInput, type HookView, hookSchema } from '../../shared/hooks';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Field, Input, Select } from '../ui/field';
import { FormFooter } from '../ui/form-footer';
import { abilities, eventGroups, inputOf, subjectWords } from './words';

const kinds = [
  ['command', 'Command', 'A line for a shell in the sandbox. It gets the event on its standard input.'],
  ['http', 'HTTP', 'A signed POST out of the sandbox, through its way out.'],
] as const;
type Kind = (typeof kinds)[number][0];

/** Adds a hook, or changes the one that is given. */
export function HookForm({
  hook,
  busy,
  failure,
  onSave,
  onTry,
  onCancel,
}: {
  hook: HookView | null;
  busy: boolean;
  failure: string | null;
  onSave(hook: HookInput): void;
  onTry(hook: HookInput): void;
  onCancel(): void;
}) {
  const [event, setEvent] = useState<HookEventName>(hook?.event ?? 'PreToolUse');
  const [kind, setKind] = useState<Kind>(hook?.action.kind ?? 'command');
  const [problems, setProblems] = useState<Record<string, string>>({});
  const { subject, decisions } = ruleOf(event);

  function read(form: HTMLFormElement): HookInput | null {
    const data = new FormData(form);
    const text = (name: string) => String(data.get(name) ?? '');
    const seconds = text('timeoutSeconds').trim();
    const found = hookSchema.safeParse({
      ...(hook ? inputOf(hook) : {}),
      ...{ name: text('name'), event, matcher: subject === null ? '' : text('matcher') },
      action: kind === 'command' ? { kind, command: text('command') } : { kind, url: text('url') },
      timeoutSeconds: seconds === '' ? undefined : Number(seconds),
      onFailure: decisions.includes('deny') ? text('onFailure') : 'allow',
    });
    if (found.success) {
      setProblems({});
      return found.data;
    }
    const issues = found.error.issues.map((it) => [it.path.join('.'), it.message] as const);
    // The first of each field, as it is the plainest.
    setProblems(Object.fromEntries(issues.reverse()));
    return null;
  }
  function submit(submitted: FormEvent<HTMLFormElement>) {
    submitted.preventDefault();
    const found = read(submitted.currentTarget);
    if (found) onSave(found);
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={submit}
      // What was wrong may be right now: it is looked at again when it is sent.
      onChange={() => setProblems({})}
      noValidate
      autoComplete="off"
    >
      <Field label="Name" error={problems.name}>
        {(control) => (
          <Input
            {...control}
            name="name"
            maxLength={64}
            defaultValue={hook?.name}
            placeholder="No pushes to main"
          />
        )}
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Event" hint={abilities(event)} error={problems.event}>
          {(control) => (
            <Select
              {...control}
              value={event}
              // The options are the events.
              onChange={(it) => setEvent(it.target.value as HookEventName)}
            >
              {eventGroups.map(({ label, events }) => (
                <optgroup key={label} label={label}>
                  {events.map((it) => (
                    <option key={it}>{it}</option>
                  ))}
                </optgroup>
              ))}
            </Select>
          )}
        </Field>
        {subject !== null && (
          <Field
            label="Matcher"
            hint={`${subjectWords[subject] ?? subject}. Empty: all.`}
            error={problems.matcher}
          >
            {(control) => (
              <Input
                {...control}
                name="matcher"
                spellCheck={false}
                autoCapitalize="off"
                defaultValue={hook?.matcher}
                className="font-mono text-sm"
              />
            )}
          </Field>
        )}
      </div>
      <fieldset>
        <legend className="mb-1.5 font-medium text-sm">What runs</legend>
        <div className="grid gap-1.5 sm:grid-cols-2">
          {kinds.map(([it, title, help]) => (
            <label
              key={it}
              className={cx(
                'relative grid cursor-pointer content-start rounded-md border px-3 py-2 text-sm has-focus-visible:outline-2 has-focus-visible:outline-accent',
                it === kind ? 'border-accent bg-accent-soft' : 'border-line-strong hover:bg-sunken',
              )}
            >
              <input
                type="radio"
                name="kind"
                value={it}
                checked={it === kind}
                onChange={() => setKind(it)}
                className="sr-only"
              />
              <span className="font-medium">{title}</span>
              <span className="text-ink-soft text-xs">{help}</span>
            </label>
          ))}
        </div>
      </fieldset>
      {kind === 'command' ? (
        <Field
          label="Command"
          hint="It answers in JSON on its output, or ends with code 2 to deny and says why on its error output."
          error={problems['action.command']}
        >
          {(control) => (
            <textarea
              {...control}
              name="command"
              rows={4}
              spellCheck={false}
              autoCapitalize="off"
              defaultValue={hook?.action.kind === 'command' ? hook.action.command : ''}
              placeholder={
                'jq -e \'.tool_input.command | test("push.*main") | not\' >/dev/null ||\n  { echo "Open a pull request instead." >&2; exit 2; }'
              }
              className="w-full rounded-md border border-line-strong bg-raised px-3 py-2 font-mono text-sm placeholder:text-ink-faint hover:border-ink-faint focus:border-accent aria-invalid:border-bad max-sm:text-[16px]"
            />
          )}
        </Field>
      ) : (
        <Field
          label="Address"
          hint="Its requests are signed: Standard Webhooks. The secret is shown when it is made."
          error={problems['action.url']}
        >
          {(control) => (
            <Input
              {...control}
              name="url"
              inputMode="url"
              spellCheck={false}
              defaultValue={hook?.action.kind === 'http' ? hook.action.url : ''}
              placeholder="https://hooks.example.com/claude"
              className="font-mono text-sm"
            />
          )}
        </Field>
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Time-out in seconds" error={problems.timeoutSeconds}>
          {(control) => (
            <Input
              {...control}
              name="timeoutSeconds"
              type="number"
              inputMode="decimal"
              step="any"
              min={0.5}
              max={HOOK_TIMEOUT_MAX_S}
              defaultValue={hook?.timeoutSeconds ?? HOOK_TIMEOUT_DEFAULT_S}
            />
          )}
        </Field>
        {decisions.includes('deny') && (
          <Field label="When it fails or is too late" error={problems.onFailure}>
            {(control) => (
              <Select {...control} name="onFailure" defaultValue={hook?.onFailure ?? 'allow'}>
                <option value="allow">Claude goes on</option>
                <option value="deny">It counts as a denial</option>
              </Select>
            )}
          </Field>
        )}
      </div>
      <FormFooter failure={failure} submit={hook ? 'Save' : 'Add'} busy={busy} onCancel={onCancel}>
        <Button
          className="sm:mr-auto"
          onClick={(clicked) => {
            const form = clicked.currentTarget.closest('form');
            const found = form && read(form);
            if (found) onTry(found);
          }}
        >
          <FlaskConical /> Test…
        </Button>
      </FormFooter>
    </form>
  );
}
