'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CircleCheck, CircleX, ExternalLink, LoaderCircle } from 'lucide-react';
import { type FormEvent, useEffect } from 'react';
import type { LoginView } from '../../shared/providers';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input } from '../ui/field';
import { relative } from '../ui/time';
import { useNow } from '../ui/use-now';

/** The feed tells of every step; this is for when it is down, in ms. */
const LOOK_AGAIN_MS = 3_000;
const underWay = (stage: LoginView['stage'] | undefined) =>
  stage === 'starting' || stage === 'url' || stage === 'checking';

export function accountText(account: NonNullable<LoginView['account']>): string {
  const plan = account.subscription ? ` (${account.subscription})` : '';
  return `${account.email ?? account.method}${plan}`;
}

function Progress({ text }: { text: string }) {
  return (
    <p role="status" className="flex items-center gap-2.5 py-4 text-ink-soft text-sm">
      <LoaderCircle className="size-4 animate-spin" aria-hidden /> {text}
    </p>
  );
}

function Steps({ sandboxId, view }: { sandboxId: string; view: LoginView & { url: string } }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const now = useNow(10_000);
  const send = useMutation(
    trpc.login.code.mutationOptions({
      meta: { quiet: true },
      onSuccess: (next) => queries.setQueryData(trpc.login.status.queryKey({ sandboxId }), next),
    }),
  );
  const failure = send.error && failureOf(send.error);
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget).get('code') ?? '').trim();
    if (code) send.mutate({ sandboxId, code });
  }
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <ol className="grid gap-4">
        <li className="grid gap-2">
          <p className="text-sm">
            <strong>1.</strong> Open this page and allow Claude Code:
          </p>
          <code className="line-clamp-4 select-all break-all rounded-md border bg-sunken px-3 pt-2 text-xs">
            {view.url}
          </code>
          <div className="flex flex-wrap gap-2">
            <Button asChild look="primary">
              <a href={view.url} target="_blank" rel="noopener noreferrer">
                <ExternalLink aria-hidden className="size-4" /> Open the page
              </a>
            </Button>
            <CopyButton text={view.url} label="Copy the address" />
          </div>
        </li>
        <li>
          <Field
            label={
              <>
                <strong>2.</strong> Paste the code that it shows
              </>
            }
            hint={
              view.expiresAt && now !== null
                ? `The log-in is given up ${relative(view.expiresAt, now)}.`
                : undefined
            }
            error={
              failure ? (failure.field ? failure.title : `${failure.title} ${failure.next}`) : view.message
            }
          >
            {(control) => (
              <Input
                {...control}
                name="code"
                autoComplete="off"
                spellCheck={false}
                className="font-mono text-sm"
              />
            )}
          </Field>
        </li>
      </ol>
      <Button type="submit" busy={send.isPending} className="justify-self-end">
        Log in
      </Button>
    </form>
  );
}

/** Claude's own log-in in a sandbox: the address, the code, and what became of it. */
export function LoginDialog({
  sandboxId,
  open,
  onOpenChange,
}: {
  sandboxId: string;
  open: boolean;
  onOpenChange(open: boolean): void;
}) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const key = trpc.login.status.queryKey({ sandboxId });
  const status = useQuery({
    ...trpc.login.status.queryOptions({ sandboxId }),
    enabled: open,
    staleTime: 0,
    refetchInterval: ({ state }) => (underWay(state.data?.stage) ? LOOK_AGAIN_MS : false),
  });
  const put = { meta: { quiet: true }, onSuccess: (next: LoginView) => queries.setQueryData(key, next) };
  const start = useMutation(trpc.login.start.mutationOptions(put));
  const cancel = useMutation(trpc.login.cancel.mutationOptions(put));
  const { reset } = start;
  useEffect(() => {
    if (!open) reset();
  }, [open, reset]);
  const view = status.data;
  const stage = start.isPending ? 'starting' : view?.stage;
  const problem = start.error ?? cancel.error ?? (view ? null : status.error);
  const failure = problem && failureOf(problem);
  const loggedIn = view?.account;
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Log in to Claude"
      description="With your Claude subscription. What you log in with stays in this sandbox’s home folder."
    >
      {failure && (
        <Note tone="bad" icon={CircleX}>
          {failure.title} {failure.next}
        </Note>
      )}
      {!view && !failure ? (
        <Progress text="Looking who is logged in…" />
      ) : stage === 'starting' ? (
        <Progress text="Claude’s log-in is being started in the sandbox…" />
      ) : stage === 'checking' ? (
        <Progress text="The code is being checked by Anthropic…" />
      ) : stage === 'url' && view?.url ? (
        <Steps sandboxId={sandboxId} view={{ ...view, url: view.url }} />
      ) : (
        <div className="grid gap-3">
          {stage === 'failed' && (
            <Note tone="bad" icon={CircleX}>
              {view?.message ?? 'The log-in did not work.'}
            </Note>
          )}
          {stage === 'canceled' && <Note tone="calm">The log-in was canceled.</Note>}
          {loggedIn ? (
            <Note tone="good" icon={CircleCheck}>
              Logged in: <strong>{accountText(loggedIn)}</strong>
            </Note>
          ) : (
            stage !== 'failed' &&
            stage !== 'canceled' && <p className="text-sm">Nobody is logged in in this sandbox.</p>
          )}
        </div>
      )}
      <DialogActions>
        {underWay(stage) ? (
          <Button busy={cancel.isPending} onClick={() => cancel.mutate({ sandboxId })}>
            Cancel the log-in
          </Button>
        ) : (
          <>
            <Button look={loggedIn ? 'primary' : 'secondary'} onClick={() => onOpenChange(false)}>
              {loggedIn ? 'Done' : 'Close'}
            </Button>
            <Button look={loggedIn ? 'secondary' : 'primary'} onClick={() => start.mutate({ sandboxId })}>
              {loggedIn ? 'Log in as somebody else' : 'Start the log-in'}
            </Button>
          </>
        )}
      </DialogActions>
    </Dialog>
  );
}
