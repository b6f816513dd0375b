'use client';

import { CircleAlert, Clock, Eye, EyeOff, LogOut } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { switchOff } from '../notifications/push';
import { Logo } from '../shell/logo';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Field, Input } from '../ui/field';
import { duration } from '../ui/time';
import { type SignInResult, signIn } from './credentials';
import { nextPath } from './next-path';

type Failed = Exclude<SignInResult, { ok: true }>;

function Failure({ failed, left }: { failed: Failed; left: number }) {
  if (failed.reason === 'throttled')
    return (
      <Note tone="warn" icon={Clock}>
        <strong>Too many attempts.</strong>{' '}
        {left > 0 ? `Wait ${duration(left * 1000)}, then try again.` : 'Wait a little, then try again.'}
      </Note>
    );
  return (
    <Note tone="bad" icon={CircleAlert}>
      {failed.reason === 'wrong' ? (
        <>
          <strong>User name or password is wrong.</strong> Check both and try again.
        </>
      ) : (
        <>
          <strong>The server did not answer.</strong> Check the connection and try again.
        </>
      )}
    </Note>
  );
}

/** `ended`: an open page led here, as its sign-in was no longer good. */
export function SignIn({ next, ended }: { next: string | null; ended: boolean }) {
  const [failed, setFailed] = useState<Failed | null>(null);
  const [left, setLeft] = useState(0);
  const [busy, setBusy] = useState(false);
  const [visible, setVisible] = useState(false);
  const passwordBox = useRef<HTMLInputElement>(null);

  // Nobody is signed in here: what is pushed to this browser would be somebody's who has left. The server sends nothing
  // any more either.
  useEffect(() => {
    switchOff().catch(() => undefined);
  }, []);

  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    const result = await signIn({
      username: String(form.get('username')).trim().toLowerCase(),
      password: String(form.get('password')),
    });
    if (result.ok) {
      window.location.assign(nextPath(next, window.location.origin));
      return;
    }
    setBusy(false);
    setFailed(result);
    setLeft(result.reason === 'throttled' ? (result.seconds ?? 0) : 0);
    passwordBox.current?.focus();
    passwordBox.current?.select();
  }

  return (
    <main className="grid min-h-dvh grid-rows-[1fr_auto_1.4fr] px-4">
      <div />
      <div className="mx-auto grid w-full max-w-sm gap-6">
        <Logo />
        <div className="grid gap-1">
          <h1 className="font-semibold text-xl tracking-tight">Sign in</h1>
          <p className="text-ink-soft text-sm">Claude Code, in a sandbox of your own.</p>
        </div>
        <form className="grid gap-4" method="post" onSubmit={submit}>
          <Field label="User name">
            {(control) => (
              <Input
                {...control}
                name="username"
                autoComplete="username"
                autoCapitalize="none"
                autoCorrect="off"
                spellCheck={false}
                required
                autoFocus
                className="h-10"
              />
            )}
          </Field>
          <Field label="Password">
            {(control) => (
              <div className="relative">
                <Input
                  {...control}
                  ref={passwordBox}
                  name="password"
                  type={visible ? 'text' : 'password'}
                  autoComplete="current-password"
                  required
                  className="h-10 pr-11"
                />
                <Button
                  look="ghost"
                  size="icon"
                  className="absolute top-1 right-1"
                  aria-label={visible ? 'Hide the password' : 'Show the password'}
                  aria-pressed={visible}
                  onClick={() => setVisible(!visible)}
                >
                  {visible ? <EyeOff /> : <Eye />}
                </Button>
              </div>
            )}
          </Field>
          {ended && !failed && (
            <Note tone="warn" icon={LogOut}>
              <strong>Your sign-in has ended.</strong> Sign in again to go on where you were.
            </Note>
          )}
          {failed && <Failure failed={failed} left={left} />}
          <Button type="submit" look="primary" size="lg" busy={busy} disabled={left > 0}>
            Sign in
          </Button>
        </form>
        <p className="text-ink-faint text-xs">
          No account, or locked out? Ask the person who runs this server: an administrator can make an account
          and reset a password.
        </p>
      </div>
    </main>
  );
}
