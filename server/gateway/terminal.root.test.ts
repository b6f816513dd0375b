import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Scope } from '../../shared/lifecycle';
import { TERMINAL_HIGH_WATER_BYTES } from '../../shared/limits';
import {
  ClientOp,
  decodeServer,
  encodeResize,
  frame,
  TERMINAL_SUBPROTOCOL,
} from '../../shared/terminal-frames';
import { PTY_WINDOW_BYTES } from './channel-stream';
import { type Box, startBox } from './testing/box';
import { identity, makeKey, SANDBOX_ID, startGateway, type TestGateway } from './testing/gateway';
import { type ClientOptions, TerminalClient } from './testing/terminal-client';
import { settles, until } from './testing/until';

/** For what only has to come, on a busy machine too. */
const SHOWN_MS = 20_000;
/** Ctrl-C is for people: 50 ms on a machine that does nothing else (bench/terminal). */
const CTRL_C_MS = 3_000;

const scope = new Scope();
let box: Box;
let gateway: TestGateway;
const clients: TerminalClient[] = [];

beforeAll(async () => {
  const key = await makeKey(scope);
  box = scope.add('box', await startBox(key.publicLine), (it) => it.remove());
  gateway = scope.own('gateway', await startGateway({ box, key }));
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  gateway.actAs(identity);
});
afterAll(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
});

function client(sessionId: string, options: Partial<ClientOptions> = {}): TerminalClient {
  const made = new TerminalClient({ port: gateway.port, sandboxId: SANDBOX_ID, sessionId, ...options });
  clients.push(made);
  return made;
}

async function shell(options: Partial<ClientOptions> = {}): Promise<TerminalClient> {
  const opened = await client(await gateway.session(), options).attach();
  await opened.waitFor('❯');
  return opened;
}

/** What tmux itself believes is on the screen. */
async function tmuxScreen(sessionId: string): Promise<string[]> {
  const name = `cc-${sessionId.replaceAll('-', '').slice(0, 16)}`;
  const text = await box.exec([
    'tmux',
    '-S',
    '/run/cloud-claude/tmux.sock',
    'capture-pane',
    '-p',
    '-t',
    `=${name}:`,
  ]);
  return text.split('\n');
}

const trimmed = (lines: string[]) => lines.join('\n').trimEnd();

test('history comes first, then the status, then output; screen and scrollback are those of the session', async () => {
  const first = await shell();
  first.type('seq 1 500; echo fin""ished\r');
  await first.waitFor('finished');
  const { sessionId } = first.options;

  const second = await client(sessionId).attach();
  await second.waitFor('finished');
  expect(second.order.slice(0, 3)).toEqual(['history', 'status', 'output']);
  await until(
    'same screen',
    SHOWN_MS,
    async () => trimmed(second.screen()) === trimmed(await tmuxScreen(sessionId)),
  );
  const numbers = second.everything().filter((line) => /^\d+$/.test(line));
  expect(numbers).toEqual(Array.from({ length: 500 }, (_, i) => String(i + 1)));
  // Also when it attaches again on top of what it has: the reset is in the history.
  second.cut();
  await second.attach();
  await second.waitFor('finished');
  expect(second.everything().filter((line) => /^\d+$/.test(line))).toEqual(numbers);
});

test('keys and characters reach the program as they were typed', async () => {
  // tmux reads keys: half a character it waits for no longer than escape-time. Raw bytes are tested on a pty without it.
  const controls = Array.from({ length: 26 }, (_, i) => i + 1);
  const typed = Buffer.concat([Buffer.from(controls), Buffer.from('aä€😀漢字~'.repeat(20))]);
  const terminal = await shell();
  terminal.type(`stty raw -echo; head -c ${typed.length} >bytes; stty sane; echo got""all\r`);
  await until('head runs', SHOWN_MS, () => box.exec(['pgrep', '-x', 'head']));
  for (const key of typed.toString()) terminal.type(key);
  await terminal.waitFor('gotall');
  const hex = (await box.exec(['od', '-An', '-v', '-tx1', '/home/claude/workspace/bytes'])).replaceAll(
    /\s/g,
    '',
  );
  expect(hex).toBe(typed.toString('hex'));
});

test('UTF-8 in the output is never broken, whatever the chunks', async () => {
  const terminal = await shell({ cols: 100 });
  terminal.type(`for i in {1..400}; do printf 'ä€😀漢字%s\\n' $i; done; echo e""nd\r`);
  await terminal.waitFor('end');
  const text = terminal.everything().join('\n');
  expect(text).not.toContain('\ufffd');
  expect(text).toContain('ä€😀漢字400');
});

test('a resize reaches the program; silly sizes are clamped', async () => {
  const terminal = await shell();
  terminal.resize(101, 31);
  // tmux hands a size to its panes a moment later.
  await until('the new size', SHOWN_MS, async () => {
    terminal.type('stty size\r');
    await terminal.waitFor(/^\d+ \d+$/);
    return terminal.screen().includes('31 101');
  });
  terminal.socket?.send(encodeResize(65_535, 65_535));
  await until('clamped', SHOWN_MS, async () => {
    const sizes = await box.exec([
      'tmux',
      '-S',
      '/run/cloud-claude/tmux.sock',
      'list-clients',
      '-F',
      '#{client_width} #{client_height}',
    ]);
    return sizes.includes('1000 500');
  });
});

test('a ping is answered with what it held', async () => {
  const terminal = await shell();
  const pong = once(terminal, 'pong');
  terminal.ping(Buffer.from('hello'));
  expect(Buffer.from((await pong)[0]).toString()).toBe('hello');
});

test('a browser that does not acknowledge stops its own flood only; memory is bounded', async () => {
  const flood = await shell({ acks: false });
  const other = await shell();
  flood.type('yes 0123456789012345678901234567890123456789012345678901234567890123456789\r');
  const connection = await gateway.connections.get(SANDBOX_ID);
  await settles(
    () => flood.outputBytes,
    (bytes) => bytes > TERMINAL_HIGH_WATER_BYTES / 2,
    () => connection.exec(['true']),
  );
  // What was sent: the water mark and at most one window above it.
  expect(flood.outputBytes).toBeLessThanOrEqual(TERMINAL_HIGH_WATER_BYTES + PTY_WINDOW_BYTES);
  other.type('echo still""here\r');
  await other.waitFor('stillhere', 2_000);
});

test('Ctrl-C in a flood reaches the prompt', async () => {
  const terminal = await shell();
  terminal.type('yes\r');
  await until('a flood', SHOWN_MS, () => terminal.outputBytes > 300_000);
  terminal.type('\x03');
  await terminal.waitFor('❯', CTRL_C_MS);
  terminal.type('echo al""ive\r');
  await terminal.waitFor('alive');
});

test('two viewers see one session and count each other', async () => {
  const first = await shell();
  const second = await client(first.options.sessionId).attach();
  expect(gateway.connections.viewers(first.options.sessionId)).toBe(2);
  await until('told', SHOWN_MS, () => first.statuses.some((it) => it.type === 'viewers' && it.viewers === 2));
  second.type('echo from""second\r');
  await first.waitFor('fromsecond');
  await second.close();
  await until('one left', SHOWN_MS, () => gateway.connections.viewers(first.options.sessionId) === 1);
});

test('typing over 50 connections that break at random: nothing lost, nothing doubled, the screen right', async () => {
  const terminal = await shell({ ledger: true });
  const { sessionId } = terminal.options;
  terminal.type('stty -echo; cat >typed; stty echo; echo rea""dy\r');
  await until('cat runs', SHOWN_MS, () => box.exec(['pgrep', '-x', 'cat']));
  let line = 0;
  const total = 1500;
  const typing = setInterval(() => {
    for (let i = 0; i < 2 && line < total; i += 1) terminal.type(`line ${line++}\r`);
  }, 3);
  try {
    for (let i = 0; i < 50; i += 1) {
      const cutAt = Math.min(total, line + Math.random() * 40);
      await until('more was typed', SHOWN_MS, () => line >= cutAt);
      terminal.cut();
      // Half of them before the attach has come, as a bad network does.
      if (i % 2 === 0) await terminal.connect();
      else await terminal.attach();
    }
    await until('all typed', 20_000, () => line === total);
  } finally {
    clearInterval(typing);
  }
  terminal.type('\x04');
  await terminal.waitFor('ready');
  await until('all confirmed', SHOWN_MS, () => terminal.unconfirmedBytes === 0);
  const typed = await box.exec(['cat', '/home/claude/workspace/typed']);
  expect(typed.split('\n').slice(0, -1)).toEqual(Array.from({ length: total }, (_, i) => `line ${i}`));
  await until(
    'the screen is right',
    SHOWN_MS,
    async () => trimmed(terminal.screen()) === trimmed(await tmuxScreen(sessionId)),
  );
});

test('the same terminal on a new socket takes over from the one that was not yet seen to be dead', async () => {
  const terminal = await shell({ ledger: true });
  const old = terminal.socket;
  const closed = once(old ?? terminal, 'close');
  await terminal.attach();
  expect((await closed)[0]).toBe(4409);
  terminal.type('echo on""ce\r');
  await terminal.waitFor('once');
});

test('when the way to the sandbox is cut it says so and attaches again by itself; input goes on', async () => {
  const terminal = await shell({ ledger: true });
  terminal.type('seq 1 100; stty -echo; cat >through; stty echo\r');
  await until('cat runs', SHOWN_MS, () => box.exec(['pgrep', '-x', 'cat']));
  for (let cut = 0; cut < 3; cut += 1) {
    terminal.type(`before ${cut}\r`);
    await until('confirmed', SHOWN_MS, () => terminal.unconfirmedBytes === 0);
    const again = once(terminal, 'status');
    box.cut();
    expect((await again)[0].type).toBe('reconnecting');
    terminal.type(`while ${cut}\r`);
    await until(
      'attached again',
      SHOWN_MS,
      () => terminal.statuses.filter((it) => it.type === 'attached').length === cut + 2,
    );
  }
  terminal.type('\x04echo thr""ough\r');
  await terminal.waitFor('through');
  const typed = await box.exec(['cat', '/home/claude/workspace/through']);
  expect(typed.split('\n').slice(0, -1)).toEqual(
    [0, 1, 2].flatMap((cut) => [`before ${cut}`, `while ${cut}`]),
  );
  expect(terminal.closeCode).toBeNull();
  await until('one way', 2_000, () => terminal.everything().filter((it) => it === '50').length === 1);
});

test('the end of a session: status with its exit code, 4410, the row; opening it again says the same', async () => {
  const terminal = await shell();
  const { sessionId } = terminal.options;
  const closed = once(terminal, 'closed');
  terminal.type('exit 7\r');
  expect((await closed)[0]).toBe(4410);
  expect(terminal.statuses.at(-1)).toMatchObject({ type: 'ended', exitCode: 7 });
  const row = await gateway.db.session.findUniqueOrThrow({ where: { id: sessionId } });
  expect(row).toMatchObject({ state: 'ended', exitCode: 7 });
  expect(gateway.recorded.entries.at(-1)).toMatchObject({ type: 'session.end' });
  expect(await closeCode({ sessionId })).toBe(4410);
});

test('close codes say why', async () => {
  const sessionId = await gateway.session();
  expect(await closeCode({ sessionId, sandboxId: 'sgatewaytest0009' })).toBe(4404);
  expect(await closeCode({ sessionId: randomUUID() })).toBe(4404);
  expect(await closeCode({ sessionId, protocol: 'other' })).toBe(4400);
  gateway.actAs({ ...identity, userId: 'u2' });
  expect(await closeCode({ sessionId })).toBe(4403);
  gateway.actAs(identity);
  expect(await closeCode({ sessionId: await gateway.session({ workdir: '/no/such/folder' }) })).toBe(4409);
  const text = await client(sessionId).attach();
  const closed = once(text, 'closed');
  text.socket?.send('a text message');
  expect((await closed)[0]).toBe(4400);
  await gateway.db.sandbox.update({ where: { id: SANDBOX_ID }, data: { state: 'stopped' } });
  gateway.connections.drop(SANDBOX_ID, 'test');
  expect(await closeCode({ sessionId })).toBe(4409);
  await gateway.db.sandbox.update({ where: { id: SANDBOX_ID }, data: { state: 'running' } });
});

test('a revoked credential closes its terminals within a second, and they stop at once', async () => {
  const terminal = await shell();
  const closed = once(terminal, 'closed');
  const started = performance.now();
  gateway.sockets.closeCredential(identity.credentialId);
  expect((await closed)[0]).toBe(4401);
  expect(performance.now() - started).toBeLessThan(1_000);
  expect(gateway.sockets.size).toBe(0);
  const left = await shell();
  expect(gateway.sockets.size).toBe(1);
  left.socket?.terminate();
  await until('forgotten', 2_000, () => gateway.sockets.size === 0);
});

test('a pasted megabyte arrives whole', async () => {
  const terminal = await shell();
  const text = `${randomBytes(524_288).toString('hex')}\n`;
  terminal.type(`stty raw -echo; head -c ${text.length} | sha256sum; stty sane\r`);
  await until('head runs', SHOWN_MS, () => box.exec(['pgrep', '-x', 'head']));
  terminal.type(text.slice(0, 600_000));
  terminal.type(text.slice(600_000));
  const { createHash } = await import('node:crypto');
  await terminal.waitFor(createHash('sha256').update(text).digest('hex').slice(0, 40), 20_000);
});

/** Opens a socket that is expected to be refused; its close code. */
async function closeCode(options: {
  sessionId: string;
  sandboxId?: string;
  protocol?: string;
}): Promise<number> {
  const { sessionId, sandboxId = SANDBOX_ID, protocol = TERMINAL_SUBPROTOCOL } = options;
  const url = `ws://127.0.0.1:${gateway.port}/ws/sandboxes/${sandboxId}/terminal?session=${sessionId}`;
  const socket = new WebSocket(url, protocol === TERMINAL_SUBPROTOCOL ? [protocol] : []);
  socket.on('message', (data: Buffer) => decodeServer(data));
  socket.on('open', () => socket.send(frame(ClientOp.ping, Buffer.alloc(0))));
  const [code] = await once(socket, 'close');
  return code;
}
