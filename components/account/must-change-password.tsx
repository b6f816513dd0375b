'use client';

import { KeyRound } from 'lucide-react';
import { useMe } from '../api/me';
import { PasswordForm } from './password-form';

/** Takes the page's place until the password that somebody else made is replaced. */
export function MustChangePassword() {
  const me = useMe();
  return (
    <div className="mx-auto grid w-full max-w-sm gap-5 px-4 py-[10vh]">
      <KeyRound className="size-7 text-accent" aria-hidden />
      <div className="grid gap-1">
        <h1 className="font-semibold text-xl tracking-tight">Choose your own password</h1>
        <p className="text-ink-soft">The one you signed in with was made for you. Change it to go on.</p>
      </div>
      <PasswordForm action="Set password and go on" username={me.data?.username ?? ''} />
    </div>
  );
}
