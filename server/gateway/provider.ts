/** What a sandbox and its sessions get instead of a key: tokens of their own and the address of their relay. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SANDBOX_API_PORT } from '../../shared/limits';

const PURPOSE = 'anthropic-proxy.v1';
const SESSION_PURPOSE = 'session-proxy.v1';
/** Tokens that are kept in mind: each request asks for one. */
const KEPT_MAX = 1_000;
/** Of the sandbox: shells, and sessions that choose no provider. */
export const PROXY_PREFIX = '/proxy/anthropic';
/** Of one session; sandboxd knows the session by it. */
const SESSION_PATH = /^\/s\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=[/?]|$)/;

export interface ProviderTokens {
  tokenFor(sandboxId: string): string;
  /** Constant time. */
  matches(sandboxId: string, token: string): boolean;
  forSession(sandboxId: string, sessionId: string): string;
  matchesSession(place: { sandboxId: string; sessionId: string }, token: string): boolean;
}

/** Nothing is stored: a token is HMAC-SHA256 of its purpose and ids under the master key (32 bytes). */
export function createProviderTokens(masterKey: Uint8Array): ProviderTokens {
  if (masterKey.length < 32) throw new Error('the master key has at least 32 bytes');
  const kept = new Map<string, string>();
  const made = (prefix: string, parts: string[]): string => {
    const key = parts.join('\n');
    const there = kept.get(key);
    if (there !== undefined) return there;
    const token = `${prefix}_${createHmac('sha256', masterKey).update(key).digest('base64url')}`;
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(key, token);
    return token;
  };
  const tokenFor = (sandboxId: string) => made('ccp', [PURPOSE, sandboxId]);
  const forSession = (sandboxId: string, sessionId: string) =>
    made('ccs', [SESSION_PURPOSE, sandboxId, sessionId]);
  return {
    tokenFor,
    forSession,
    matches: (sandboxId, token) => same(tokenFor(sandboxId), token),
    matchesSession: ({ sandboxId, sessionId }, token) => same(forSession(sandboxId, sessionId), token),
  };
}

function same(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What a request path names: a session and the path at its provider, the sandbox's own, or nothing of ours. */
export function placeOf(path: string): { sessionId: string | null; rest: string } | null {
  const session = SESSION_PATH.exec(path);
  if (session) return { sessionId: session[1] ?? '', rest: path.slice(session[0].length) };
  const own =
    path === PROXY_PREFIX || path.startsWith(`${PROXY_PREFIX}/`) || path.startsWith(`${PROXY_PREFIX}?`);
  return own ? { sessionId: null, rest: path.slice(PROXY_PREFIX.length) } : null;
}

/** A session's provider.env: whatever its provider is, Claude has only the relay's address and the session's token. */
export function sessionEnv(sessionId: string, token: string): string {
  return `ANTHROPIC_BASE_URL=http://127.0.0.1:${SANDBOX_API_PORT}/s/${sessionId}\nANTHROPIC_AUTH_TOKEN=${token}\n`;
}

/** provider.env for a sandbox, KEY=VALUE lines; empty when the gateway has no key of its own: Claude asks for a log-in. */
export function providerEnv(token: string | null): string {
  if (token === null) return '';
  return `ANTHROPIC_BASE_URL=http://127.0.0.1:${SANDBOX_API_PORT}${PROXY_PREFIX}\nANTHROPIC_AUTH_TOKEN=${token}\n`;
}
