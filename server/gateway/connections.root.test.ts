import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import { SANDBOX_GATEWAY_SOCKET } from '../../shared/names';
import type { PooledConnection } from './connection';
import { type Box, startBox } from './testing/box';
import { identity, makeKey, SANDBOX_ID, startGateway, type TestGateway } from './testing/gateway';
import { settles, until } from './testing/until';
import { createUploads } from './uploads';

const scope = new Scope();
let box: Box;
let gateway: TestGateway;
let connection: PooledConnection;

beforeAll(async () => {
  const key = await makeKey(scope);
  box = scope.add('box', await startBox(key.publicLine), (it) => it.remove());
  gateway = scope.own('gateway', await startGateway({ box, key, apiKey: 'sk-ant-not-in-the-box' }));
  connection = await gateway.connections.get(SANDBOX_ID);
});
afterAll(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
});

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

test('exec: arguments are taken literally, bytes unharmed, the exit code told', async () => {
  const odd = ["it's", '$(id)', 'a b', '*', '\n', 'ä€😀', '', '-n', '"', '\\'];
  const echoed = await connection.exec(['printf', '[%s]', ...odd]);
  expect(echoed.stdout.toString()).toBe(odd.map((it) => `[${it}]`).join(''));
  const all = Buffer.concat(Array.from({ length: 4096 }, () => everyByte));
  const through = await connection.exec(['cat'], { input: all, maxBytes: all.length });
  expect(through.stdout.equals(all)).toBe(true);
  const failed = await connection.exec(['sh', '-c', 'echo wrong >&2; exit 9']);
  expect([failed.code, failed.stderr.toString()]).toEqual([9, 'wrong\n']);
});

test('exec: too much output and an aborted signal end the command', async () => {
  await expect(connection.exec(['yes'], { maxBytes: 10_000 })).rejects.toMatchObject({ code: 'too_large' });
  const abort = new AbortController();
  const sleeping = connection.exec(['sleep', '1000'], { signal: abort.signal });
  setImmediate(() => abort.abort());
  await expect(sleeping).rejects.toThrow();
  await until('nothing left over', 10_000, async () => !(await box.exec(['ps', 'ax'])).includes('yes'));
});

test('a pty carries all 256 byte values both ways, in the environment of the channel', async () => {
  const pty = await connection.shell(['sh', '-c', 'stty raw -echo; echo $TERM $COLORTERM $LANG; exec cat'], {
    cols: 80,
    rows: 24,
    term: 'xterm-256color',
  });
  let seen = Buffer.alloc(0);
  pty.on('data', (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
  });
  const hello = 'xterm-256color truecolor en_US.UTF-8\n';
  await until('started', 5_000, () => seen.length >= hello.length);
  expect(seen.toString()).toBe(hello);
  const sent = Buffer.concat(Array.from({ length: 2048 }, () => everyByte));
  pty.write(sent);
  await until('all back', 10_000, () => seen.length === hello.length + sent.length);
  expect(seen.subarray(hello.length).equals(sent)).toBe(true);
  pty.destroy();
  await once(pty, 'close');
});

test('a pty whose reader stops holds no more than its window', async () => {
  const { PTY_WINDOW_BYTES } = await import('./channel-stream');
  const pty = await connection.shell(['yes'], { cols: 80, rows: 24, term: 'xterm' });
  pty.pause();
  const size = await settles(
    () => pty.readableLength,
    (bytes) => bytes > 0,
    () => connection.exec(['true']),
  );
  expect(size).toBe(PTY_WINDOW_BYTES);
  let read = 0;
  pty.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  pty.resume();
  await until('it goes on', 10_000, () => read > 20 * PTY_WINDOW_BYTES);
  pty.destroy();
});

test('confirm: sshd has taken what was written before', async () => {
  const pty = await connection.shell(['sh', '-c', 'read line; echo "$line" >/tmp/confirmed; sleep 100'], {
    cols: 80,
    rows: 24,
    term: 'xterm',
  });
  pty.write('hello\r');
  await new Promise<void>((resolve) => pty.confirm(resolve));
  pty.destroy();
  await once(pty, 'close');
});

test('streams to a port and to a socket in the sandbox; both ends see the end', async () => {
  const socket = '/run/cloud-claude/echo.sock';
  const script = `
    const net = require('node:net');
    const echo = () => net.createServer({ allowHalfOpen: true }, (c) => c.pipe(c));
    echo().listen(7001, '127.0.0.1'); echo().listen('${socket}', () => console.log('up'));`;
  const server = await connection.shell(['node', '-e', script], { cols: 80, rows: 24, term: 'xterm' });
  await once(server, 'data');
  for (const open of [() => connection.tcp(7001), () => connection.unix(socket)]) {
    const stream = await open();
    const sent = randomBytes(3 * 1024 * 1024);
    const back = createHash('sha256');
    stream.on('data', (chunk) => back.update(chunk));
    stream.end(sent);
    await once(stream, 'close');
    expect(back.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
  }
  server.destroy();
  await expect(connection.tcp(7999)).rejects.toThrow();
});

test('provider.env and the way back are there after connecting; the key is not in the box', async () => {
  const env = await box.exec(['cat', '/home/claude/.cloud-claude/provider.env']);
  expect(env).toBe(gateway.proxy.env(SANDBOX_ID));
  expect(env).toContain('ANTHROPIC_BASE_URL=http://127.0.0.1:7878/proxy/anthropic');
  expect(env).not.toContain('sk-ant-not-in-the-box');
  expect(await box.exec(['stat', '-c', '%a', '/home/claude/.cloud-claude/provider.env'])).toBe('600\n');
  expect(await box.exec(['stat', '-c', '%U %a %F', SANDBOX_GATEWAY_SOCKET])).toBe('claude 600 socket\n');
});

test('channels that sshd refuses go over a second connection', async () => {
  // MaxSessions is 200 in the image; one more than that, beside what is open.
  const channels = await Promise.all(
    Array.from({ length: 205 }, () => connection.shell(['cat'], { cols: 80, rows: 24, term: 'xterm' })),
  );
  for (const channel of channels) {
    channel.on('data', () => undefined);
    channel.destroy();
  }
  await Promise.all(channels.map((it) => it.closed || once(it, 'close')));
  expect((await connection.exec(['echo', 'fine'])).stdout.toString()).toBe('fine\n');
});

test('another host key is refused', async () => {
  const other = ssh2.utils.generateKeyPairSync('ed25519').public;
  gateway.connections.drop(SANDBOX_ID, 'test');
  await gateway.db.sandbox.update({ where: { id: SANDBOX_ID }, data: { hostKey: other } });
  await expect(gateway.connections.get(SANDBOX_ID)).rejects.toMatchObject({ code: 'unavailable' });
  await gateway.db.sandbox.update({ where: { id: SANDBOX_ID }, data: { hostKey: box.hostKey } });
  connection = await gateway.connections.get(SANDBOX_ID);
});

test('a cut connection ends what is on it; a kept one comes back by itself with its way back', async () => {
  gateway.connections.start();
  const pty = await connection.shell(['cat'], { cols: 80, rows: 24, term: 'xterm' });
  const [closed, ended] = [once(pty.resume(), 'close'), connection.closed];
  const running = connection.exec(['sleep', '1000']);
  box.cut();
  await expect(running).rejects.toMatchObject({ code: 'unavailable' });
  await closed;
  await ended;
  await until('open again', 10_000, () => gateway.connections.peek(SANDBOX_ID));
  connection = await gateway.connections.get(SANDBOX_ID);
  expect(await box.exec(['stat', '-c', '%F', SANDBOX_GATEWAY_SOCKET])).toBe('socket\n');
});

test('uploads: bytes whole, odd names made safe, over the limit and cut short leave nothing', async () => {
  const upload = createUploads({
    db: gateway.db,
    audit: gateway.recorded.audit,
    access: async () => undefined,
    connections: gateway.connections,
    maxBytes: 3 * 1024 * 1024,
  });
  const send = (name: string, body: Buffer[], contentLength: number | null = Buffer.concat(body).length) =>
    upload({ identity, sandboxId: SANDBOX_ID, name, contentLength, body: Readable.from(body) });
  const bytes = randomBytes(2 * 1024 * 1024);
  const { path } = await send('photo ä€.png', [bytes.subarray(0, 1000), bytes.subarray(1000)], bytes.length);
  expect(path).toMatch(/^\/home\/claude\/\.cloud-claude\/uploads\/[^/]+\/photo_.*\.png$/);
  expect(await box.exec(['sha256sum', path])).toContain(createHash('sha256').update(bytes).digest('hex'));
  for (const name of ['../../../etc/passwd', '-rf', '.', '..', '$(touch x)', "a'b", 'x\ny', '/']) {
    const made = await send(name, [Buffer.from('x')]);
    expect(made.path).toMatch(/^\/home\/claude\/\.cloud-claude\/uploads\/[^/]+\/[^/.-][^/\n]*$/);
  }
  expect((await send('empty', [])).path).toMatch(/empty$/);
  const before = await box.exec(['sh', '-c', 'ls .cloud-claude/uploads | wc -l']);
  await expect(send('big', [bytes, bytes], 3_000_000)).rejects.toMatchObject({ code: 'too_large' });
  await expect(send('big', [], 4 * 1024 * 1024)).rejects.toMatchObject({ code: 'too_large' });
  await expect(send('short', [Buffer.from('half')], 1000)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(send('unsized', [Buffer.from('x')], null)).rejects.toMatchObject({ code: 'invalid_input' });
  await expect(send('', [])).rejects.toMatchObject({ code: 'invalid_input', field: 'name' });
  const cut = new Readable({ read: () => undefined });
  const sending = upload({ identity, sandboxId: SANDBOX_ID, name: 'cut', contentLength: 1000, body: cut });
  cut.push('half');
  setImmediate(() => cut.destroy());
  await expect(sending).rejects.toThrow();
  await until(
    'nothing is left of them',
    5_000,
    async () => (await box.exec(['sh', '-c', 'ls .cloud-claude/uploads | wc -l'])) === before,
  );
});
