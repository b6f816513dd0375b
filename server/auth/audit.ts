import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Audit } from '../contracts';

/** Longer user agents are cut: the header is the client's to fill. */
const USER_AGENT_MAX_CHARS = 256;

export function createAudit({ log }: { log: Logger }): Audit {
  return {
    async record(db, entry) {
      await db.auditEvent.create({
        data: {
          id: randomUUID(),
          at: new Date(),
          type: entry.type,
          actorId: entry.actor.userId,
          actor: entry.actor.name,
          address: entry.actor.address,
          userAgent: entry.actor.userAgent?.slice(0, USER_AGENT_MAX_CHARS) ?? null,
          targetType: entry.target?.type ?? null,
          targetId: entry.target?.id ?? null,
          target: entry.target?.name ?? null,
          message: entry.message,
          before: entry.before ? JSON.stringify(entry.before) : null,
          after: entry.after ? JSON.stringify(entry.after) : null,
        },
      });
      log.info({ audit: entry.type, actor: entry.actor.name, target: entry.target?.id }, entry.message);
    },
  };
}
