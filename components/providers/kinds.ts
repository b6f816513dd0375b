/** Providers: where Claude's answers come from, as people add, try and choose them. */
import { KeyRound, type LucideIcon, Server, ServerCog, Ticket, UserRound } from 'lucide-react';
import type { ProviderKind } from '../../shared/providers';

export const kindFaces: Record<
  ProviderKind,
  { title: string; icon: LucideIcon; help: string; secret: string | null }
> = {
  gateway: {
    title: 'The gateway’s key',
    icon: Server,
    help: 'A key that the administrator gave the gateway. It never enters a sandbox.',
    secret: null,
  },
  subscription: {
    title: 'Claude subscription',
    icon: UserRound,
    help: 'Claude’s own log-in with a Pro, Max, Team or Enterprise account. It is kept in the sandbox’s home.',
    secret: null,
  },
  api_key: {
    title: 'Anthropic API key',
    icon: KeyRound,
    help: 'From the Claude Console, begins with sk-ant-api. Paid by use. It is stored encrypted here and never enters a sandbox.',
    secret: 'API key',
  },
  oauth_token: {
    title: 'Long-lived token',
    icon: Ticket,
    help: 'Run “claude setup-token” where you are logged in; it prints a token for a year that begins with sk-ant-oat. It uses your subscription.',
    secret: 'Token',
  },
  compatible: {
    title: 'Another host',
    icon: ServerCog,
    help: 'Any host that speaks Anthropic’s Messages API: a company gateway, a router, another vendor.',
    secret: 'Key',
  },
};

/** `opus = vendor/large` on each line. Null when a line is none. */
export function readModelMap(text: string): Record<string, string> | null {
  const lines = text
    .split('\n')
    .map((it) => it.trim())
    .filter((it) => it !== '');
  const pairs = lines.map((it) => /^(\S+)\s*=\s*(\S.*)$/.exec(it));
  if (pairs.some((it) => it === null)) return null;
  return Object.fromEntries(pairs.flatMap((it) => (it ? [[it[1] ?? '', it[2] ?? '']] : [])));
}

export function writeModelMap(map: Record<string, string>): string {
  return Object.entries(map)
    .map(([from, to]) => `${from} = ${to}`)
    .join('\n');
}
