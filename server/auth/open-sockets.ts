import type { OpenSockets } from '../contracts';

type Entry = Parameters<OpenSockets['register']>[0];

/** Everything long-lived that hangs on an identity, so that it ends with the log-in and not when the client goes away. */
export function createOpenSockets(): OpenSockets & {
  closeSandbox(sandboxId: string): void;
  readonly size: number;
} {
  const entries = new Set<Entry>();
  const closeWhere = (matches: (entry: Entry) => boolean, code: Parameters<Entry['close']>[0]) => {
    for (const entry of [...entries]) {
      if (!matches(entry)) continue;
      entries.delete(entry);
      entry.close(code);
    }
  };
  return {
    register(entry) {
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    closeCredential: (id) => closeWhere((it) => it.identity.credentialId === id, 'unauthenticated'),
    closeUser: (id) => closeWhere((it) => it.identity.userId === id, 'unauthenticated'),
    closeSandbox: (id) => closeWhere((it) => it.sandboxId === id, 'gone'),
    get size() {
      return entries.size;
    },
  };
}
