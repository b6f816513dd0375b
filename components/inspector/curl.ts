import type { Exchange } from '../../shared/sandboxd-api';

/** Where Claude Code sends what carries no host of its own. */
const API_ORIGIN = 'https://api.anthropic.com';
/** curl says these by itself, and of a body that is written anew they would be wrong. */
const OWN = new Set([
  'host',
  'content-length',
  'connection',
  'accept-encoding',
  'transfer-encoding',
  'expect',
]);
/** The keys were masked before they were written down; a person has their own in the environment. */
const KEYS: Record<string, string> = {
  'x-api-key': '$ANTHROPIC_API_KEY',
  authorization: 'Bearer $ANTHROPIC_AUTH_TOKEN',
};
/** Secrets without a place in the environment stay masked, and are left out: a masked one would be sent as it stands. */
const SECRET = /cookie|token|secret|proxy-authorization/i;

function single(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command for a POSIX shell that makes the request again, with the caller's own key. */
export function curlOf(exchange: Exchange): string {
  const headers = exchange.requestHeaders.flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    if (OWN.has(lower)) return [];
    const key = KEYS[lower];
    if (key) return [`-H "${lower}: ${key}"`];
    return SECRET.test(lower) ? [] : [`-H ${single(`${name}: ${value}`)}`];
  });
  const body = exchange.requestBody === '' ? [] : [`--data-binary ${single(exchange.requestBody)}`];
  // Past the gateway's own prefix.
  const url = new URL(exchange.path.replace(/^.*?(?=\/v1\/)/, ''), API_ORIGIN).href;
  return [`curl -N -X ${exchange.method} ${single(url)}`, ...headers, ...body].join(' \\\n  ');
}
