'use client';

import { usePathname } from 'next/navigation';
import { useTheme } from 'next-themes';
import { type ReactNode, useEffect } from 'react';
import { MustChangePassword } from '../account/must-change-password';
import { useMe } from '../api/me';
import { LiveProvider } from '../live/live-provider';
import { AppCommands } from './app-commands';
import { CommandRegistry } from './commands';
import { ExpiryBanner } from './expiry-banner';
import { TopBar } from './top-bar';

/** The theme is kept per user, so that it follows them to another browser. */
function FollowTheme({ theme }: { theme: string }) {
  const { setTheme } = useTheme();
  useEffect(() => setTheme(theme), [theme, setTheme]);
  return null;
}

export function AppShell({ children }: { children: ReactNode }) {
  const me = useMe();
  // The terminal fills the window; every other page scrolls.
  const full = /^\/sandboxes\/[^/]+$/.test(usePathname());
  const insists = me.data?.mustChangePassword === true;
  return (
    <LiveProvider>
      <CommandRegistry>
        <a
          href="#content"
          className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
        >
          Skip to the content
        </a>
        <div className={full ? 'flex h-dvh flex-col overflow-hidden' : 'flex min-h-dvh flex-col'}>
          <TopBar me={me.data} />
          {me.data?.expiresAt && <ExpiryBanner expiresAt={me.data.expiresAt} />}
          <main
            id="content"
            tabIndex={-1}
            className="flex min-h-0 flex-1 flex-col focus-visible:outline-none"
          >
            {insists ? <MustChangePassword /> : children}
          </main>
        </div>
        {me.data && <FollowTheme theme={me.data.preferences.theme} />}
        <AppCommands me={me.data} />
      </CommandRegistry>
    </LiveProvider>
  );
}
