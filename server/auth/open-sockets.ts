import { AppError } from '../../shared/errors';
import type { OpenSockets, SandboxAccess } from '../contracts';

type Entry = Parameters<OpenSockets['register']>[0];
type Code = Parameters<Entry['close']>[0];

/** setTimeout's own limit, 24 days: nobody keeps one socket open for that long. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Everything long-lived that hangs on an identity, so that it ends with the log-in and not when the client goes away. */
export function createOpenSockets({ access }: { access: SandboxAccess }): OpenSockets & {
  readonly size: number;
} {
  const entries = new Set<Entry>();
  const close = (entry: Entry, code: Code) => {
    if (entries.delete(entry)) entry.close(code);
  };
  const closeWhere = (matches: (entry: Entry) => boolean) => {
    for (const entry of [...entries]) if (matches(entry)) close(entry, 'unauthenticated');
  };

  /** What a token or a log-in has opened is closed when that ends by itself. Longer than a timer can wait is never. */
  function endWith(entry: Entry): NodeJS.Timeout | undefined {
    const { endsAt } = entry.identity;
    const ms = endsAt === null ? Number.POSITIVE_INFINITY : Math.max(0, endsAt - Date.now());
    if (ms > TIMER_MAX_MS) return undefined;
    return setTimeout(() => close(entry, 'unauthenticated'), ms).unref();
  }

  /** Null: it may stay. */
  async function refusal({ identity, sandboxId }: Entry): Promise<Code | null> {
    if (sandboxId === null) return 'forbidden';
    try {
      await access(identity, sandboxId, 'use');
      return null;
    } catch (thrown) {
      const code = thrown instanceof AppError ? thrown.code : null;
      if (code === 'forbidden' || code === 'not_found') return code;
      throw thrown;
    }
  }

  return {
    register(entry) {
      entries.add(entry);
      const ending = endWith(entry);
      return () => {
        clearTimeout(ending);
        entries.delete(entry);
      };
    },
    closeCredential: (id) => closeWhere((it) => it.identity.credentialId === id),
    closeUser: (id) => closeWhere((it) => it.identity.userId === id),
    async review(userId) {
      for (const entry of [...entries]) {
        if (entry.identity.userId !== userId) continue;
        const code = await refusal(entry);
        if (code !== null) close(entry, code);
      }
    },
    get size() {
      return entries.size;
    },
  };
}
