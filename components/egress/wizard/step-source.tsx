'use client';

import { useMutation } from '@tanstack/react-query';
import { ArrowRight, FileUp, KeyRound } from 'lucide-react';
import { type DragEvent, useRef, useState } from 'react';
import { type EgressKind, egressKinds } from '../../../shared/egress';
import { IMPORT_TEXT_MAX_CHARS } from '../../../shared/egress-views';
import { failureOf } from '../../api/failure';
import { useTRPC } from '../../api/trpc';
import { Note } from '../../ui/banner';
import { Button } from '../../ui/button';
import { CopyButton } from '../../ui/copy-button';
import { cx } from '../../ui/cx';
import { DialogActions } from '../../ui/dialog';
import { Field, Input, Select } from '../../ui/field';
import { configOf, emptyValues, judgeConfig } from '../kind-config';
import { KindForm } from '../kind-form';
import { kindHints, kindNames } from '../words';
import type { StepProps } from './wizard';

export function StepSource({ draft, change }: StepProps) {
  return (
    <div className="grid gap-5">
      <div role="tablist" aria-label="How" className="flex gap-1 rounded-lg bg-sunken p-1">
        {(['paste', 'form'] as const).map((it) => (
          <button
            key={it}
            type="button"
            role="tab"
            id={`how-${it}`}
            aria-selected={draft.from === it}
            aria-controls="how-panel"
            tabIndex={draft.from === it ? 0 : -1}
            onClick={() => change({ from: it })}
            onKeyDown={(event) => {
              if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
              const other = it === 'paste' ? 'form' : 'paste';
              change({ from: other });
              document.getElementById(`how-${other}`)?.focus();
            }}
            className={cx(
              'flex-1 rounded-md px-3 py-1.5 text-sm transition-colors',
              draft.from === it
                ? 'bg-raised font-medium text-ink shadow-lift'
                : 'text-ink-soft hover:text-ink',
            )}
          >
            {it === 'paste' ? 'Paste or drop' : 'Fill in a form'}
          </button>
        ))}
      </div>
      <div id="how-panel" role="tabpanel" aria-labelledby={`how-${draft.from}`}>
        {draft.from === 'paste' ? (
          <Paste draft={draft} change={change} />
        ) : (
          <Form draft={draft} change={change} />
        )}
      </div>
    </div>
  );
}

function Paste({ draft, change }: StepProps) {
  const trpc = useTRPC();
  const files = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const preview = useMutation(trpc.egress.previewImport.mutationOptions({ meta: { quiet: true } }));
  const failure = preview.error ? failureOf(preview.error) : null;

  function look(text: string) {
    if (text.trim() === '' || preview.isPending) return;
    preview.mutate(
      { text },
      {
        onSuccess: (found) => {
          setProblem(found.problem);
          if (found.problem !== null) return;
          const chosen = found.entries
            .filter((it) => it.config !== null && it.duplicateOf === null)
            .map((it) => it.line);
          change({ text, preview: found, chosen, step: 'choose' });
        },
      },
    );
  }
  async function read(file: File | undefined) {
    if (!file) return;
    // UTF-8 takes up to three bytes where a string has one unit.
    if (file.size > IMPORT_TEXT_MAX_CHARS * 3)
      return setProblem('This file is larger than 1 million characters.');
    const text = await file.text();
    change({ text });
    look(text);
  }
  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    void read(event.dataTransfer.files[0]);
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        look(draft.text);
      }}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Field
        label="Link, file or list"
        hint="Share links (ss://, vmess://, vless://, trojan://, hy2://, tuic://, anytls://, socks5://, http://, ssh://), one a line; a WireGuard .conf; Clash YAML; sing-box JSON; a base64 list."
        error={problem}
      >
        {(control) => (
          <textarea
            {...control}
            // biome-ignore lint/a11y/noAutofocus: the page is there to paste into this box
            autoFocus
            rows={6}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="none"
            maxLength={IMPORT_TEXT_MAX_CHARS}
            value={draft.text}
            placeholder="ss://…"
            onChange={(event) => {
              setProblem(null);
              change({ text: event.target.value });
            }}
            onPaste={(event) => {
              // Into an empty box: the next step is what is meant.
              if (draft.text !== '') return;
              const text = event.clipboardData.getData('text');
              if (text.trim() === '') return;
              event.preventDefault();
              change({ text });
              look(text);
            }}
            className={cx(
              'w-full rounded-md border border-line-strong bg-raised px-3 py-2 font-mono text-xs max-sm:text-[16px]',
              'hover:border-ink-faint focus:border-accent focus-visible:outline-2 focus-visible:outline-offset-0 aria-invalid:border-bad',
              over && 'border-accent border-dashed bg-accent-soft',
            )}
          />
        )}
      </Field>
      {failure && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <input
        ref={files}
        type="file"
        hidden
        aria-label="File"
        accept=".txt,.conf,.yaml,.yml,.json,text/*,application/json"
        onChange={(event) => {
          void read(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
      <DialogActions>
        <Button onClick={() => files.current?.click()}>
          <FileUp /> Open a file
        </Button>
        <Button type="submit" look="primary" busy={preview.isPending} disabled={draft.text.trim() === ''}>
          Look at it <ArrowRight />
        </Button>
      </DialogActions>
    </form>
  );
}

function Form({ draft, change }: StepProps) {
  const [tried, setTried] = useState(false);
  const values = Object.keys(draft.values).length === 0 ? emptyValues(draft.kind) : draft.values;
  const label = draft.label.trim();
  const judged = judgeConfig(configOf(draft.kind, values));
  const errors = tried ? judged.errors : {};
  const rest = Object.entries(errors).filter(([path]) => !(path in values));
  function next() {
    setTried(true);
    if (judged.config === null) return;
    const name = label || kindNames[draft.kind];
    change({
      values,
      step: 'test',
      items: [{ key: 'form', label: name, config: judged.config, line: null }],
      runs: {},
    });
  }
  return (
    <form
      className="grid gap-4"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        next();
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Kind" hint={kindHints[draft.kind]}>
          {(control) => (
            <Select
              {...control}
              value={draft.kind}
              onChange={(event) => {
                const kind = event.target.value as EgressKind; // the options are the kinds
                // What both kinds ask is taken along.
                const fresh = emptyValues(kind);
                const same = Object.entries(values).filter(
                  ([path, it]) => path in fresh && it !== '' && path !== 'port',
                );
                change({ kind, values: { ...fresh, ...Object.fromEntries(same) }, publicKey: null });
                setTried(false);
              }}
            >
              {egressKinds.map((it) => (
                <option key={it} value={it}>
                  {kindNames[it]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Name" hint="How it is shown everywhere.">
          {(control) => (
            <Input
              {...control}
              maxLength={64}
              placeholder={kindNames[draft.kind]}
              value={draft.label}
              onChange={(event) => change({ label: event.target.value })}
            />
          )}
        </Field>
      </div>
      {draft.kind === 'wireguard' && <MakeKey draft={draft} change={change} />}
      <KindForm
        kind={draft.kind}
        values={values}
        errors={errors}
        onChange={(next) => change({ values: next })}
      />
      {rest.length > 0 && (
        <Note tone="bad">
          {rest.map(([path, text]) => (
            <p key={path}>{path === '' ? text : `${path}: ${text}`}</p>
          ))}
        </Note>
      )}
      <DialogActions>
        <Button type="submit" look="primary">
          Test it <ArrowRight />
        </Button>
      </DialogActions>
    </form>
  );
}

/** The private half stays on the host; only its name and the public half come here. */
function MakeKey({ draft, change }: StepProps) {
  const trpc = useTRPC();
  const make = useMutation(
    trpc.egress.newWireguardKey.mutationOptions({
      onSuccess: ({ keyId, publicKey }) =>
        change({
          publicKey,
          values: { ...emptyValues('wireguard'), ...draft.values, keyId, privateKey: '' },
        }),
    }),
  );
  if (draft.publicKey !== null)
    return (
      <Note tone="good" icon={KeyRound}>
        <p>
          <strong>Put this public key into the peer.</strong> The private key stays on this host.
        </p>
        <div className="mt-2 flex flex-wrap items-center gap-2">
          <code className="min-w-0 select-all break-all rounded-md bg-raised px-2 py-1 text-ink text-xs">
            {draft.publicKey}
          </code>
          <CopyButton text={draft.publicKey} label="Copy the public key" />
          <Button
            look="ghost"
            onClick={() => change({ publicKey: null, values: { ...draft.values, keyId: '' } })}
          >
            Use a key of my own
          </Button>
        </div>
      </Note>
    );
  return (
    <Note
      tone="accent"
      icon={KeyRound}
      actions={
        <Button busy={make.isPending} onClick={() => make.mutate()}>
          Make a key
        </Button>
      }
    >
      <strong>No key yet?</strong> This host makes one and never shows its private half to anybody.
    </Note>
  );
}
