/**
 * Which port of which sandbox a request is for. Three ways: by path on our own host, where the answer gets no origin of
 * ours (see port-headers.ts), by a host name of its own, which is an origin of its own, and by a mapped port of this
 * machine, which only tokens open.
 */
import { AppError } from '../../shared/errors';
import { SANDBOX_API_PORT } from '../../shared/limits';
import { SANDBOX_HOOK_PORT } from '../../shared/sandboxd-limits';

export interface PortPlace {
  sandboxId: string;
  port: number;
}
export interface PortAddress extends PortPlace {
  mode: 'path' | 'host' | 'mapped';
  /** The pass in the path; null where there is none. */
  pass: string | null;
  /** What the program in the sandbox is asked for: path and query as they came. */
  target: string;
}

/** Under it, on a port's own host, is what is ours there. */
export const ENTER_PATH = '/.cloud-claude/enter';
const byPath =
  /^\/sandboxes\/([a-z][a-z0-9]{15})\/ports\/(\d{1,5})(?=[/?]|$)(?:\/~([\w-]{16,600}\.[\w-]{43})(?=[/?]|$))?(.*)$/s;
const byHost = /^(\d{1,5})-([a-z][a-z0-9]{15})\.(.+)$/;
/** Our own in each sandbox: they answer Claude Code, and nobody else. */
export const ownPorts: ReadonlySet<number> = new Set([SANDBOX_API_PORT, SANDBOX_HOOK_PORT]);

/** Without BASE_DOMAIN the names below `localhost` will do: browsers resolve them to the machine itself (RFC 6761). */
export function portDomain(baseDomain: string | null, host: string): string | null {
  if (baseDomain !== null) return baseDomain;
  const name = host.toLowerCase().replace(/:\d+$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || name === '127.0.0.1' || name === '[::1]'
    ? 'localhost'
    : null;
}

/** Null: not for a port. Nothing is judged yet but the form. */
export function portAddressOf(
  request: { target: string; host: string },
  baseDomain: string | null,
): PortAddress | null {
  const name = request.host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  const host = byHost.exec(name);
  if (host && host[3] === portDomain(baseDomain, request.host))
    return {
      mode: 'host',
      sandboxId: host[2] ?? '',
      port: Number(host[1]),
      pass: null,
      target: request.target,
    };
  const path = byPath.exec(request.target);
  if (!path) return null;
  const [, sandboxId = '', port = '', pass, rest = ''] = path;
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  return { mode: 'path', sandboxId, port: Number(port), pass: pass ?? null, target };
}

/** Throws for what different layers would read differently, and for ports that are not to be reached. */
export function checkAddress({ mode, port, target }: PortAddress): void {
  if (port < 1 || port > 65_535 || ownPorts.has(port)) throw new AppError('not_found');
  // An absolute form or an authority form names another host.
  if (!target.startsWith('/')) throw new AppError('invalid_input', 'This address is not valid.');
  if (mode !== 'path') return;
  const [path = ''] = target.split(/[?#]/, 1);
  const folded = path.replace(/%2e/gi, '.').replace(/%5c/gi, '\\');
  if (/(^|[/\\])\.{1,2}([/\\]|$)/.test(folded) || folded.includes('\\'))
    throw new AppError('invalid_input', 'This address is not valid.');
}
