/** Lists of hooks in the database: as in a hooks file, their secrets sealed apart. */
import { z } from 'zod';
import { readHookFile, type SecretHook, writeHookFile } from '../../../shared/hook-file';
import type { SecretBox } from '../../auth/secret-box';
import type { DbOrTx } from '../../contracts';

const PURPOSE = 'hooks.v1';
const secretsSchema = z.record(z.string(), z.string());

export type StoredPlace =
  | { level: 'workspace'; workspaceId: string }
  | { level: 'session'; sessionId: string };

export interface HookRows {
  /** Revision 0: nothing was ever stored. */
  read(db: DbOrTx, place: StoredPlace): Promise<{ hooks: SecretHook[]; revision: number }>;
  /** False: somebody else has written since `revision`. */
  write(
    db: DbOrTx,
    place: StoredPlace,
    change: { hooks: readonly SecretHook[]; revision: number; by: string },
  ): Promise<boolean>;
  open(row: { body: string; secrets: string }): SecretHook[];
}

/** How many of these lists' hooks are on. */
export function hooksOn(...lists: ({ body: string } | null)[]): number {
  const all = lists.flatMap((it) => (it ? readHookFile(JSON.parse(it.body)).hooks : []));
  return all.filter((it) => it.enabled).length;
}

export function createHookRows(box: SecretBox): HookRows {
  function open(row: { body: string; secrets: string }): SecretHook[] {
    const secrets = secretsSchema.parse(JSON.parse(box.open(PURPOSE, row.secrets).toString('utf8')));
    const { hooks } = readHookFile(JSON.parse(row.body));
    return hooks.map((hook) => ({ ...hook, secret: secrets[hook.id] ?? null }));
  }

  function sealed(hooks: readonly SecretHook[]): { body: string; secrets: string } {
    const secrets = Object.fromEntries(
      hooks.flatMap(({ id, secret }) => (secret === null ? [] : [[id, secret]])),
    );
    const bare = hooks.map((hook) => ({ ...hook, secret: null }));
    return {
      body: JSON.stringify(writeHookFile(bare)),
      secrets: box.seal(PURPOSE, Buffer.from(JSON.stringify(secrets))),
    };
  }

  return {
    open,

    async read(db, place) {
      const row =
        place.level === 'workspace'
          ? await db.workspaceHooks.findUnique({ where: { workspaceId: place.workspaceId } })
          : await db.sessionHooks.findUnique({ where: { sessionId: place.sessionId } });
      return row ? { hooks: open(row), revision: row.revision } : { hooks: [], revision: 0 };
    },

    async write(db, place, { hooks, revision, by }) {
      const content = { ...sealed(hooks), updatedBy: by };
      const next = { ...content, revision: revision + 1 };
      if (place.level === 'workspace') {
        const { workspaceId } = place;
        if (revision > 0)
          return (
            (await db.workspaceHooks.updateMany({ where: { workspaceId, revision }, data: next })).count > 0
          );
        if (await db.workspaceHooks.findUnique({ where: { workspaceId } })) return false;
        await db.workspaceHooks.create({ data: { workspaceId, ...next } });
        return true;
      }
      const { sessionId } = place;
      if (revision > 0)
        return (await db.sessionHooks.updateMany({ where: { sessionId, revision }, data: next })).count > 0;
      if (await db.sessionHooks.findUnique({ where: { sessionId } })) return false;
      await db.sessionHooks.create({ data: { sessionId, ...next } });
      return true;
    },
  };
}
