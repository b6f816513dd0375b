/** For tests: a running sandbox with one session in the database of a test server, behind which a loopback stands. */
import type { Loopback } from '../gateway/testing/loopback';
import type { TestServer } from './testing';

export const BOX = 'sfedcba987654321';

export async function addLoopbackBox({ parts: { db } }: TestServer, box: Loopback): Promise<void> {
  const { id: ownerId } = await db.user.findFirstOrThrow();
  const member = { create: { userId: ownerId, role: 'owner' } };
  await db.workspace.create({ data: { id: 'w', name: 'w', members: member } });
  const size = { cpus: 1, memoryMb: 1024, pids: 512, timezone: 'UTC', locale: 'en_US.UTF-8' };
  const place = { id: BOX, image: 'x', hostname: 'box', hostKey: 'x', ownerId, workspaceId: 'w' };
  await db.sandbox.create({ data: { ...place, ...size, name: 'box', state: 'running' } });
  const session = { kind: 'claude', name: 'Claude 1', workdir: '/', createdById: ownerId, state: 'running' };
  await db.session.create({ data: { id: box.sessionId, sandboxId: BOX, ...session } });
}
