import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import { type Box, startBox } from './testing/box';
import { makeKey, SANDBOX_ID, startGateway, type TestGateway } from './testing/gateway';
import { TerminalClient } from './testing/terminal-client';
import { until } from './testing/until';

/** The command lines of programs that wait: one on a pty, one for the history. */
const WAITS = 'cloud-claude/session wait';

const scope = new Scope();
let box: Box;
let gateway: TestGateway;
let key: Awaited<ReturnType<typeof makeKey>>;
const clients: TerminalClient[] = [];

beforeAll(async () => {
  key = await makeKey(scope);
  box = scope.add('box', await startBox(key.publicLine), (it) => it.remove());
  gateway = scope.own('gateway', await startGateway({ box, key }));
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});
afterAll(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
});

async function open(sessionId: string, size: { cols?: number; rows?: number } = {}): Promise<TerminalClient> {
  const client = new TerminalClient({ port: gateway.port, sandboxId: SANDBOX_ID, sessionId, ...size });
  clients.push(client);
  await client.attach();
  await client.waitFor('❯');
  return client;
}

/** Process ids of the programs that wait now, without what they fork. */
async function waiting(): Promise<string[]> {
  const rows = (await box.exec(['ps', '-eo', 'pid=,ppid=,args=']))
    .split('\n')
    .filter((row) => row.endsWith(WAITS))
    .map((row) => row.trim().split(/\s+/));
  const all = new Set(rows.map(([pid]) => pid));
  return rows.filter(([, parent]) => !all.has(parent)).flatMap(([pid]) => pid ?? []);
}

async function bothWait(): Promise<string[]> {
  return until(`two of ${WAITS}`, 10_000, async () => {
    const ids = await waiting();
    return ids.length === 2 && ids;
  });
}

test('an attach after the first takes the channels that wait, and others take their place', async () => {
  const session = await gateway.session();
  const first = await open(session);
  first.type('clear; seq 1 100\r');
  await first.waitFor(/^100$/);
  const before = await bothWait();

  // Words that a terminal would take for keys.
  const folder = "/home/claude/a b'\n\r\u0003";
  await box.exec(['mkdir', '-p', folder]);
  const other = await gateway.session({ workdir: folder });
  const taken = await open(other, { cols: 100, rows: 30 });
  // The very process that waited is its tmux now.
  const commands = await box.exec(['ps', '-ww', '-o', 'args=', '-p', before.join(',')]);
  expect(commands).toContain(`attach-session -t =cc-${other.replaceAll('-', '').slice(0, 16)}`);
  expect(taken.statuses.filter((it) => it.type === 'reconnecting')).toEqual([]);
  taken.type('clear; stty -a | grep -o "rows 30; columns 100"; stty -a | grep -ow icanon; pwd | wc -l\r');
  await taken.waitFor(/^2$/);
  expect(taken.screen().join('\n')).toMatch(/^rows 30; columns 100\nicanon\n2\n/m);

  expect(await bothWait()).not.toEqual(before);
  const again = await open(session);
  await again.waitFor(/^100$/);
  expect(again.everything()).toContain('42');
});

test('channels that died while they waited cost an attach nothing but time', async () => {
  const session = await gateway.session();
  await open(session);
  await bothWait();
  await box.exec(['pkill', '-9', '-f', WAITS]);
  await until('none waits', 10_000, async () => (await waiting()).length === 0);
  const opened = await open(session);
  opened.type('echo st""ill here\r');
  await opened.waitFor('still here');
  expect(opened.statuses.filter((it) => it.type === 'reconnecting')).toEqual([]);
  await bothWait();
});

test('a gateway that stops says first how much of the input has arrived', async () => {
  const own = await startGateway({ box, key });
  try {
    const session = await own.session();
    const options = { port: own.port, sandboxId: SANDBOX_ID, sessionId: session, ledger: true };
    const client = new TerminalClient(options);
    clients.push(client);
    await client.attach();
    await client.waitFor('❯');
    // The answer comes after the input was taken, and before sshd was asked for it.
    const answered = once(client, 'pong');
    client.type('x'.repeat(1000));
    client.ping(Buffer.of(1));
    await answered;
    await own.terminal.close();
    await until('the socket is closed', 10_000, () => client.closeCode !== null);
    expect([client.closeCode, client.unconfirmedBytes]).toEqual([1012, 0]);
  } finally {
    await own.close();
  }
});

test('a session that has ended is told by a channel that waited as by any other', async () => {
  const session = await gateway.session();
  const first = await open(session);
  await bothWait();
  await first.close();
  await box.exec(['/usr/local/lib/cloud-claude/session', 'end', session]);
  const late = new TerminalClient({ port: gateway.port, sandboxId: SANDBOX_ID, sessionId: session });
  clients.push(late);
  await late.connect();
  await until('it is told', 20_000, () => late.closeCode !== null);
  expect(late.closeCode).toBe(4410);
  expect(late.statuses.find((it) => it.type === 'ended')).toMatchObject({ exitCode: 0 });
});
