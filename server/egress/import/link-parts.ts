import { refuse } from './problem';
import { host, port } from './values';

/**
 *   scheme://userinfo@host:port/path?query#label
 *
 * Read by hand: `URL` knows no port lists (hysteria2), and base64 in the userinfo may hold a slash.
 */
export interface Link {
  scheme: string;
  /** Between `://` and `?` or `#`, as written. */
  body: string;
  /** As written, percent-encoded; null without an `@`. */
  user: string | null;
  hostname: string;
  /** As written: digits, a list of ports, or empty. */
  ports: string;
  path: string;
  query: Query;
}

/** Names are compared without case, `-` and `_`, since clients spell them differently. The first one counts. */
export interface Query {
  /** Null when it is not there or empty. */
  get(...names: string[]): string | null;
  /** Whether it is there, be it empty. */
  has(name: string): boolean;
  all(name: string): string[];
}

const same = (name: string) => name.toLowerCase().replace(/[-_]/g, '');

export function queryOf(entries: readonly (readonly [string, string])[]): Query {
  const values = new Map<string, string[]>();
  for (const [name, value] of entries) values.set(same(name), [...(values.get(same(name)) ?? []), value]);
  return {
    get: (...names) => {
      for (const name of names) {
        const value = values.get(same(name))?.[0];
        if (value) return value;
      }
      return null;
    },
    has: (name) => values.has(same(name)),
    all: (name) => values.get(same(name)) ?? [],
  };
}

/** `+` stays: base64 keys are often pasted as they are. */
export function percentDecoded(value: string, field: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return refuse(
      `${field}: has a percent sign that is not followed by two hex digits of UTF-8; write it as %25.`,
    );
  }
}

/** Scheme in lower case and the raw label, without looking at the rest. Null when it is no link. */
export function schemeAndLabel(line: string): { scheme: string; label: string | null } | null {
  const scheme = /^([a-z][a-z0-9+.-]{0,23}):\/\//i.exec(line)?.[1];
  if (scheme === undefined) return null;
  const hash = line.indexOf('#');
  return { scheme: scheme.toLowerCase(), label: hash < 0 ? null : line.slice(hash + 1) };
}

/** Query entries of a text such as `a=1&b=%20`. More than these is no share link. */
const QUERY_ENTRIES_MAX = 100;
function queryEntries(raw: string): [string, string][] {
  return raw
    .split('&', QUERY_ENTRIES_MAX)
    .filter((it) => it !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      const plainName = percentDecoded(name, 'query');
      const field = /^[\w-]{1,32}$/.test(plainName) ? plainName : 'query';
      return [plainName, percentDecoded(value.join('='), field)];
    });
}

export function splitLink(line: string): Link {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/([^#]*)/i.exec(line) ?? [];
  const mark = rest.indexOf('?');
  const body = mark < 0 ? rest : rest.slice(0, mark);
  const at = body.lastIndexOf('@');
  const server = body.slice(at + 1);
  const slash = server.indexOf('/');
  const authority = slash < 0 ? server : server.slice(0, slash);
  const [, v6, hostname = '', ports = ''] =
    /^(?:(\[[^\]]*\])|([^:]*))(?::(.*))?$/.exec(authority) ?? refuse('server: cannot be read.');
  return {
    scheme: scheme.toLowerCase(),
    body,
    user: at < 0 ? null : body.slice(0, at),
    hostname: v6 ?? percentDecoded(hostname, 'server'),
    ports,
    path: slash < 0 ? '' : server.slice(slash),
    query: queryOf(mark < 0 ? [] : queryEntries(rest.slice(mark + 1))),
  };
}

export function endpointOf(link: Link, defaultPort?: number): { server: string; port: number } {
  return { server: host(link.hostname), port: port(link.ports, defaultPort) };
}

/** `name:password`, both percent-encoded; the first colon parts them. */
export function accountOf(user: string | null): { username: string | null; password: string | null } {
  if (user === null) return { username: null, password: null };
  const colon = user.indexOf(':');
  const name = colon < 0 ? user : user.slice(0, colon);
  const password = colon < 0 ? '' : user.slice(colon + 1);
  return {
    username: percentDecoded(name, 'username') || null,
    password: percentDecoded(password, 'password') || null,
  };
}

/** The whole of the userinfo as one secret. */
export function secretOf(link: Link, field = 'password'): string {
  if (!link.user) return refuse(`${field}: is missing before the @.`);
  return percentDecoded(link.user, field);
}
