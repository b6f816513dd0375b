/** The whole product over its public interfaces: a sandbox, Claude in it, and what survives which crash. */
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { homeVolumeName, LABEL_SANDBOX } from '../shared/names';
import type { SandboxView } from '../shared/views';
import { Account } from './account';
import { claudeAndApi } from './claude-and-api';
import { crash, tunnelPid } from './processes';
import { tail } from './product';
import { TerminalDevice } from './terminal-device';
import { lines } from './traces';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
const devices: TerminalDevice[] = [];
let admin: Account;
let sandbox: SandboxView;

function open(sessionId: string): TerminalDevice {
  const device = new TerminalDevice(product, { cookie: admin.cookie, sandboxId: sandbox.id, sessionId });
  devices.push(device);
  return device;
}

async function claudeSession(): Promise<string> {
  const found = (await admin.sessions(sandbox.id)).find((it) => it.kind === 'claude');
  if (!found) throw new Error('the sandbox has no Claude session');
  return found.id;
}

async function openShell(): Promise<TerminalDevice> {
  const shell = open((await admin.openSession(sandbox.id, 'shell')).id);
  await shell.shows(/[$%❯] ?$/m);
  return shell;
}

beforeAll(async () => {
  admin = await Account.signIn(product, product);
  sandbox = await admin.createSandbox('first');
  sandbox = await admin.reaches(sandbox.id, 'running');
});
afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.error(tail(product.logFile));
  for (const device of devices.splice(0)) device.close();
});
afterAll(async () => {
  await admin.call('DELETE', `/api/sandboxes/${sandbox.id}`);
  await admin.gone(sandbox.id);
});

describe('Claude in a sandbox', () => {
  test('answers, calls tools, and knows no key of ours', async () => {
    const claude = open(await claudeSession());
    await claude.shows('bypass permissions on');
    claude.type('say the quick brown fox\r');
    await claude.shows('● the quick brown fox');
    claude.type('write notes.txt written by a tool call\r');
    await claude.shows('wrote: File created');
    const shell = await openShell();
    shell.type('cat ~/workspace/notes.txt; env | grep -c ^ANTHROPIC_API_KEY\r');
    await shell.shows(/written by a tool call\s*0$/m);

    const requests: { headers: Record<string, string> }[] = await (
      await fetch(`${product.apiUrl}/scripted/requests`)
    ).json();
    expect(requests.every((it) => it.headers['x-api-key']?.startsWith('sk-ant-scripted'))).toBe(true);
  });

  test('streams: what is held back shows when it is let go', async () => {
    const claude = open(await claudeSession());
    claude.type('hold here\r');
    await claude.shows('before here');
    expect(claude.text()).not.toContain('after here');
    await fetch(`${product.apiUrl}/scripted/release/here`, { method: 'POST' });
    await claude.shows('after here');
  });

  test('a second device sees the same screen and scrollback', async () => {
    const claude = open(await claudeSession());
    claude.type('count 60\r');
    await claude.shows('line 60');
    const second = open(await claudeSession());
    await second.shows('line 60');
    expect(second.text()).toMatch(/line 1\s*\n/);
    expect(second.text()).toContain('● the quick brown fox');
  });
});

claudeAndApi(() => ({ admin, sandboxId: sandbox.id, open }));

describe('crashes', () => {
  test.each(['gateway', 'agent'] as const)(
    '%s killed while typing: nothing is lost or doubled',
    async (part) => {
      const shell = await openShell();
      const words = Array.from({ length: 40 }, (_, index) => `${part}-${index}`);
      shell.type(`cat > ~/typed-${part} && echo kept\r`);
      await shell.shows('&& echo kept\n');
      const back = crash(product, part);
      for (const word of words) {
        shell.type(`${word}\r`);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await back;
      shell.type('last\r\u0004');
      await shell.shows(/^kept$/m);
      const sum = createHash('md5')
        .update(`${[...words, 'last'].join('\n')}\n`)
        .digest('hex');
      shell.type(`md5sum < ~/typed-${part}\r`);
      await shell.shows(sum);
    },
  );

  test('sing-box killed: the tunnel comes back, the terminal never notices', async () => {
    const shell = await openShell();
    const before = await until('a tunnel runs', 30_000, () => tunnelPid(product, sandbox.id));
    const { attaches } = shell;
    process.kill(before, 'SIGKILL');
    await until('another tunnel runs', 30_000, async () => {
      const now = await tunnelPid(product, sandbox.id);
      return now !== null && now !== before;
    });
    shell.type('echo still $((20 + 22))\r');
    await shell.shows('still 42');
    expect(shell.attaches).toBe(attaches);
    await admin.reaches(sandbox.id, 'running');
  });
});

describe('power', () => {
  test('stop and start keep the home; the Claude conversation comes back', async () => {
    await admin.call('POST', `/api/sandboxes/${sandbox.id}/stop`);
    await admin.reaches(sandbox.id, 'stopped');
    expect(await tunnelPid(product, sandbox.id)).toBeNull();
    // How it is to run from now on is kept for the start.
    const options = { model: 'sonnet', effort: 'high', permissionMode: 'plan' } as const;
    await admin.mutate('sessions.setOptions', { id: await claudeSession(), ...options });
    await admin.call('POST', `/api/sandboxes/${sandbox.id}/start`);
    await admin.reaches(sandbox.id, 'running');
    const claude = open(await claudeSession());
    await claude.shows('● the quick brown fox');
    await claude.shows('plan mode on');
    claude.type('say as I was told\r');
    await claude.shows('● as I was told');
    const asked: { body: string }[] = await (await fetch(`${product.apiUrl}/scripted/requests`)).json();
    const last = asked.map((it) => it.body).findLast((it) => it.includes('say as I was told'));
    expect(JSON.parse(last ?? '{}')).toMatchObject({
      ...{ model: expect.stringContaining('sonnet'), output_config: { effort: 'high' } },
    });
    const shell = await openShell();
    shell.type('cat ~/workspace/notes.txt\r');
    await shell.shows('written by a tool call');
  });

  test('a rebuild keeps the home and drops the rest', async () => {
    const before = await openShell();
    before.type('sudo touch /opt/outside-home && echo done\r');
    await before.shows(/^done/m);
    await admin.call('POST', `/api/sandboxes/${sandbox.id}/rebuild`);
    await until(
      'the rebuild has begun',
      20_000,
      async () => (await admin.sandbox(sandbox.id)).state === 'starting',
    );
    await admin.reaches(sandbox.id, 'running');
    const after = await openShell();
    after.type('ls /opt; cat ~/workspace/notes.txt\r');
    await after.shows('written by a tool call');
    expect(after.text()).not.toContain('outside-home\n');
  });

  test('an ended session stays ended, and its terminals are told', async () => {
    const session = await admin.openSession(sandbox.id, 'shell');
    const shell = open(session.id);
    await shell.shows(/[$%❯] ?$/m);
    await admin.call('DELETE', `/api/sessions/${session.id}`);
    await until('the terminal is closed as gone', 10_000, () => shell.closeCode === 4410);
    const again = open(session.id);
    await until('it stays ended', 10_000, () => again.closeCode === 4410);
  });

  test('a delete leaves no container, no volume, no tunnel', async () => {
    const made = await admin.createSandbox('short-lived');
    await admin.reaches(made.id, 'running');
    await admin.call('DELETE', `/api/sandboxes/${made.id}`);
    await admin.gone(made.id);
    expect(await lines('docker', ['ps', '-aq', '--filter', `label=${LABEL_SANDBOX}=${made.id}`])).toEqual([]);
    const volume = homeVolumeName(product.instance, made.id);
    expect(await lines('docker', ['volume', 'ls', '-q', '--filter', `name=${volume}`])).toEqual([]);
    expect(await tunnelPid(product, made.id)).toBeNull();
  });
});
