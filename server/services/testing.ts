/** A real database with the real log, audit and socket registry, for the tests of the services. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { createAudit } from '../auth/audit';
import { createOpenSockets } from '../auth/open-sockets';
import { createPasswords } from '../auth/password';
import type { Identity } from '../contracts';
import { openTestDb } from '../db/testing';
import { createLive } from '../live/live';
import { createVisible } from '../live/visible';
import { createAccess } from './sandboxes/access';

/** The least that bcrypt takes. */
export const TEST_PASSWORD_COST = 4;

export async function openServiceTest() {
  const folder = await mkdtemp(path.join(tmpdir(), 'cc-services-'));
  const log = pino({ level: 'silent' });
  const { db, close } = await openTestDb(folder);
  const live = createLive({ db, log, visible: createVisible({ db }) });
  const sockets = createOpenSockets(createAccess(db));
  const passwords = createPasswords({ cost: TEST_PASSWORD_COST });

  return {
    db,
    live,
    audit: createAudit({ log }),
    sockets,
    passwords,
    /** A user with a personal workspace, as an identity signed in by a browser. */
    async person(username: string, role: 'admin' | 'user' = 'user'): Promise<Identity> {
      const id = randomUUID();
      await db.user.create({
        data: {
          id,
          username,
          role,
          passwordHash: 'none',
          members: {
            create: {
              role: 'owner',
              workspace: { create: { id: randomUUID(), name: username, personalOf: id } },
            },
          },
        },
      });
      const session = await db.authSession.create({
        data: {
          id: randomUUID(),
          userId: id,
          address: '127.0.0.1',
          userAgent: 'test',
          expiresAt: new Date(Date.now() + 60_000),
        },
      });
      return {
        userId: id,
        username,
        role,
        via: 'browser',
        credentialId: session.id,
        mustChangePassword: false,
        scopes: null,
        sandboxId: null,
        endsAt: null,
        address: '127.0.0.1',
        userAgent: 'test',
      };
    },
    async personalWorkspace(identity: Identity): Promise<string> {
      return (await db.workspace.findUniqueOrThrow({ where: { personalOf: identity.userId } })).id;
    },
    auditTypes: async () => (await db.auditEvent.findMany({ orderBy: { at: 'asc' } })).map((it) => it.type),
    async close() {
      live.close();
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type ServiceTest = Awaited<ReturnType<typeof openServiceTest>>;
