'use client';

import { Command as CommandIcon, LogOut, Settings, ShieldCheck, SquareTerminal, Wallet } from 'lucide-react';
import Link from 'next/link';
import { usePathname, useRouter } from 'next/navigation';
import type { Me } from '../../shared/views';
import { signOut } from '../auth/credentials';
import { NotificationBell } from '../notifications/bell';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Kbd } from '../ui/kbd';
import { Menu, MenuItem, MenuLabel, MenuLine } from '../ui/menu';
import { useAllCommands } from './commands';
import { FeedIndicator } from './feed-indicator';
import { Logo, LogoMark } from './logo';
import { keyCaps } from './shortcuts';
import { useMac } from './use-mac';

function NavLink({
  href,
  active,
  className,
  children,
}: {
  href: string;
  active: boolean;
  className?: string;
  children: string;
}) {
  return (
    <Link
      href={href}
      aria-current={active ? 'page' : undefined}
      className={cx(
        'relative flex h-8 items-center rounded-md px-2.5 text-sm transition-colors hover:text-ink',
        active ? 'font-medium text-ink' : 'text-ink-soft',
        className,
      )}
    >
      {children}
      {active && <span className="absolute inset-x-2.5 -bottom-2 h-0.5 rounded-full bg-accent" />}
    </Link>
  );
}

function UserMenu({ me }: { me: Me | undefined }) {
  const router = useRouter();
  return (
    <Menu
      trigger={
        <Button
          look="ghost"
          size="icon"
          aria-label={`${me?.username.slice(0, 2) ?? ''} Account menu of ${me?.username ?? '…'}`}
          className="rounded-full"
        >
          <span
            aria-hidden
            className="grid size-7 place-items-center rounded-full bg-accent-soft font-semibold text-accent text-xs uppercase"
          >
            {me?.username.slice(0, 2) ?? '··'}
          </span>
        </Button>
      }
    >
      <MenuLabel>
        <span className="block truncate font-medium text-ink text-sm">{me?.username ?? '…'}</span>
        {me?.role === 'admin' ? 'Administrator' : 'User'}
      </MenuLabel>
      <MenuLine />
      <MenuItem icon={SquareTerminal} className="sm:hidden" onSelect={() => router.push('/')}>
        Sandboxes
      </MenuItem>
      <MenuItem icon={Wallet} onSelect={() => router.push('/usage')}>
        Usage
      </MenuItem>
      <MenuItem icon={Settings} onSelect={() => router.push('/settings')}>
        Settings
      </MenuItem>
      {me?.role === 'admin' && (
        <MenuItem icon={ShieldCheck} onSelect={() => router.push('/admin')}>
          Administration
        </MenuItem>
      )}
      <MenuLine />
      <MenuItem icon={LogOut} onSelect={() => void signOut()}>
        Sign out
      </MenuItem>
    </Menu>
  );
}

export function TopBar({ me }: { me: Me | undefined }) {
  const path = usePathname();
  const mac = useMac();
  const palette = useAllCommands().find((it) => it.id === 'palette');
  return (
    <header className="sticky top-0 z-30 flex h-12 shrink-0 items-center gap-1 border-b bg-surface/95 px-3 backdrop-blur sm:px-4">
      <Link href="/" aria-label="Cloud Claude, your sandboxes" className="mr-2 rounded-md sm:mr-4">
        <span className="max-sm:hidden">
          <Logo />
        </span>
        <LogoMark className="sm:hidden" />
      </Link>
      <nav aria-label="Main" className="flex items-center gap-0.5">
        {/* Where there is no room the logo and the account menu lead there too. */}
        <NavLink
          href="/"
          active={path === '/' || path.startsWith('/sandboxes')}
          className="max-[23rem]:hidden"
        >
          Sandboxes
        </NavLink>
        <NavLink href="/dashboard" active={path.startsWith('/dashboard')}>
          Dashboard
        </NavLink>
        {me?.role === 'admin' && (
          <NavLink href="/admin" active={path.startsWith('/admin')} className="max-sm:hidden">
            Admin
          </NavLink>
        )}
      </nav>
      <div className="ml-auto flex items-center gap-1">
        <FeedIndicator />
        <button
          type="button"
          onClick={() => palette?.run()}
          className="flex h-8 items-center gap-2 rounded-md border px-2 text-ink-faint text-xs transition-colors hover:border-line-strong hover:text-ink-soft"
        >
          <CommandIcon className="size-3.5" aria-hidden />
          <span className="sr-only">Open the command palette</span>
          <span className="max-md:hidden" aria-hidden>
            Commands
          </span>
          <span className="flex gap-0.5 max-md:hidden" aria-hidden>
            <Kbd>{keyCaps({ code: 'KeyK', mod: true }, mac).join(' ')}</Kbd>
          </span>
        </button>
        <NotificationBell enabled={me !== undefined && !me.mustChangePassword} />
        <UserMenu me={me} />
      </div>
    </header>
  );
}
