import type { Logger } from 'pino';
import type { AgentNotice } from '../../shared/agent-api';

export type Notices = ReturnType<typeof createNotices>;

/** Changes the agent saw by itself, handed to everybody who watches. Nothing is kept: a watcher lists first. */
export function createNotices(log: Logger) {
  const listeners = new Set<(notice: AgentNotice) => void>();
  return {
    emit(sandbox: string, what: AgentNotice['what'], detail: string): void {
      const notice: AgentNotice = { sandbox, what, detail, at: new Date().toISOString() };
      log.info({ sandbox, what }, detail);
      for (const listener of listeners) listener(notice);
    },
    /** Returns the function that ends it. */
    listen(listener: (notice: AgentNotice) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
