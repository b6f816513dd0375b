// The real OpenSSH client through the proxy into a real sandbox.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ClientChannel } from 'ssh2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import { withWindow } from '../gateway/ssh-internals';
import { identity, SANDBOX_ID } from '../gateway/testing/gateway';
import { settles, until } from '../gateway/testing/until';
import { createSshProxy } from './server';
import { dial, run } from './testing/dial';
import { call, type Scene, startScene } from './testing/scene';

const LATE_MS = 30_000;
const BIG_BYTES = 8 * 1024 * 1024;
const scope = new Scope();
let scene: Scene;
let keyId: string;
beforeAll(async () => {
  scene = await startScene(scope);
  keyId = await scene.addKey();
});
afterAll(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
});

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const asSelf = async () => ({
  ...{ port: scene.port, username: SANDBOX_ID },
  privateKey: await readFile(join(scene.folder, 'id'), 'utf8'),
});
/** A connection with a program that has said it runs. In an object: a promise would be waited for. */
async function hold(command = 'echo here; cat', options: string[] = []) {
  const held = scene.ssh([command], { input: null, options });
  const { stdout } = held.child;
  if (!stdout) throw new Error('no pipe');
  await once(stdout, 'data');
  return { held };
}

test('a command: both outputs, input to its end, exit code, signal, and harmless variables only', async () => {
  const ran = await scene.ssh(['cat; echo heard >&2; echo "$USER"; exit 7'], { input: 'said\n' });
  expect(ran).toMatchObject({ code: 7, stderr: 'heard\n' });
  expect(ran.stdout.toString()).toBe('said\nclaude\n');
  const options = ['-o', 'SetEnv=LC_TEST=yes COLORTERM=truecolor LD_PRELOAD=/evil CC_X=1', '-vv'];
  const env = await scene.ssh(['env; kill -TERM $$'], { options, user: 'box' });
  expect(env.code).toBe(255);
  expect(env.stderr).toMatch(/client_input_channel_req:.*exit-signal/);
  // OpenSSH counts anew after each key exchange when that is strict.
  expect(env.stderr).toContain('resetting send seqnr');
  const shown = env.stdout.toString();
  expect(shown).toMatch(/^LC_TEST=yes$/m);
  expect(shown).toMatch(/^COLORTERM=truecolor$/m);
  expect(shown).not.toMatch(/evil|CC_X/);
});

test('a terminal: its size from the first line on, keys, signals, and the shell’s own end', async () => {
  const client = await dial(await asSelf());
  const shell = await new Promise<ClientChannel>((resolve, reject) =>
    client.shell({ term: 'xterm-256color', cols: 101, rows: 33 }, (error, it) =>
      error ? reject(error) : resolve(it),
    ),
  );
  let seen = '';
  shell.on('data', (it: Buffer) => {
    seen += it;
  });
  shell.write('stty size; echo T=$TERM\r');
  await until('its size', LATE_MS, () => /33 101\r\n/.test(seen) && seen.includes('T=xterm-256color'));
  shell.setWindow(40, 120, 0, 0);
  shell.write('stty size; stty -a\r');
  await until('its new size', LATE_MS, () => seen.includes('40 120') && / iutf8/.test(seen));
  shell.write('sleep 1000\r\x03');
  const over = once(shell, 'close');
  shell.write('echo after; exit 3\r');
  expect((await over)[0]).toBe(3);
  const killed = new Promise<unknown[]>((resolve, reject) =>
    client.exec('echo up; exec sleep 1000', (error, it) => {
      if (error) reject(error);
      it.once('data', () => it.signal('TERM'));
      it.once('exit', (...how: unknown[]) => resolve(how));
    }),
  );
  expect((await killed).slice(0, 2)).toEqual([null, 'SIGTERM']);
  expect((await run(client, 'exit 5')).code).toBe(5);
  client.end();
});

test('files by scp and sftp and a pipe, whole, also where the keys are changed on the way', async () => {
  const data = randomBytes(BIG_BYTES);
  const [from, back] = [join(scene.folder, 'from'), join(scene.folder, 'back')];
  await writeFile(from, data);
  const at = `scp://${SANDBOX_ID}@127.0.0.1:${scene.port}/workspace/big%20file`;
  const rekey = ['-o', 'RekeyLimit=3M'];
  expect(await call('scp', [...scene.flags, ...rekey, from, at])).toMatchObject({ code: 0, stderr: '' });
  expect(await call('scp', [...scene.flags, ...rekey, at, back])).toMatchObject({ code: 0, stderr: '' });
  expect(sha256(await readFile(back))).toBe(sha256(data));
  // Both outputs share a window, which each of them fills alone.
  const both = data.subarray(0, 3 * 1024 * 1024).toString('base64');
  const piped = await scene.ssh(['tee /dev/stderr'], { input: both });
  expect([sha256(piped.stdout), sha256(Buffer.from(piped.stderr))]).toEqual(
    Array(2).fill(sha256(Buffer.from(both))),
  );
  expect(await scene.box.exec(['ls', 'workspace'])).toContain('big file');
});

test('git over ssh', async () => {
  await scene.box.exec(['git', 'init', '-q', '--bare', 'project.git']);
  const repo = join(scene.folder, 'repo');
  const ssh = ['ssh', ...scene.flags].join(' ');
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
  const git = (...args: string[]) => call('git', ['-c', `core.sshCommand=${ssh}`, ...who, ...args]);
  const url = `ssh://${SANDBOX_ID}@127.0.0.1:${scene.port}/~/project.git`;
  await git('init', '-q', repo);
  await git('-C', repo, 'commit', '-q', '--allow-empty', '-m', 'first');
  expect(await git('-C', repo, 'push', '-q', url, 'HEAD:main')).toMatchObject({ code: 0, stderr: '' });
  expect(await scene.box.exec(['git', '-C', 'project.git', 'log', '--format=%s', 'main'])).toBe('first\n');
});

/** 1 MiB each: windows, pipes and socket buffers hold some 10. */
const CHUNKS = 32;
const CHUNKS_UNDER_WAY = 16;
const CHUNK_BYTES = 1024 * 1024;
const writesTo = (file: string) =>
  `i=0; while [ $i -lt ${CHUNKS} ]; do head -c ${CHUNK_BYTES} /dev/zero; i=$((i+1)); echo $i >${file}; done`;

test('who reads slowly is waited for, also who says that there is room and does not read at all', async () => {
  const other = await dial(await asSelf());
  const stuck = async (file: string) => {
    let last = 0;
    const isThere = (it: number) => it > 0;
    return settles(
      () => last,
      isThere,
      async () => {
        last = Number((await run(other, `cat ${file}`)).out);
      },
    );
  };
  const held = scene.ssh([writesTo('slow')]);
  held.child.stdout?.pause();
  expect(await stuck('slow')).toBeLessThan(CHUNKS_UNDER_WAY);
  held.child.stdout?.resume();
  expect((await held).stdout.length).toBe(CHUNKS * CHUNK_BYTES);

  const liar = await dial(await asSelf());
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    const opened = (error: Error | undefined, it: ClientChannel) => (error ? reject(error) : resolve(it));
    withWindow(liar, 2 ** 31 - 1, () => liar.exec(writesTo('liar'), opened));
  });
  // ssh2 does not offer its socket.
  const { _sock: socket } = liar as unknown as { _sock: Socket };
  socket.pause();
  expect(await stuck('liar')).toBeLessThan(CHUNKS_UNDER_WAY);
  let got = 0;
  channel.on('data', (it: Buffer) => {
    got += it.length;
  });
  const over = once(channel, 'close');
  socket.resume();
  await over;
  expect(got).toBe(CHUNKS * CHUNK_BYTES);
  liar.end();
  other.end();
});

test('who lets too much wait is ended', async () => {
  const narrow = createSshProxy({ ...scene.proxyOptions, bufferedBytes: 1024 * 1024 });
  const client = await dial({ ...(await asSelf()), port: await narrow.start() });
  const unread = run(client, 'sleep 1000', Buffer.alloc(BIG_BYTES));
  expect(await unread).toMatchObject({ code: 255, err: expect.stringContaining('waits to be read') });
  await narrow.close();
});

test('clients that die in the middle of a flood leave nothing', async () => {
  const floods = Array.from({ length: 4 }, (_, i) => hold(i % 2 === 0 ? 'echo here; yes' : 'echo here; cat'));
  for (const { held } of await Promise.all(floods)) {
    held.child.stdin?.write(Buffer.alloc(1024 * 1024));
    held.child.kill('SIGKILL');
    expect((await held).signal).toBe('SIGKILL');
  }
  await until('all is gone', LATE_MS, () => scene.proxy.count() === 0 && scene.sockets.size === 0);
});

test('ports and sockets of the sandbox here, and one of here there, on its loopback only', async () => {
  const mine = createServer((socket) => socket.end('of here')).listen(0, '127.0.0.1');
  await once(mine, 'listening');
  scope.add('server', mine, (it) => void it.close());
  const here = (mine.address() as { port: number }).port; // a TCP server
  const [tcp, unix] = [join(scene.folder, 'tcp'), join(scene.folder, 'unix')];
  const echo = `const n=require('net');const s=c=>c.pipe(c);n.createServer({allowHalfOpen:true},s).listen(9000,'127.0.0.1',()=>n.createServer({allowHalfOpen:true},s).listen('/tmp/echo.sock',()=>console.log('here')))`;
  const options = [
    '-L',
    `${tcp}:localhost:9000`,
    '-L',
    `${unix}:/tmp/echo.sock`,
    '-R',
    `9100:127.0.0.1:${here}`,
  ];
  options.push('-R', `/tmp/back.sock:127.0.0.1:${here}`, '-L', `${tcp}.none:localhost:9001`);
  const held = scene.ssh([`node -e "${echo}"`], { input: null, options });
  await once(held.child.stdout ?? held.child, 'data');
  const ask = async (path: string, say: Uint8Array) => {
    const socket: Socket = connect(path);
    socket.end(say);
    const said: Buffer[] = [];
    for await (const it of socket) said.push(it);
    return Buffer.concat(said);
  };
  const big = randomBytes(2 * 1024 * 1024);
  expect(sha256(await ask(tcp, big))).toBe(sha256(big));
  expect((await ask(unix, Buffer.from('by its path'))).toString()).toBe('by its path');
  // Nobody listens there.
  expect((await ask(`${tcp}.none`, Buffer.from('x')).catch(() => Buffer.alloc(0))).length).toBe(0);
  const dialled = "require('net').connect(process.argv[1]).on('error',()=>{}).pipe(process.stdout)";
  for (const at of ['9100', '/tmp/back.sock'])
    expect(await scene.box.exec(['node', '-e', dialled, at])).toBe('of here');
  held.child.kill();
  await held;
  await until('its listeners are gone', LATE_MS, async () => {
    return (await scene.box.exec(['node', '-e', dialled, '9100'])) === '';
  });
  const wide = ['-o', 'ExitOnForwardFailure=yes', '-R', '0.0.0.0:9101:127.0.0.1:1'];
  const refused = await scene.ssh(['true'], { options: wide });
  expect(refused).toMatchObject({ code: 255 });
  expect(refused.stderr).toMatch(/remote port forwarding failed/);
});

test('what it came by ends it within a second, programs and all, and the audit log has it', async () => {
  const { db, sockets } = scene;
  const ends: [string, RegExp, () => Promise<unknown>][] = [
    [
      'the user is disabled',
      /may not log in any more/,
      async () => {
        await db.user.update({ where: { id: identity.userId }, data: { status: 'disabled' } });
        sockets.closeUser(identity.userId);
      },
    ],
    [
      'the membership is gone',
      /may not use this sandbox any more/,
      async () => {
        const member = { workspaceId_userId: { workspaceId: 'w1', userId: identity.userId } };
        await db.member.update({ where: member, data: { role: 'guest' } });
        await sockets.review(identity.userId);
        await db.member.update({ where: member, data: { role: 'owner' } });
      },
    ],
    ['the key is removed', /may not log in any more/, () => scene.keys.remove(identity, keyId)],
  ];
  for (const [, words, end] of ends) {
    await db.user.update({ where: { id: identity.userId }, data: { status: 'active' } });
    const { held } = await hold('echo here; exec sleep 7777', ['-tt']);
    const began = performance.now();
    await end();
    const { code, stderr } = await held;
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(code).toBe(255);
    expect(stderr).toMatch(words);
    await until('all is gone', LATE_MS, () => scene.proxy.count() === 0 && sockets.size === 0);
  }
  await db.user.update({ where: { id: identity.userId }, data: { status: 'active' } });
  expect((await scene.ssh(['true'])).code).toBe(255);
  keyId = await scene.addKey();
  expect((await scene.ssh(['true'])).code).toBe(0);
  await until('its programs are gone', LATE_MS, async () =>
    scene.box.exec(['pgrep', '-f', 'sleep 7777']).then(
      () => false,
      () => true,
    ),
  );
  await until('every begin has its end', LATE_MS, async () => {
    const [begun, over] = await Promise.all([scene.audits('ssh.begin'), scene.audits('ssh.end')]);
    return begun.length > 5 && begun.length === over.length;
  });
  const last = (await scene.audits('ssh.end')).at(-1);
  expect(last).toMatchObject({ actor: 'ada', targetId: SANDBOX_ID, target: 'box', address: '127.0.0.1' });
  await scene.gateway.activity.flush();
  const row = await db.sandbox.findUniqueOrThrow({ where: { id: SANDBOX_ID } });
  expect(row.lastActivityAt).not.toBeNull();
  expect(JSON.parse(last?.after ?? '{}')).toMatchObject({ via: 'ssh-key', received: expect.any(Number) });
});

test('the sandbox goes, and the gateway', async () => {
  const { held } = await hold();
  scene.gateway.connections.drop(SANDBOX_ID, 'test');
  expect(await held).toMatchObject({ code: 255, stderr: expect.stringContaining('has ended') });
  // Who does not read is ended as well.
  const [{ held: last }, { held: deaf }] = await Promise.all([hold(), hold('echo here; yes')]);
  deaf.child.stdout?.pause();
  await scene.proxy.close();
  deaf.child.stdout?.resume();
  expect((await deaf).code).toBe(255);
  expect(await last).toMatchObject({ code: 255, stderr: expect.stringContaining('gateway is stopping') });
});
