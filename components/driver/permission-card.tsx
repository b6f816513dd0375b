'use client';

import { ShieldQuestion } from 'lucide-react';
import { useState } from 'react';
import type { PermissionItem, ToolItem } from '../../shared/conversation-items';
import { Button } from '../ui/button';
import { Input } from '../ui/field';
import { useDriver } from './driver-context';
import { Markdown } from './markdown';
import { RequestFrame } from './request-frame';
import { suggestionsOf } from './suggestions';
import { EditBody, JsonBody, ShellBody } from './tool-bodies';
import { faceOf, fields, str } from './tool-parts';
import { useAnswer } from './use-answer';

/** Claude asks whether it may use a tool. */
export function PermissionCard({ item }: { item: PermissionItem }) {
  const { workdir } = useDriver();
  const { sending, send } = useAnswer(item.requestId);
  const [denying, setDenying] = useState(false);
  const face = faceOf(item.tool, item.input, workdir);
  return (
    <RequestFrame
      icon={ShieldQuestion}
      title={`May Claude use ${face.title}?`}
      subtitle={item.agent && 'Asked by a subagent'}
    >
      <div className="max-h-56 overflow-y-auto rounded-md border">
        <Preview item={item} kind={face.kind} path={face.detail} />
      </div>
      {denying ? (
        <form
          className="flex flex-wrap gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            const message = String(new FormData(event.currentTarget).get('message') ?? '').trim();
            void send('deny', { behavior: 'deny', ...(message === '' ? {} : { message }) });
          }}
        >
          <Input
            name="message"
            aria-label="Tell Claude what to do instead"
            placeholder="Tell Claude what to do instead (optional)"
            maxLength={10_000}
            autoFocus
            className="min-w-0 flex-1 basis-52"
          />
          <Button type="submit" look="danger" busy={sending === 'deny'}>
            Deny
          </Button>
          <Button look="ghost" onClick={() => setDenying(false)}>
            Back
          </Button>
        </form>
      ) : (
        <div className="flex flex-wrap gap-2">
          <Button
            look="primary"
            busy={sending === 'allow'}
            disabled={sending !== null}
            onClick={() => send('allow', { behavior: 'allow' })}
          >
            Allow
          </Button>
          {suggestionsOf(item.suggestions).map((it) => (
            <Button
              key={it.label}
              busy={sending === it.label}
              disabled={sending !== null}
              onClick={() => send(it.label, { behavior: 'allow', remember: it.value })}
              className="h-auto min-h-8.5 min-w-0 max-w-full shrink whitespace-normal break-words py-1 text-left"
            >
              {it.label}
            </Button>
          ))}
          <Button look="danger" disabled={sending !== null} onClick={() => setDenying(true)}>
            Deny…
          </Button>
        </div>
      )}
    </RequestFrame>
  );
}

/** The call as its card in the transcript will show it. */
function Preview({ item, kind, path }: { item: PermissionItem; kind: string; path: string }) {
  const call: ToolItem = {
    ...item,
    type: 'tool',
    toolUseId: item.toolUseId ?? item.requestId,
    state: 'running',
    output: '',
    result: undefined,
    durationMs: null,
    truncated: false,
    runs: null,
  };
  const input = fields(item.input);
  // Whole: a short path may hide that the file is elsewhere.
  const full = str(input.file_path) || str(input.notebook_path);
  if (kind === 'plan' && str(input.plan) !== '')
    return (
      <div className="px-3 py-2">
        <Markdown text={str(input.plan)} />
      </div>
    );
  if (kind === 'shell') return <ShellBody item={call} />;
  if (kind === 'edit')
    return (
      <>
        <p className="break-all border-b bg-sunken px-3 py-1.5 font-mono text-xs">{full || path}</p>
        <EditBody item={call} path={path} />
      </>
    );
  return <JsonBody item={call} />;
}
