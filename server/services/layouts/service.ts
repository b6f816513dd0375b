/** Panes of one person in one sandbox, kept as the web app wrote them. */
import { layoutSchema } from '../../../shared/views';
import type { Db, SandboxAccess, Services } from '../../contracts';

export function createLayouts({ db, access }: { db: Db; access: SandboxAccess }): Services['layouts'] {
  return {
    async get(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      const row = await db.layout.findUnique({
        where: { userId_sandboxId: { userId: identity.userId, sandboxId } },
      });
      return { layout: row ? layoutSchema.parse(JSON.parse(row.body)) : null };
    },
    async set(identity, { sandboxId, layout }) {
      await access(identity, sandboxId, 'use');
      const key = { userId: identity.userId, sandboxId };
      const body = JSON.stringify(layout);
      await db.layout.upsert({
        where: { userId_sandboxId: key },
        create: { ...key, body },
        update: { body },
      });
    },
  };
}
