/**
 * What of a request goes on to a program in a sandbox, and what of its answer to the browser. The program is hostile
 * to our origin: it never sees our cookies or tokens, and on our own host its answers have an origin of their own that
 * no cookie, storage or worker of ours belongs to.
 */
import type { Peer } from '../auth/client-address';
import type { PortAddress } from './port-address';

/** RFC 9110 section 7.6.1, and what speaks to a proxy. */
const hopByHop: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'http2-settings', 'expect'],
]);
/** What only a proxy may say of a client; ours says it anew. */
const forwarded =
  /^(forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip)$/;

/** Names of our cookies, the session's and the visit's; with `__Host-` where they are secure. */
const ownCookie = /^(__host-|__secure-)?(cloud-claude|cc-port)/i;

/** An answer must not do this for a whole host, or a whole site, from a page in a sandbox. */
const neverAnswered: ReadonlySet<string> = new Set([
  ...[
    'strict-transport-security',
    'clear-site-data',
    'alt-svc',
    'public-key-pins',
    'public-key-pins-report-only',
  ],
  ...['nel', 'report-to', 'reporting-endpoints', 'set-login', 'expect-ct'],
]);
/** On our own host, besides: cookies, workers, passwords, and what would speak for our origin. */
const neverOnOurHost: ReadonlySet<string> = new Set([
  ...['set-cookie', 'set-cookie2', 'service-worker-allowed', 'www-authenticate', 'authentication-info'],
  ...['origin-agent-cluster', 'accept-ch', 'critical-ch', 'speculation-rules', 'activate-storage-access'],
  ...['cross-origin-opener-policy', 'cross-origin-embedder-policy', 'cross-origin-resource-policy'],
  ...['cross-origin-opener-policy-report-only', 'cross-origin-embedder-policy-report-only'],
]);

/** Scripts and forms, but no origin: no cookies, no storage, no workers, and to our APIs it is a stranger. */
export const PATH_POLICY =
  'sandbox allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-downloads allow-pointer-lock';

export interface Onward {
  address: PortAddress;
  peer: Peer;
  /** The caller's token is in this request: it is ours, not the program's. */
  byToken: boolean;
  upgrade: boolean;
}

function* pairs(raw: readonly string[]): Generator<[string, string, string]> {
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    yield [name.toLowerCase(), name, raw[at + 1] ?? ''];
  }
}

/** Headers that the `Connection` header takes away with itself. */
function namedByConnection(raw: readonly string[]): Set<string> {
  const named = new Set<string>();
  for (const [lower, , value] of pairs(raw))
    if (lower === 'connection') for (const it of value.split(',')) named.add(it.trim().toLowerCase());
  return named;
}

function withoutOwnCookies(value: string): string {
  return value
    .split(';')
    .map((it) => it.trim())
    .filter((it) => it !== '' && !ownCookie.test(it))
    .join('; ');
}

/** To the program it looks as if it were asked on its own machine: `localhost` is what development servers accept. */
export function onwardHeaders(raw: readonly string[], onward: Onward): string[] {
  const { address, peer, byToken, upgrade } = onward;
  const own = `localhost:${address.port}`;
  const dropped = namedByConnection(raw);
  const headers = ['Host', own];
  let chunked = false;
  let upgradeTo = '';
  for (const [lower, name, value] of pairs(raw)) {
    if (lower === 'transfer-encoding') chunked = true;
    if (lower === 'upgrade') upgradeTo = value;
    if (lower === 'host' || hopByHop.has(lower) || dropped.has(lower) || forwarded.test(lower)) continue;
    if (lower === 'authorization' && byToken) continue;
    if (lower === 'cookie') {
      const kept = address.mode === 'path' ? '' : withoutOwnCookies(value);
      if (kept !== '') headers.push(name, kept);
    } else if (lower === 'origin') headers.push(name, isOwn(value, onward) ? `http://${own}` : value);
    else if (lower === 'referer') {
      const path = ownReferer(value, onward);
      if (path !== null) headers.push(name, `http://${own}${path}`);
    } else if (lower === 'sec-websocket-protocol') {
      const kept = value.split(',').filter((it) => !it.trim().startsWith('bearer.'));
      if (kept.length > 0) headers.push(name, kept.join(','));
    } else headers.push(name, value);
  }
  headers.push(
    'X-Forwarded-For',
    peer.address,
    'X-Forwarded-Proto',
    peer.scheme,
    'X-Forwarded-Host',
    peer.host,
  );
  if (address.mode === 'path') headers.push('X-Forwarded-Prefix', prefixOf(address, false));
  if (upgrade) headers.push('Connection', 'Upgrade', 'Upgrade', upgradeTo);
  else headers.push('Connection', 'close');
  if (chunked) headers.push('Transfer-Encoding', 'chunked');
  return headers;
}

/** The page of this very port: by its host name, or without an origin as all are on our own host. */
function isOwn(origin: string, { address, peer }: Onward): boolean {
  return address.mode === 'path' ? origin === 'null' : origin === `${peer.scheme}://${peer.host}`;
}

/** Null: another page's, or one that shows more than its path. */
function ownReferer(value: string, { address, peer }: Onward): string | null {
  if (address.mode === 'path' || !URL.canParse(value)) return null;
  const url = new URL(value);
  return url.host === peer.host ? url.pathname + url.search : null;
}

/** What stands before a program's own paths. */
export function prefixOf({ mode, sandboxId, port, pass }: PortAddress, withPass = true): string {
  if (mode !== 'path') return '';
  return `/sandboxes/${sandboxId}/ports/${port}${pass !== null && withPass ? `/~${pass}` : ''}`;
}

/** A program that leads on to itself means the address that the browser has for it. */
function location(value: string, address: PortAddress): string {
  const own = new RegExp(
    `^https?://(localhost|127\\.0\\.0\\.1|0\\.0\\.0\\.0|\\[::1?\\])(:${address.port})?(?=[/?#]|$)`,
    'i',
  );
  const local = value.replace(own, '') || '/';
  if (!local.startsWith('/') || local.startsWith('//'))
    return local === value ? value : `${prefixOf(address)}/`;
  return prefixOf(address) + local;
}

/** Null: this cookie is not the program's to set. Host-only: a wider one would reach our own host and its neighbours. */
function cookieOfHost(value: string): string | null {
  if (ownCookie.test(value.trim())) return null;
  const [pair = '', ...attributes] = value.split(';');
  return [pair, ...attributes.filter((it) => !/^\s*domain\s*=?/i.test(it))].join(';');
}

export function answerHeaders(
  raw: readonly string[],
  { address, upgrade }: Pick<Onward, 'address' | 'upgrade'>,
): string[] {
  const dropped = namedByConnection(raw);
  const headers: string[] = [];
  for (const [lower, name, value] of pairs(raw)) {
    const kept = upgrade && (lower === 'connection' || lower === 'upgrade');
    if (!kept && (hopByHop.has(lower) || dropped.has(lower))) continue;
    if (neverAnswered.has(lower) || (address.mode === 'path' && neverOnOurHost.has(lower))) continue;
    if (address.mode === 'path' && lower.startsWith('access-control-')) continue;
    if (lower === 'set-cookie') {
      const cookie = cookieOfHost(value);
      if (cookie !== null) headers.push(name, cookie);
    } else if (lower === 'location' || lower === 'content-location')
      headers.push(name, location(value, address));
    else headers.push(name, value);
  }
  if (address.mode === 'path' && !upgrade) headers.push(...ofOurHost(address.pass !== null));
  return headers;
}

/**
 * `opaque`: a browser's page without an origin, to which its own scripts and calls are another site's. Who has its pass
 * has got it from us; no cookie takes part.
 */
function ofOurHost(opaque: boolean): string[] {
  return [
    ...['Content-Security-Policy', PATH_POLICY, 'X-Content-Type-Options', 'nosniff'],
    ...['Referrer-Policy', 'no-referrer', 'Cross-Origin-Resource-Policy', 'cross-origin'],
    ...(opaque
      ? [
          'Access-Control-Allow-Origin',
          'null',
          'Access-Control-Allow-Credentials',
          'true',
          'Access-Control-Expose-Headers',
          '*',
        ]
      : []),
  ];
}

const tokens = /^[\w!#$%&'*+.^`|~-]+(\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;

/** What a page without an origin asks before its calls: answered here, as programs do not expect it of themselves. */
export function preflightHeaders(request: {
  method: string | undefined;
  headers: string | undefined;
}): Record<string, string> {
  const safe = (value: string | undefined) => (value !== undefined && tokens.test(value) ? value : '');
  return {
    'access-control-allow-origin': 'null',
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': safe(request.method),
    'access-control-allow-headers': safe(request.headers),
    'access-control-max-age': '600',
    'content-security-policy': PATH_POLICY,
  };
}
