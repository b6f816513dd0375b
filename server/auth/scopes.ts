import { AppError } from '../../shared/errors';
import {
  holds,
  isUnlimited,
  type Limits,
  type RouteScope,
  type Scope,
  sessionScope,
} from '../../shared/scopes';

/** Throws `forbidden`, naming what is missing. */
export function requireScope(limits: Limits, scope: Exclude<Scope, '*'>): void {
  if (!holds(limits, scope)) throw new AppError('forbidden', `This token lacks the scope ${scope}.`);
}

/** What a route declared, asked of who came. Throws `unauthenticated`, `forbidden`. */
export function admit(limits: Limits | null, scope: RouteScope): void {
  if (scope === 'public') return;
  if (limits === null) throw new AppError('unauthenticated');
  if (scope === 'identity') return;
  if (scope !== 'session:read') requireScope(limits, scope);
  // Which of the two is known when the session is.
  else if (!holds(limits, 'sessions:read')) requireScope(limits, 'shells:read');
}

/** Throws `forbidden` unless this identity may do that with a session of this kind. */
export function requireSessionScope(limits: Limits, kind: string, need: 'read' | 'write' | 'input'): void {
  requireScope(limits, sessionScope(kind, need));
}

/** Throws `forbidden` for a token that is anything less than its user. */
export function requireUnlimited(limits: Limits, what: string): void {
  if (!isUnlimited(limits))
    throw new AppError('forbidden', `${what} needs a signed-in browser or a token with the scope *.`);
}
