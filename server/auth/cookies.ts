import { SESSION_MAX_AGE_SECONDS } from './key-ring';

/**
 * Cookies ignore ports, so the names hold the instance: two on one host do not sign each other out. No other name may
 * begin with the session's: next-auth joins all that do, as parts of one long value.
 */
export function cookieNames(instance: string, secure: boolean) {
  // Browsers let nobody but this very host set a `__Host-` cookie: a port of a sandbox has a host below ours.
  const prefix = secure ? '__Host-' : '';
  return {
    session: `${prefix}cloud-claude-${instance}`,
    csrf: `${prefix}cloud-claude-csrf-${instance}`,
    callback: `${prefix}cloud-claude-callback-${instance}`,
  };
}

export function parseCookies(header: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at < 1) continue;
    const name = part.slice(0, at).trim();
    const value = part.slice(at + 1).trim();
    try {
      found[name] ??= decodeURIComponent(value);
    } catch {
      found[name] ??= value;
    }
  }
  return found;
}

export interface CookieOptions {
  maxAge?: number;
  expires?: Date;
  httpOnly?: boolean;
  secure?: boolean;
  sameSite?: string | boolean;
  path?: string;
}

function formatCookie(name: string, value: string, options: CookieOptions): string {
  const parts = [`${name}=${encodeURIComponent(value)}`, `Path=${options.path ?? '/'}`];
  if (options.maxAge !== undefined) parts.push(`Max-Age=${Math.floor(options.maxAge)}`);
  if (options.expires) parts.push(`Expires=${options.expires.toUTCString()}`);
  if (options.httpOnly) parts.push('HttpOnly');
  if (options.secure) parts.push('Secure');
  const sameSite = options.sameSite === true ? 'strict' : options.sameSite;
  if (typeof sameSite === 'string') parts.push(`SameSite=${sameSite[0]?.toUpperCase()}${sameSite.slice(1)}`);
  return parts.join('; ');
}

export function sessionCookie(name: string, token: string, secure: boolean): string {
  return formatCookie(name, token, {
    maxAge: token === '' ? 0 : SESSION_MAX_AGE_SECONDS,
    httpOnly: true,
    sameSite: 'lax',
    secure,
  });
}
