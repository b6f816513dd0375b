import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scope } from '../../../shared/lifecycle';
import { SESSIONS_PER_SANDBOX } from '../../../shared/limits';
import { createSecretBox } from '../../auth/secret-box';
import { type Box, startBox } from '../../gateway/testing/box';
import { identity, makeKey, SANDBOX_ID, startGateway, type TestGateway } from '../../gateway/testing/gateway';
import { until } from '../../gateway/testing/until';
import { createHookPush } from '../hooks/push';
import { createHookRows } from '../hooks/stored';
import { createProviderRefs } from '../providers/refs';
import { createSessionMonitor, type SessionMonitor } from './monitor';
import { createSessions, type SessionsService } from './service';

const scope = new Scope();
let box: Box;
let gateway: TestGateway;
let sessions: SessionsService;
let monitor: SessionMonitor;

beforeAll(async () => {
  const key = await makeKey(scope);
  box = scope.add('box', await startBox(key.publicLine), (it) => it.remove());
  gateway = scope.own('gateway', await startGateway({ box, key }));
  const parts = {
    db: gateway.db,
    log: gateway.log,
    live: gateway.recorded.live,
    audit: gateway.recorded.audit,
    connections: gateway.connections,
    access: gateway.access,
  };
  const rows = createHookRows(createSecretBox(Buffer.alloc(32, 1)));
  const push = createHookPush({
    ...{ db: gateway.db, log: gateway.log, rows, command: gateway.connections.commands.hooks() },
    peek: (id) => gateway.connections.peek(id),
  });
  sessions = createSessions({
    ...parts,
    providers: createProviderRefs({ db: gateway.db, gatewayKey: false }),
    requireProvider: async () => undefined,
    sessionEnv: gateway.proxy.sessionEnv,
    hooks: { write: rows.write, push: push.push },
  });
  monitor = scope.own('monitor', createSessionMonitor(parts));
  await gateway.db.member.create({ data: { workspaceId: 'w1', userId: identity.userId, role: 'owner' } });
});
afterAll(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
});

const shell = { sandboxId: SANDBOX_ID, kind: 'shell' } as const;

test('create opens it at once under a free name; list shows it; rename and end change it', async () => {
  const one = await sessions.create(identity, shell);
  const two = await sessions.create(identity, shell);
  expect([one.name, two.name, one.state, one.workdir]).toEqual([
    'Shell 1',
    'Shell 2',
    'running',
    '/home/claude/workspace',
  ]);
  const status = await (await gateway.connections.get(SANDBOX_ID)).exec(
    gateway.connections.commands.status(one.id),
  );
  expect(status.stdout.toString()).toBe('running\n');
  expect((await sessions.list(identity, {})).map((it) => it.id)).toEqual([one.id, two.id]);
  expect((await sessions.rename(identity, { id: one.id, name: 'mine' })).name).toBe('mine');
  const ended = await sessions.end(identity, one.id);
  expect(ended).toMatchObject({ state: 'ended', endReason: 'Ended by ada.' });
  expect((await sessions.end(identity, one.id)).endedAt).toBe(ended.endedAt);
  expect((await sessions.create(identity, shell)).name).toBe('Shell 1');
  expect(gateway.recorded.entries.map((it) => it.type)).toEqual(
    expect.arrayContaining(['session.create', 'session.rename', 'session.end']),
  );
});

test('a folder that is missing is told by its field, and no row stays', async () => {
  const before = await gateway.db.session.count();
  await expect(sessions.create(identity, { ...shell, workdir: '/no/such' })).rejects.toMatchObject({
    code: 'invalid_input',
    field: 'workdir',
  });
  expect(await gateway.db.session.count()).toBe(before);
});

test('others may not; what does not run cannot', async () => {
  const other = { ...identity, userId: 'u2' };
  await expect(sessions.create(other, shell)).rejects.toMatchObject({ code: 'forbidden' });
  const [first] = await sessions.list(identity, {});
  await expect(sessions.end(other, first?.id ?? '')).rejects.toMatchObject({ code: 'forbidden' });
  expect(await sessions.list(other, {})).toEqual([]);
  // A guest of the workspace may use none of them.
  await gateway.db.user.create({ data: { id: 'u2', username: 'eve', passwordHash: '-', role: 'user' } });
  await gateway.db.member.create({ data: { workspaceId: 'w1', userId: 'u2', role: 'guest' } });
  expect(await sessions.list(other, {})).toEqual([]);
  await gateway.db.sandbox.update({ where: { id: SANDBOX_ID }, data: { state: 'stopped' } });
  await expect(sessions.create(identity, shell)).rejects.toMatchObject({ code: 'sandbox_not_running' });
  const states = (await sessions.list(identity, { sandboxId: SANDBOX_ID })).map((it) => it.state);
  expect(new Set(states)).toEqual(new Set(['suspended', 'ended']));
  await gateway.db.sandbox.update({ where: { id: SANDBOX_ID }, data: { state: 'running' } });
});

test('the monitor marks what ended by itself, and only that', async () => {
  const made = await sessions.create(identity, shell);
  const name = `=cc-${made.id.replaceAll('-', '').slice(0, 16)}:`;
  const tmux = ['tmux', '-S', '/run/cloud-claude/tmux.sock'];
  await until('the prompt', 20_000, async () =>
    (await box.exec([...tmux, 'capture-pane', '-p', '-t', name])).includes('❯'),
  );
  await monitor.round();
  expect((await gateway.db.session.findUniqueOrThrow({ where: { id: made.id } })).state).toBe('running');
  await box.exec([...tmux, 'send-keys', '-t', name, 'exit 3', 'Enter']);
  await until('marked', 10_000, async () => {
    await monitor.round();
    return (await gateway.db.session.findUniqueOrThrow({ where: { id: made.id } })).exitCode === 3;
  });
  // Taken away with the whole tmux server, as by a restart: no end, it comes back.
  const kept = await sessions.create(identity, shell);
  await box.exec([...tmux, 'kill-server']);
  await monitor.round();
  expect((await gateway.db.session.findUniqueOrThrow({ where: { id: kept.id } })).state).toBe('running');
});

test('openFirst makes one Claude session, once', async () => {
  await gateway.db.session.deleteMany();
  await sessions.openFirst(SANDBOX_ID, identity.userId);
  await sessions.openFirst(SANDBOX_ID, identity.userId);
  expect(await sessions.list(identity, {})).toMatchObject([
    { kind: 'claude', name: 'Claude 1', state: 'running' },
  ]);
});

test('a sandbox has a bound number of open sessions', async () => {
  const rows = Array.from({ length: SESSIONS_PER_SANDBOX }, () => gateway.session());
  await Promise.all(rows);
  await expect(sessions.create(identity, shell)).rejects.toMatchObject({ code: 'limit_reached' });
});
