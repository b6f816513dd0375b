import { createHash } from 'node:crypto';
import { AppError } from '../../shared/errors';
import type { Db, DbOrTx } from '../contracts';

/**
 * Guessing is slowed per user name and per address. By name: 10 wrong tries in 15 minutes are more than a person
 * needs; the block is short, as anybody can cause it for anybody. By address it is wider, for offices behind one.
 */
export const LOGIN_FAILURES_PER_NAME = 10;
const LOGIN_FAILURES_PER_ADDRESS = 50;
const LOGIN_WINDOW_MS = 15 * 60_000;
const LOGIN_BLOCK_MS = 5 * 60_000;

export interface Throttle {
  /** Counts a try before its password is compared, so that many at once cannot slip through. Throws `too_many_requests`. */
  begin(username: string, address: string): Promise<void>;
  /** The password was right: this try was none, and the name starts anew. */
  succeeded(username: string, address: string): Promise<void>;
}

/** Hashed, because people type their password into the field for the name. */
const nameKey = (username: string) =>
  `name:${createHash('sha256').update(username.normalize('NFKC').toLowerCase()).digest('hex').slice(0, 32)}`;
const addressKey = (address: string) => `address:${address}`;

export function createThrottle({ db }: { db: Db }): Throttle {
  async function count(tx: DbOrTx, key: string, most: number): Promise<number> {
    const now = Date.now();
    const row = await tx.loginThrottle.findUnique({ where: { key } });
    const blockedFor = (row?.blockedUntil?.getTime() ?? 0) - now;
    if (blockedFor > 0) return blockedFor;
    const fresh = !row || row.windowEndsAt.getTime() <= now || row.blockedUntil !== null;
    const failures = fresh ? 1 : row.failures + 1;
    const data = {
      failures,
      windowEndsAt: fresh ? new Date(now + LOGIN_WINDOW_MS) : row.windowEndsAt,
      blockedUntil: failures >= most ? new Date(now + LOGIN_BLOCK_MS) : null,
    };
    await tx.loginThrottle.upsert({ where: { key }, create: { key, ...data }, update: data });
    return 0;
  }

  return {
    async begin(username, address) {
      const waitMs = await db.$transaction(async (tx) => {
        const byAddress = await count(tx, addressKey(address), LOGIN_FAILURES_PER_ADDRESS);
        return byAddress > 0 ? byAddress : await count(tx, nameKey(username), LOGIN_FAILURES_PER_NAME);
      });
      if (waitMs > 0)
        throw new AppError('too_many_requests', undefined, { retryAfterSeconds: Math.ceil(waitMs / 1000) });
    },
    async succeeded(username, address) {
      await db.$transaction(async (tx) => {
        await tx.loginThrottle.deleteMany({ where: { key: nameKey(username) } });
        await tx.loginThrottle.updateMany({
          where: { key: addressKey(address), failures: { gt: 0 } },
          data: { failures: { decrement: 1 }, blockedUntil: null },
        });
        // The table stays as small as the last quarter of an hour.
        await tx.loginThrottle.deleteMany({
          where: {
            windowEndsAt: { lt: new Date() },
            OR: [{ blockedUntil: null }, { blockedUntil: { lt: new Date() } }],
          },
        });
      });
    },
  };
}
