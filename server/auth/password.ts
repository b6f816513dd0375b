import { randomInt } from 'node:crypto';
import bcrypt from 'bcrypt';

/** 2^12 rounds: about 0.25 s on one core of today, in bcrypt's own threads and not on the event loop. */
const BCRYPT_COST = 12;
/**
 * bcrypt runs on libuv's four threads, which file reads and DNS share. More compares than this at once would let a
 * burst of log-ins stall everything else.
 */
const COMPARES_AT_ONCE = 2;
/** A made password: 20 of 32 signs without look-alikes = 100 bits. */
const MADE_LENGTH = 20;
const MADE_SIGNS = 'abcdefghijkmnpqrstuvwxyz23456789';

export interface Passwords {
  hash(plain: string): Promise<string>;
  /** Null stands for an unknown user: takes as long as a real compare and is false. */
  verify(plain: string, hash: string | null): Promise<boolean>;
  /** A new one that nobody knows. */
  make(): string;
}

/** `cost` is there for tests of what lies behind a log-in: a quarter of a second each is most of their time. */
export function createPasswords({ cost = BCRYPT_COST }: { cost?: number } = {}): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];
  async function limited<T>(work: () => Promise<T>): Promise<T> {
    if (running < COMPARES_AT_ONCE) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The slot goes straight to the next in line, so that no newcomer takes it in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  }

  /** Of a password nobody knows, at our cost: compared with for unknown users, so that they take as long. */
  const dummyHash = bcrypt.hash(make(), cost);
  return {
    hash: (plain) => limited(() => bcrypt.hash(plain, cost)),
    async verify(plain, hash) {
      const against = hash ?? (await dummyHash);
      const same = await limited(() => bcrypt.compare(plain, against));
      return same && hash !== null;
    },
    make,
  };
}

function make(): string {
  return Array.from({ length: MADE_LENGTH }, () => MADE_SIGNS[randomInt(MADE_SIGNS.length)]).join('');
}
