/**
 * What lets a browser go on to a port where our session's cookie is not sent: a ticket (once, 30 seconds, in the
 * address that leads to a port's own host) and a visit (that host's cookie, or the part of a path). Signed, so that a
 * restart forgets none; bound to the log-in, so that it ends with it; good for one port of one sandbox.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../shared/errors';
import type { Peer } from '../auth/client-address';
import type { Db, Identity } from '../contracts';
import type { PortPlace } from './port-address';

const TICKET_MS = 30_000;
/** A working day; a page that is opened again gets a new one. */
const VISIT_MS = 12 * 60 * 60_000;
export const VISIT_SECONDS = VISIT_MS / 1000;

const claimsSchema = z.object({
  kind: z.enum(['ticket', 'visit']),
  sandbox: z.string(),
  port: z.number(),
  credential: z.string(),
  until: z.number(),
  nonce: z.string(),
});
type Claims = z.output<typeof claimsSchema>;

export interface PortPasses {
  issue(kind: Claims['kind'], identity: Identity, place: PortPlace): string;
  /** The one it was issued to, as that log-in stands now; null when it is not good for this. Takes a ticket only once. */
  redeem(
    kind: Claims['kind'],
    pass: string,
    given: { place: PortPlace; peer: Peer; userAgent: string },
  ): Promise<Identity | null>;
}

export function createPortPasses({ db, masterKey }: { db: Db; masterKey: Uint8Array }): PortPasses {
  const key = createHmac('sha256', masterKey).update('ports.v1').digest();
  const used = new Map<string, number>();
  const signatureOf = (body: string) => createHmac('sha256', key).update(body).digest();

  function claimsOf(pass: string): Claims | null {
    const [body = '', signature = ''] = pass.split('.');
    const given = Buffer.from(signature, 'base64url');
    const right = signatureOf(body);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return null;
    const parsed = claimsSchema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
    return parsed.success ? parsed.data : null;
  }

  function takeOnce({ nonce, until }: Claims): boolean {
    const now = Date.now();
    for (const [it, end] of used) if (end < now) used.delete(it);
    if (used.has(nonce)) return false;
    used.set(nonce, until);
    return true;
  }

  return {
    issue(kind, identity, { sandboxId, port }) {
      if (identity.via !== 'browser')
        throw new AppError('forbidden', 'Only a browser’s log-in opens a port this way.');
      const claims: Claims = {
        ...{ kind, sandbox: sandboxId, port, credential: identity.credentialId },
        until: Date.now() + (kind === 'ticket' ? TICKET_MS : VISIT_MS),
        nonce: randomBytes(9).toString('base64url'),
      };
      const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
      return `${body}.${signatureOf(body).toString('base64url')}`;
    },
    async redeem(kind, pass, { place, peer, userAgent }) {
      const claims = claimsOf(pass);
      if (!claims || claims.kind !== kind || claims.until <= Date.now()) return null;
      if (claims.sandbox !== place.sandboxId || claims.port !== place.port) return null;
      if (kind === 'ticket' && !takeOnce(claims)) return null;
      const now = new Date();
      const row = await db.authSession.findUnique({
        where: { id: claims.credential },
        include: { user: true },
      });
      if (!row || row.revokedAt || row.expiresAt <= now) return null;
      const { user } = row;
      if (user.status !== 'active' || (user.expiresAt && user.expiresAt <= now) || user.mustChangePassword)
        return null;
      return {
        ...{ userId: user.id, username: user.username, role: user.role === 'admin' ? 'admin' : 'user' },
        ...{ via: 'browser', credentialId: row.id, mustChangePassword: false, scopes: null, sandboxId: null },
        ...{ endsAt: row.expiresAt.getTime(), address: peer.address, userAgent },
      };
    },
  };
}
