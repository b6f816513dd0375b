import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { type Scope, scopeSchema } from '../../shared/scopes';

/** Told apart at a glance, and by secret scanners. */
const PREFIX = 'cct_';
const TOKEN_BYTES = 32;
/** Shown in lists: `cct_` and 6 signs tell tokens apart and give away 36 of 256 bits. */
const SHOWN_CHARS = PREFIX.length + 6;

export function makeApiToken(): { token: string; hash: string; prefix: string } {
  const token = PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, hash: hashApiToken(token), prefix: token.slice(0, SHOWN_CHARS) };
}

/** The row of the operator's token, which the environment holds. */
export const MASTER_TOKEN_ID = 'master';
/** What a person made up for it is no shorter and no longer than this. */
export const MASTER_TOKEN_CHARS = { min: 32, max: 512 } as const;

/** One of ours or the operator's own: all else need not be looked for. */
export function looksLikeBearer(text: string): boolean {
  return text.length >= MASTER_TOKEN_CHARS.min && text.length <= MASTER_TOKEN_CHARS.max;
}

/** A row that cannot be read gives no right at all. */
export function storedScopes(json: string): Scope[] {
  const parsed = z.array(scopeSchema).safeParse(JSON.parse(json));
  return parsed.success ? parsed.data : [];
}

/** SHA-256: the token is random, so there is nothing for a slow hash to slow down. */
export function hashApiToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
