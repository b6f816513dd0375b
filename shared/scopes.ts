/** What an API token may be allowed to do. A browser's log-in has no scopes: it may do all that its user may. */
import { z } from 'zod';

/**
 * `read` looks, `write` makes, changes and ends, `input` types: prompts and keystrokes for Claude (`sessions`) or for a
 * shell (`shells`). None holds another. `admin`: what only administrators may, for a token of one. `*`: all of them.
 */
export const scopes = [
  ...(['*', 'admin'] as const),
  ...(['sandboxes:read', 'sandboxes:write', 'workspaces:read', 'workspaces:write'] as const),
  ...(['sessions:read', 'sessions:write', 'sessions:input'] as const),
  ...(['shells:read', 'shells:write', 'shells:input'] as const),
  ...(['files:read', 'files:write', 'ports:read', 'ports:write'] as const),
  ...(['providers:read', 'providers:write', 'hooks:read', 'hooks:write'] as const),
  ...(['tokens:read', 'tokens:write', 'prefs:read', 'prefs:write', 'usage:read'] as const),
] as const;
export const scopeSchema = z.enum(scopes);
export type Scope = (typeof scopes)[number];

/**
 * What a route declares beside a scope. `public`: nobody has to be signed in. `identity`: whoever is signed in, with any
 * token: it tells the caller of the caller. `session`: `sessions` or `shells` by the kind of the session, judged where
 * that is known.
 */
export type RouteScope = Exclude<Scope, '*'> | 'public' | 'identity' | 'session:read';

/** What belongs to one sandbox: all that a token which is bound to one can hold. */
const sandboxScopes: ReadonlySet<string> = new Set<Scope>([
  ...(['*', 'sandboxes:read', 'sandboxes:write', 'usage:read'] as const),
  ...(['sessions:read', 'sessions:write', 'sessions:input'] as const),
  ...(['shells:read', 'shells:write', 'shells:input'] as const),
  ...(['files:read', 'files:write', 'ports:read', 'ports:write', 'hooks:read', 'hooks:write'] as const),
  ...(['tokens:read', 'tokens:write'] as const),
]);

export function isSandboxScope(scope: Scope): boolean {
  return sandboxScopes.has(scope);
}

/** The part of an identity that limits it. */
export interface Limits {
  /** Null: none, as of a browser's log-in. */
  readonly scopes: readonly Scope[] | null;
  /** The only sandbox it may know of. */
  readonly sandboxId: string | null;
}

export function holds(limits: Limits, scope: Exclude<Scope, '*'>): boolean {
  if (limits.scopes === null) return true;
  if (limits.sandboxId !== null && !isSandboxScope(scope)) return false;
  return limits.scopes.includes('*') || limits.scopes.includes(scope);
}

/** All rights of its user, as a browser's log-in has them. */
export function isUnlimited(limits: Limits): boolean {
  return limits.sandboxId === null && (limits.scopes === null || limits.scopes.includes('*'));
}

/** The scope that a session of this kind asks for. */
export function sessionScope(kind: string, need: 'read' | 'write' | 'input'): Exclude<Scope, '*'> {
  return kind === 'shell' ? `shells:${need}` : `sessions:${need}`;
}
