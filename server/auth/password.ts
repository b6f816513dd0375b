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

/** Of a password nobody knows, at our cost: compared with for unknown users, so that they take as long. */
const DUMMY_HASH = bcrypt.hash(makePassword(), BCRYPT_COST);

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

export function hashPassword(password: string): Promise<string> {
  return limited(() => bcrypt.hash(password, BCRYPT_COST));
}

/** Null stands for an unknown user: takes as long as a real compare and is false. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const against = hash ?? (await DUMMY_HASH);
  const same = await limited(() => bcrypt.compare(password, against));
  return same && hash !== null;
}

export function makePassword(): string {
  let made = '';
  for (let i = 0; i < MADE_LENGTH; i++) made += MADE_SIGNS[randomInt(MADE_SIGNS.length)];
  return made;
}
