'use client';

import { ArrowLeft, ArrowRight, CircleAlert, Copy } from 'lucide-react';
import { type Egress, egressEndpoint } from '../../../shared/egress';
import type { ImportEntry } from '../../../shared/egress-views';
import { Badge, Note } from '../../ui/banner';
import { Button } from '../../ui/button';
import { cx } from '../../ui/cx';
import { DialogActions } from '../../ui/dialog';
import { Field, Input } from '../../ui/field';
import { EmptyState } from '../../ui/panel';
import { kindNames } from '../words';
import type { Item } from './draft';
import type { StepProps } from './wizard';

const formatNames = {
  links: 'Share links',
  base64: 'A base64 list',
  clash: 'Clash YAML',
  'sing-box': 'sing-box JSON',
  wireguard: 'A WireGuard .conf',
};
const LABEL_MAX = 64;

function endpointOf(config: Egress): string {
  const endpoint = egressEndpoint(config);
  return endpoint && config.kind !== 'direct' ? `${endpoint.host}:${config.port}` : '';
}

/** What is in the text, line by line: fine, a problem with its mend, or there already. */
export function StepChoose({ draft, change }: StepProps) {
  const { preview, chosen } = draft;
  const entries = preview?.entries ?? [];
  const fine = entries.filter((it) => it.config !== null);
  const problems = entries.length - fine.length;
  const taken = fine.filter((it) => chosen.includes(it.line));
  const only = taken.length === 1 ? taken[0] : undefined;

  function next() {
    const items = taken.flatMap((it): Item[] =>
      it.config === null
        ? []
        : [
            {
              key: `line-${it.line}`,
              label: only ? draft.label.trim() || it.label : it.label,
              config: it.config,
              line: it.line,
            },
          ],
    );
    change({ items, runs: {}, step: 'test' });
  }
  const back = (
    <Button onClick={() => change({ step: 'source', preview: null, label: '' })}>
      <ArrowLeft /> Back
    </Button>
  );
  if (preview === null || entries.length === 0)
    return (
      <EmptyState icon={CircleAlert} tone="bad" title="Nothing was found in it" action={back}>
        Paste a whole link, such as one that begins with ss:// or vless://, or the whole file.
      </EmptyState>
    );
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (taken.length > 0) next();
      }}
    >
      <p className="text-ink-soft text-sm">
        {preview.format && `${formatNames[preview.format]}: `}
        {fine.length} of {entries.length} can be taken{problems > 0 && `, ${problems} not`}.
      </p>
      {fine.length > 1 && (
        <label className="flex items-center gap-2.5 border-b pb-2 text-sm">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={taken.length === fine.length}
            onChange={(event) => change({ chosen: event.target.checked ? fine.map((it) => it.line) : [] })}
          />
          All {fine.length}
        </label>
      )}
      <ul aria-label="Entries" className="grid max-h-[50dvh] gap-1 overflow-y-auto">
        {entries.map((it) => (
          <Entry
            key={it.line}
            entry={it}
            checked={chosen.includes(it.line)}
            onChange={(on) =>
              change({ chosen: on ? [...chosen, it.line] : chosen.filter((line) => line !== it.line) })
            }
          />
        ))}
      </ul>
      {only && (
        <Field label="Name" hint="How it is shown everywhere.">
          {(control) => (
            <Input
              {...control}
              maxLength={LABEL_MAX}
              placeholder={only.label}
              value={draft.label}
              onChange={(event) => change({ label: event.target.value })}
            />
          )}
        </Field>
      )}
      {fine.length === 0 && (
        <Note tone="bad" icon={CircleAlert}>
          <strong>None of it can be taken.</strong> Each line says what is wrong with it; go back and mend the
          text.
        </Note>
      )}
      <DialogActions>
        {back}
        <Button type="submit" look="primary" disabled={taken.length === 0}>
          Test {taken.length > 1 ? `these ${taken.length}` : 'it'} <ArrowRight />
        </Button>
      </DialogActions>
    </form>
  );
}

function Entry({
  entry,
  checked,
  onChange,
}: {
  entry: ImportEntry;
  checked: boolean;
  onChange(on: boolean): void;
}) {
  const { config, problem } = entry;
  if (config === null)
    return (
      <li
        className="flex items-start gap-2.5 rounded-md bg-bad-soft px-3 py-2 text-bad text-sm"
        data-testid="bad-line"
      >
        <CircleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
        <span className="min-w-0 break-words">
          <strong className="font-semibold">Line {entry.line}</strong>
          {entry.label && !/^Line \d+$/.test(entry.label) && ` (${entry.label})`}: {problem}
        </span>
      </li>
    );
  return (
    <li>
      <label
        className={cx(
          'flex items-center gap-2.5 rounded-md border px-3 py-2 text-sm transition-colors',
          checked ? 'border-accent bg-accent-soft' : 'hover:border-line-strong',
        )}
      >
        <input
          type="checkbox"
          className="size-4 shrink-0 accent-accent"
          checked={checked}
          onChange={(event) => onChange(event.target.checked)}
        />
        <span className="min-w-0 flex-1">
          <span className="block truncate font-medium">{entry.label}</span>
          <span className="block truncate text-ink-soft text-xs">
            Line {entry.line} · {kindNames[config.kind]} · {endpointOf(config)}
          </span>
        </span>
        {entry.duplicateOf !== null && (
          <Badge tone="warn">
            <Copy className="size-3" aria-hidden /> There already
          </Badge>
        )}
      </label>
    </li>
  );
}
