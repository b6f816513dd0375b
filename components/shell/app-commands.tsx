'use client';

import { useQuery } from '@tanstack/react-query';
import {
  Activity,
  Gauge,
  Keyboard,
  ListChecks,
  LogOut,
  MonitorCog,
  Moon,
  Plus,
  Route,
  ScrollText,
  Search,
  Settings,
  SquareTerminal,
  Sun,
  Users,
  Wallet,
} from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useTheme } from 'next-themes';
import { useMemo, useState } from 'react';
import type { Me } from '../../shared/views';
import { useSetPreferences } from '../api/me';
import { useTRPC } from '../api/trpc';
import { signOut } from '../auth/credentials';
import { useQuickCreate } from '../sandboxes/use-quick-create';
import { type Command, useCommands } from './commands';
import { Palette } from './palette';
import { ShortcutSheet } from './shortcut-sheet';

const adminPages = [
  { href: '/admin', title: 'Health', icon: Activity },
  { href: '/admin/users', title: 'Users', icon: Users },
  { href: '/admin/sandboxes', title: 'All sandboxes', icon: SquareTerminal },
  { href: '/admin/egress', title: 'Ways out', icon: Route },
  { href: '/admin/egress/new', title: 'Add a way out', icon: Route },
  { href: '/admin/egress/rules', title: 'Rules', icon: Route },
  { href: '/admin/usage', title: 'Usage, budgets and prices', icon: Wallet },
  { href: '/admin/tasks', title: 'Tasks', icon: ListChecks },
  { href: '/admin/audit', title: 'Audit log', icon: ScrollText },
];

const themes = [
  { id: 'system', title: 'Theme: as the system', icon: MonitorCog },
  { id: 'light', title: 'Theme: light', icon: Sun },
  { id: 'dark', title: 'Theme: dark', icon: Moon },
] as const;

/** What can be done from everywhere, and the two dialogs that show it. */
export function AppCommands({ me }: { me: Me | undefined }) {
  const router = useRouter();
  const trpc = useTRPC();
  const { setTheme } = useTheme();
  const [open, setOpen] = useState<'palette' | 'sheet' | null>(null);
  const { mutate: setPreferences } = useSetPreferences();
  const { create } = useQuickCreate();
  const ready = me !== undefined && !me.mustChangePassword;
  const sandboxes = useQuery({ ...trpc.sandboxes.list.queryOptions({}), enabled: ready });

  const commands = useMemo<Command[]>(() => {
    const go = (href: string) => () => router.push(href);
    return [
      {
        id: 'palette',
        title: 'Open the command palette',
        group: 'General',
        hidden: true,
        icon: Search,
        shortcut: { code: 'KeyK', mod: true, outsideTerminal: true },
        run: () => setOpen((it) => (it === 'palette' ? null : 'palette')),
      },
      {
        id: 'palette-anywhere',
        title: 'Open the command palette, also from a terminal',
        group: 'General',
        hidden: true,
        icon: Search,
        shortcut: { code: 'KeyK', mod: true, shift: true },
        run: () => setOpen('palette'),
      },
      {
        id: 'shortcuts',
        title: 'Keyboard shortcuts',
        group: 'General',
        icon: Keyboard,
        shortcut: { key: '?', outsideInput: true },
        run: () => setOpen('sheet'),
      },
      { id: 'create', title: 'New sandbox', group: 'Sandboxes', icon: Plus, run: create },
      ...(sandboxes.data ?? []).map((it) => ({
        id: `open-${it.id}`,
        title: it.name,
        group: 'Sandboxes',
        icon: SquareTerminal,
        keywords: ['open', it.state],
        run: go(`/sandboxes/${it.id}`),
      })),
      { id: 'home', title: 'Go to your sandboxes', group: 'Go to', icon: SquareTerminal, run: go('/') },
      {
        id: 'dashboard',
        title: 'Dashboard of Claude sessions',
        group: 'Go to',
        icon: Gauge,
        keywords: ['sessions', 'cost', 'tokens', 'waiting'],
        run: go('/dashboard'),
      },
      {
        id: 'usage',
        title: 'Usage and budgets',
        group: 'Go to',
        icon: Wallet,
        keywords: ['cost', 'tokens', 'money'],
        run: go('/usage'),
      },
      { id: 'settings', title: 'Settings', group: 'Go to', icon: Settings, run: go('/settings') },
      ...(me?.role === 'admin'
        ? adminPages.map((it) => ({
            id: it.href,
            title: `Admin: ${it.title}`,
            group: 'Go to',
            icon: it.icon,
            run: go(it.href),
          }))
        : []),
      ...themes.map((it) => ({
        id: `theme-${it.id}`,
        title: it.title,
        group: 'Appearance',
        icon: it.icon,
        run: () => {
          setTheme(it.id);
          setPreferences({ theme: it.id });
        },
      })),
      { id: 'sign-out', title: 'Sign out', group: 'General', icon: LogOut, run: () => void signOut() },
    ];
  }, [me?.role, sandboxes.data, router, create, setTheme, setPreferences]);
  useCommands(commands);

  return (
    <>
      <Palette open={open === 'palette'} onOpenChange={(it) => setOpen(it ? 'palette' : null)} />
      <ShortcutSheet open={open === 'sheet'} onOpenChange={(it) => setOpen(it ? 'sheet' : null)} />
    </>
  );
}
