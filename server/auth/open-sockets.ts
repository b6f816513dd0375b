import { AppError } from '../../shared/errors';
import type { OpenSockets, SandboxAccess } from '../contracts';

type Entry = Parameters<OpenSockets['register']>[0];
type Code = Parameters<Entry['close']>[0];

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
      return () => void entries.delete(entry);
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
