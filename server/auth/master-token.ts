import type { Logger } from 'pino';
import { type Audit, type Db, systemActor } from '../contracts';
import { hashApiToken, MASTER_TOKEN_ID } from './api-token';

/**
 * The operator's token for set-ups without a browser: it comes from the environment, may do everything and ends only
 * there. It acts as the administrator who has been one longest, so that what it makes has an owner whom people know.
 */
export async function keepMasterToken(
  { db, audit, log }: { db: Db; audit: Audit; log: Logger },
  token: string | null,
): Promise<void> {
  const owner =
    token === null
      ? null
      : await db.user.findFirst({
          where: { role: 'admin', status: 'active' },
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        });
  const present = await db.apiToken.findUnique({ where: { id: MASTER_TOKEN_ID } });
  if (token === null || owner === null) {
    if (token !== null) log.warn('there is no active administrator whom CLOUD_CLAUDE_TOKEN could act as');
    if (present) await db.apiToken.delete({ where: { id: MASTER_TOKEN_ID } });
    return;
  }
  const hash = hashApiToken(token);
  if (present?.hash === hash && present.userId === owner.id) return;
  await db.$transaction(async (tx) => {
    const data = { userId: owner.id, hash, scopes: '["*"]', expiresAt: null, revokedAt: null };
    // No sign of it is shown: what a person made up may be guessed from its beginning.
    const names = { label: 'Master token (environment)', prefix: MASTER_TOKEN_ID };
    await tx.apiToken.upsert({
      where: { id: MASTER_TOKEN_ID },
      create: { id: MASTER_TOKEN_ID, ...names, ...data },
      update: data,
    });
    await audit.record(tx, {
      type: 'token.created',
      actor: systemActor('environment'),
      target: { type: 'token', id: MASTER_TOKEN_ID, name: names.label },
      message: `CLOUD_CLAUDE_TOKEN acts as ${owner.username} from now on.`,
    });
  });
}
