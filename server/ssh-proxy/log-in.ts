/** Who may log in over SSH: the holder of a registered key, or of an API token, given as the password. */
import ssh2, { type AuthContext, type PublicKeyAuthContext } from 'ssh2';
import { toAppError } from '../../shared/errors';
import { identifySshKey, identifyToken } from '../auth/identity';
import type { Throttle } from '../auth/throttle';
import type { Db, Identity } from '../contracts';
import { fingerprintOf } from '../services/ssh-keys/public-key';
import { ATTEMPTS_MAX } from './limits';

const METHODS = ['publickey', 'password'] as const;
/** RSA signatures by SHA-1 can be forged: ssh2 names no hash for those. */
const RSA_HASHES = new Set(['sha256', 'sha512']);

export interface LoggedIn {
  identity: Identity;
  /** Such as `the key Laptop`. */
  by: string;
  /** The same once more, as it is now. Null: it counts no longer. */
  again(): Promise<Identity | null>;
}
export interface From {
  address: string;
  userAgent: string;
}

/** The tries of one connection. */
export class LogIn {
  readonly #options: { db: Db; throttle: Throttle };
  readonly #from: From;
  #attempts = 0;
  /** Why the last try failed, for the audit log; null: nothing was tried. */
  refused: string | null = null;

  constructor(options: { db: Db; throttle: Throttle }, from: From) {
    this.#options = options;
    this.#from = from;
  }

  get exhausted(): boolean {
    return this.#attempts >= ATTEMPTS_MAX;
  }

  /** Answers the client. Null: not yet in. Never throws. */
  async try(context: AuthContext): Promise<LoggedIn | null> {
    this.#attempts += 1;
    const found = await this.#judge(context).catch((thrown: unknown) => {
      const { code } = toAppError(thrown);
      this.refused = code === 'too_many_requests' ? 'too many attempts' : `it could not be judged (${code})`;
      return null;
    });
    if (found === 'known') return null;
    if (found === null) context.reject([...METHODS]);
    return found;
  }

  async #judge(context: AuthContext): Promise<LoggedIn | 'known' | null> {
    if (context.method === 'publickey') return this.#byKey(context);
    if (context.method === 'password') return this.#byToken(context.username, context.password);
    return null;
  }

  /** `known`: asked without a signature whether to go on. */
  async #byKey(context: PublicKeyAuthContext): Promise<LoggedIn | 'known' | null> {
    this.refused = 'no registered key';
    const { db } = this.#options;
    if (context.key.algo === 'ssh-rsa' && !RSA_HASHES.has(context.hashAlgo ?? '')) return null;
    const fingerprint = fingerprintOf(context.key.data);
    const row = await db.sshKey.findUnique({ where: { fingerprint } });
    if (!row) return null;
    if (!context.signature || !context.blob) {
      context.accept();
      return 'known';
    }
    const key = ssh2.utils.parseKey(row.publicKey);
    this.refused = 'a wrong signature';
    if (key instanceof Error || Array.isArray(key)) return null;
    // An Error is no `true` either.
    if (key.verify(context.blob, context.signature, context.hashAlgo) !== true) return null;
    this.refused = 'the account may not log in';
    const again = () => identifySshKey(db, fingerprint, this.#from);
    const identity = await again();
    return identity && { identity, by: `the key ${row.label}`, again };
  }

  async #byToken(userName: string, token: string): Promise<LoggedIn | null> {
    this.refused = 'no such token';
    const { db, throttle } = this.#options;
    // A name of its own: who guesses here does not lock anybody out of the web app.
    const name = `ssh ${userName}`;
    await throttle.begin(name, this.#from.address);
    const again = () => identifyToken(db, token, this.#from);
    const identity = await again();
    if (!identity) return null;
    await throttle.succeeded(name, this.#from.address);
    return { identity, by: 'an API token', again };
  }
}
