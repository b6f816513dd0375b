// What a session is opened and changed with, over REST and tRPC: a bad value is told by its name, and makes nothing.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN, startTestServer, type TestServer } from '../../http/testing';

const SANDBOX = 'sbadvalues000001';
let server: TestServer;
let cookie: string;
beforeAll(async () => {
  server = await startTestServer();
  cookie = await server.signIn(ADMIN.username, ADMIN.password);
  const { db } = server.parts;
  const admin = await db.user.findUniqueOrThrow({ where: { username: ADMIN.username } });
  const { id: workspaceId } = await db.workspace.findUniqueOrThrow({ where: { personalOf: admin.id } });
  await db.sandbox.create({
    data: {
      ...{ id: SANDBOX, workspaceId, ownerId: admin.id, name: 'box', state: 'running', image: 'i' },
      ...{ hostname: 'box', cpus: 1, memoryMb: 1024, pids: 512, timezone: 'UTC', locale: 'en_US.UTF-8' },
    },
  });
});
afterAll(() => server.stop());

const post = async (path: string, body: unknown) => {
  const headers = { 'content-type': 'application/json' };
  const response = await server.ask(path, {
    method: 'POST',
    as: cookie,
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
};

test.each([
  [{ kind: 'agent' }, 'kind'],
  [{ workdir: 'relative' }, 'workdir'],
  [{ workdir: '/a\nb' }, 'workdir'],
  [{ model: '--dangerous' }, 'model'],
  [{ model: 'a b' }, 'model'],
  [{ model: 'opus\nresume=x' }, 'model'],
  [{ effort: 'most' }, 'effort'],
  [{ permission_mode: 'yolo' }, 'permission_mode'],
  [{ provider_id: 'nobody' }, 'providerId'],
  [{ provider_id: 'x'.repeat(65) }, 'provider_id'],
  [{ resume_from: 'last' }, 'resume_from'],
  [{ resume_from: randomUUID() }, 'resumeFrom'],
])('REST: %j', async (given, field) => {
  const { status, text } = await post('/api/sessions', { sandbox_id: SANDBOX, kind: 'claude', ...given });
  expect([400, 404]).toContain(status);
  expect(JSON.parse(text)).toMatchObject({ field });
  expect(await server.parts.db.session.count()).toBe(0);
});

test.each([
  [{ model: '-p' }, 'model'],
  [{ effort: 'most' }, 'effort'],
  [{ permissionMode: 'auto' }, 'permissionMode'],
  [{ providerId: 'x'.repeat(65) }, 'providerId'],
])('tRPC: %j', async (given, field) => {
  const created = await post('/api/trpc/sessions.create', { sandboxId: SANDBOX, kind: 'claude', ...given });
  const changed = await post('/api/trpc/sessions.setOptions', { id: randomUUID(), ...given });
  for (const { status, text } of [created, changed]) {
    expect(status).toBe(400);
    expect(text).toContain(field);
  }
});

test('options of a shell, of an ended session and of one in a sandbox that does not run', async () => {
  const { db } = server.parts;
  const shell = await post('/api/sessions', { sandbox_id: SANDBOX, kind: 'shell', effort: 'low' });
  expect([shell.status, JSON.parse(shell.text).error]).toEqual([
    400,
    expect.stringMatching(/^A shell has no model/),
  ]);
  const make = async (fields: object) => {
    const id = randomUUID();
    const row = {
      id,
      sandboxId: SANDBOX,
      kind: 'claude',
      name: 'C',
      workdir: '/',
      createdById: 'x',
      state: 'running',
    };
    await db.session.create({ data: { ...row, ...fields } });
    return id;
  };
  const set = async (id: string) => post('/api/trpc/sessions.setOptions', { id, effort: 'low' });
  expect((await set(await make({ kind: 'shell' }))).text).toMatch(/A shell has no such options/);
  expect((await set(await make({ state: 'ended' }))).text).toMatch(/has ended/);
  const busy = await make({ liveStatus: 'working' });
  expect((await set(busy)).text).toMatch(/Claude is at work/);
  await db.sandbox.update({ where: { id: SANDBOX }, data: { state: 'stopping' } });
  expect((await set(busy)).text).toMatch(/not running/);
  expect((await db.session.findUniqueOrThrow({ where: { id: busy } })).effort).toBeNull();
});
