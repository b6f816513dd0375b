// The service over a real database; what goes to the sandbox is taken at the wire.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HookInput, HookPlace } from '../../../shared/hooks';
import { createSecretBox } from '../../auth/secret-box';
import type { Identity, SandboxConnection, Services } from '../../contracts';
import { createAccess } from '../sandboxes/access';
import { openServiceTest, type ServiceTest } from '../testing';
import { createHookPush, type HookPush } from './push';
import { createHooks } from './service';
import { createHookRows } from './stored';

let t: ServiceTest;
let owner: Identity;
let stranger: Identity;
let hooks: Services['hooks'];
let push: HookPush;
let workspaceId = '';
let sandboxId = '';
let sessionId = '';
/** What `session hooks` left in the sandbox's home, oldest first. */
const came: unknown[] = [];
const home = mkdtempSync(join(tmpdir(), 'cc-hooks-'));
const SCRIPT = join(import.meta.dirname, '../../../image/rootfs/usr/local/lib/cloud-claude/session');

const command = (name: string): HookInput => ({
  ...{ name, event: 'PreToolUse', matcher: 'Bash', action: { kind: 'command', command: 'true' } },
  ...{ timeoutSeconds: 5, onFailure: 'deny', enabled: true },
});
const http = (name: string): HookInput => ({
  ...command(name),
  action: { kind: 'http', url: 'https://hooks.example.com/in' },
});

beforeAll(async () => {
  t = await openServiceTest();
  owner = await t.person('ann');
  stranger = await t.person('eve');
  workspaceId = await t.personalWorkspace(owner);
  sandboxId = 'hooks1';
  await t.db.sandbox.create({
    data: {
      ...{ id: sandboxId, workspaceId, ownerId: owner.userId, name: 'box', state: 'running' },
      ...{ image: 'x', hostname: 'box', cpus: 1, memoryMb: 512, pids: 128, timezone: 'UTC', locale: 'C' },
    },
  });
  sessionId = randomUUID();
  await t.db.session.create({
    data: { id: sessionId, sandboxId, kind: 'claude', name: 'one', workdir: '/', createdById: owner.userId },
  });
  // The image's own script, in a home of its own.
  const way: Pick<SandboxConnection, 'exec'> = {
    async exec([, ...operation], { input } = {}) {
      const env = { ...process.env, HOME: home };
      // The only one who calls it gives bytes.
      execFileSync('bash', [SCRIPT, ...operation], { env, input: input as Uint8Array });
      const file = join(home, '.cloud-claude', 'gateway-hooks.json');
      came.push(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null);
      return { code: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
    },
  };
  const rows = createHookRows(createSecretBox(Buffer.alloc(32, 7)));
  const { access } = createAccess(t.db);
  push = createHookPush({
    ...{ db: t.db, log: pino({ level: 'silent' }), rows, command: ['session', 'hooks'] },
    peek: () => way,
  });
  hooks = createHooks({
    ...{ db: t.db, live: t.live, audit: t.audit, access, rows, push },
    // Nothing of it is used.
    connections: { get: async () => way as unknown as SandboxConnection },
  });
});
afterAll(async () => {
  rmSync(home, { recursive: true });
  await t.close();
});

describe.each(['workspace', 'session'] as const)('the level of a %s', (level) => {
  const place = (): HookPlace => (level === 'workspace' ? { level, workspaceId } : { level, sessionId });

  test('is empty, takes a list, shows a secret once and keeps it', async () => {
    const empty = await hooks.get(owner, place());
    expect(empty).toMatchObject({ hooks: [], mayEdit: true });
    const saved = await hooks.save(owner, {
      place: place(),
      hooks: [command('first'), http('second')],
      revision: empty.revision,
    });
    const [made] = saved.secrets;
    expect(made).toMatchObject({ name: 'second', id: saved.hooks[1]?.id });
    expect(made?.secret).toMatch(/^whsec_.{44}$/);
    expect(saved.hooks.map((it) => it.secretHint)).toEqual([null, `…${made?.secret.slice(-4)}`]);
    const read = await hooks.get(owner, place());
    expect(JSON.stringify(read)).not.toContain(made?.secret);
    expect(read.hooks).toEqual(saved.hooks);

    // Nothing of it stands in the database in the clear.
    const rows = JSON.stringify([await t.db.workspaceHooks.findMany(), await t.db.sessionHooks.findMany()]);
    expect(rows).not.toContain(made?.secret);
    expect(JSON.stringify(await t.db.auditEvent.findMany())).not.toContain(made?.secret);

    // Another order, a switch: the secret stays. A new one is made when it is asked for.
    const again = await hooks.save(owner, {
      place: place(),
      hooks: read.hooks.map(({ secretHint: _, ...it }) => ({ ...it, enabled: false })).reverse(),
      revision: read.revision,
    });
    expect(again.secrets).toEqual([]);
    expect(again.hooks.map((it) => it.name)).toEqual(['second', 'first']);
    const [kept] = again.hooks;
    if (!kept) throw new Error('no hook');
    const { secretHint: hint, ...second } = kept;
    const fresh = await hooks.save(owner, {
      place: place(),
      hooks: [{ ...second, newSecret: true }],
      revision: again.revision,
    });
    expect(fresh.secrets).toHaveLength(1);
    expect(fresh.hooks[0]?.secretHint).not.toBe(hint);
  });

  test('goes to the sandbox with every change, secrets and all', async () => {
    expect(JSON.stringify(came.at(-1))).toMatch(/"name":"second".*"secret":"whsec_/);
  });

  test('refuses a list that was made from another one', async () => {
    const saving = hooks.save(owner, { place: place(), hooks: [], revision: '1' });
    await expect(saving).rejects.toMatchObject({ code: 'conflict' });
  });

  test('is not there for strangers', async () => {
    await expect(hooks.get(stranger, place())).rejects.toMatchObject({ code: 'not_found' });
    const saving = hooks.save(stranger, { place: place(), hooks: [], revision: '3' });
    await expect(saving).rejects.toMatchObject({ code: 'not_found' });
  });
});

test('developers see the hooks of their workspace and do not change them', async () => {
  const developer = await t.person('dan');
  await t.db.member.create({ data: { workspaceId, userId: developer.userId, role: 'developer' } });
  const place: HookPlace = { level: 'workspace', workspaceId };
  const { mayEdit, revision } = await hooks.get(developer, place);
  expect(mayEdit).toBe(false);
  await expect(hooks.save(developer, { place, hooks: [], revision })).rejects.toMatchObject({
    code: 'forbidden',
  });
  await expect(hooks.get({ ...owner, sandboxId, scopes: ['hooks:read'] }, place)).rejects.toMatchObject({
    code: 'forbidden',
  });
});

test('a secret is not tried out where its hook does not run', async () => {
  const other = await t.personalWorkspace(stranger);
  await t.db.member.create({ data: { workspaceId: other, userId: owner.userId, role: 'developer' } });
  await t.db.sandbox.create({
    data: {
      ...{ id: 'hooks2', workspaceId: other, ownerId: stranger.userId, name: 'else', state: 'running' },
      ...{ image: 'x', hostname: 'else', cpus: 1, memoryMb: 512, pids: 128, timezone: 'UTC', locale: 'C' },
    },
  });
  const place: HookPlace = { level: 'workspace', workspaceId };
  const [kept] = (await hooks.get(owner, place)).hooks;
  if (!kept) throw new Error('no hook');
  const { secretHint: _, ...hook } = kept;
  const trying = hooks.test(owner, { sandboxId: 'hooks2', place, hook });
  await expect(trying).rejects.toMatchObject({ code: 'invalid_input', field: 'sandboxId' });
});

test('all of it goes to a sandbox that connects, and nothing of ended sessions', async () => {
  await t.db.session.update({ where: { id: sessionId }, data: { state: 'ended' } });
  came.length = 0;
  await push.push(sandboxId);
  expect(came).toMatchObject([{ sessions: {} }]);
  expect(JSON.stringify(came)).toContain('second');
});

test('without hooks there is no file: Claude Code’s start asks nobody then', async () => {
  const place: HookPlace = { level: 'workspace', workspaceId };
  const { revision } = await hooks.get(owner, place);
  await hooks.save(owner, { place, hooks: [], revision });
  expect([came.at(-1), await push.contentOf(sandboxId)]).toEqual([null, null]);
});
