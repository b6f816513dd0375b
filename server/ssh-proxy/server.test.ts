// Log-ins, refusals and limits of the real proxy on a real database; its sandbox cannot be reached.
import { once } from 'node:events';
import { connect } from 'node:net';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../shared/errors';
import type { Scope as TokenScope } from '../../shared/scopes';
import { createThrottle, LOGIN_FAILURES_PER_NAME } from '../auth/throttle';
import type { Identity } from '../contracts';
import { newKeyPair } from '../gateway/key';
import { until } from '../gateway/testing/until';
import { createAccess } from '../services/sandboxes/access';
import { createSshKeys, type SshKeys } from '../services/ssh-keys/service';
import { openServiceTest, type ServiceTest } from '../services/testing';
import { createTokens, type Tokens } from '../services/tokens/service';
import {
  ATTEMPTS_MAX,
  CHANNELS_PER_CONNECTION,
  CONNECTIONS_PER_PERSON,
  REFUSALS_AUDITED,
  STRANGERS_PER_ADDRESS,
} from './limits';
import { createSshProxy, type SshProxy, type SshProxyOptions } from './server';
import { dial, run } from './testing/dial';

const LATE_MS = 20_000;
const BOX = 'sbox000000000001';
const OTHERS = 'sbox000000000002';
const HOST_KEY = newKeyPair('host');
const KEY = newKeyPair('ann@laptop');
let t: ServiceTest;
let options: SshProxyOptions;
let proxy: SshProxy;
let port: number;
let keys: SshKeys;
let tokens: Tokens;
let ann: Identity;
let ben: Identity;
let touched: string[];
const logged: string[] = [];

beforeAll(async () => {
  t = await openServiceTest();
  const { access } = createAccess(t.db);
  touched = [];
  const pino = (await import('pino')).default;
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  options = {
    ...{ db: t.db, audit: t.audit, sockets: t.sockets, access, log },
    ...{ host: '127.0.0.1', port: 0, hostKey: HOST_KEY.private, throttle: createThrottle(t) },
    connections: { get: () => Promise.reject(new AppError('agent_unreachable')) },
    activity: { touch: (id) => touched.push(id) },
    page: (id) => `http://gateway.test/sandboxes/${id}`,
  };
  proxy = createSshProxy(options);
  port = await proxy.start();
  keys = createSshKeys({ ...t, server: null });
  tokens = createTokens({ ...t, access });
  ann = await t.person('ann');
  ben = await t.person('ben');
  const size = { cpus: 1, memoryMb: 1024, pids: 512, timezone: 'UTC', locale: 'en_US.UTF-8' };
  const place = { image: 'x', hostname: 'box', hostKey: 'x', state: 'running' };
  for (const [id, who, name] of [
    [BOX, ann, 'box'],
    ['sbox000000000003', ann, 'twin'],
    ['sbox000000000004', ann, 'twin'],
    [OTHERS, ben, 'bens'],
  ] as const) {
    const workspaceId = await t.personalWorkspace(who);
    await t.db.sandbox.create({ data: { id, name, ownerId: who.userId, workspaceId, ...place, ...size } });
  }
  await keys.add(ann, { publicKey: KEY.public });
});
afterAll(async () => {
  await proxy.close();
  await t.close();
});

const withKey = (username = BOX, privateKey = KEY.private) => dial({ port, username, privateKey });
/** What somebody reads who runs a command. */
async function told(client: ssh2.Client) {
  const { code, err } = await run(client, 'true');
  client.end();
  return { code, err };
}
/** Unlike `once`, whatever error comes before. */
const closed = (client: ssh2.Client) => new Promise<void>((resolve) => client.once('close', () => resolve()));
const events = (type: string) => t.db.auditEvent.findMany({ where: { type }, orderBy: { at: 'asc' } });

describe('logs in', () => {
  test.each([
    ['ed25519', () => newKeyPair('x')],
    ['ecdsa', () => ssh2.utils.generateKeyPairSync('ecdsa', { bits: 384 })],
    ['rsa', () => ssh2.utils.generateKeyPairSync('rsa', { bits: 3072 })],
  ])('a registered %s key, which is then known as used', async (label, make) => {
    const pair = make();
    const { id } = await keys.add(ann, { publicKey: pair.public, label });
    (await withKey(BOX, pair.private)).end();
    expect((await keys.get(ann)).keys.find((it) => it.id === id)?.lastUsedAt).not.toBeNull();
    const last = (await events('auth.success')).at(-1);
    expect(last).toMatchObject({ actor: 'ann', message: `ann logged in over SSH with the key ${label}.` });
    expect(last?.userAgent).toMatch(/^SSH ssh2js/);
    await keys.remove(ann, id);
    await expect(withKey(BOX, pair.private)).rejects.toThrow(/authentication/);
  });

  test.each<[string, TokenScope[], string | null, RegExp]>([
    ['with both scopes', ['shells:write', 'shells:input'], null, /host agent does not answer/],
    ['bound to it', ['shells:write', 'shells:input'], BOX, /host agent does not answer/],
    ['bound to another', ['*'], 'sbox000000000003', /no sandbox of this name/],
    ['that may not type', ['shells:write'], null, /lacks the scope shells:input/],
    ['that may only type', ['shells:input'], null, /lacks the scope shells:write/],
  ])('a token %s', async (_name, scopes, sandboxId, words) => {
    const { token } = await tokens.create(ann, { label: 'x', scopes, sandboxId, ttlHours: null });
    const { err } = await told(await dial({ port, username: 'box', password: token }));
    // Of two boxes of that name the bound one is the other: by its id, it is not there.
    expect(err).toMatch(words);
  });
});

describe('refuses', () => {
  test('a key that nobody has registered, and writes that down without the user name', async () => {
    await expect(withKey('hunter2', newKeyPair('x').private)).rejects.toThrow(/authentication/);
    const last = await until('audited', LATE_MS, async () => (await events('auth.failed')).at(-1));
    expect(last).toMatchObject({
      actor: '(unknown)',
      message: 'A log-in over SSH failed: no registered key.',
    });
    expect(JSON.stringify(last)).not.toContain('hunter2');
  });

  test('a signature by another key', async () => {
    const other = ssh2.utils.parseKey(newKeyPair('x').private);
    const mine = ssh2.utils.parseKey(KEY.public);
    if (other instanceof Error || mine instanceof Error) throw new Error('no keys');
    // Shows ann's public key and signs with another.
    const forged = Object.assign(Object.create(other), { getPublicSSH: () => mine.getPublicSSH() });
    await expect(
      dial({
        ...{ port, username: BOX },
        // ssh2's types do not know that it takes a parsed key.
        authHandler: [{ type: 'publickey', username: BOX, key: forged } as never],
      }),
    ).rejects.toThrow(/authentication/);
    await until('it was judged', LATE_MS, () => logged.join('').includes('a wrong signature'));
  });

  test.each(['none', 'keyboard-interactive', 'hostbased'])('%s', async (type) => {
    const client = new ssh2.Client();
    const left: unknown[] = [];
    client.on('error', () => undefined);
    client.connect({
      ...{ host: '127.0.0.1', port, username: BOX, tryKeyboard: true },
      authHandler: ((methods: unknown, _partial: unknown, next: (it: unknown) => void) => {
        left.push(methods);
        if (left.length > 1) return next(false);
        const more = { username: BOX, prompt: () => undefined, key: KEY.private };
        next({ type, ...more, localHostname: 'x', localUsername: 'x' });
      }) as never, // ssh2's types know one overload of it.
    });
    await closed(client);
    expect(left.at(-1)).toEqual(['publickey', 'password']);
  });

  test("an account's password, a wrong token, and at last a right one", async () => {
    const { token } = await tokens.create(ann, {
      label: 'x',
      scopes: ['*'],
      sandboxId: null,
      ttlHours: null,
    });
    const wrong = `cct_${'x'.repeat(43)}`;
    for (const password of ['correct horse battery', ...Array(LOGIN_FAILURES_PER_NAME).fill(wrong)])
      await expect(dial({ port, username: 'guessed', password })).rejects.toThrow(/authentication/);
    await expect(dial({ port, username: 'guessed', password: token })).rejects.toThrow(/authentication/);
    // A flood fills no log.
    await until('the last is judged', LATE_MS, () => logged.join('').includes('too many attempts'));
    expect((await events('auth.failed')).length).toBe(REFUSALS_AUDITED);
    expect(logged.join('')).not.toMatch(/cct_x|correct horse/);
  });

  test('more tries than clients have keys', async () => {
    let tries = 0;
    const client = new ssh2.Client();
    client.on('error', () => undefined);
    client.connect({
      ...{ host: '127.0.0.1', port, username: BOX },
      authHandler: ((_methods: unknown, _partial: unknown, next: (it: unknown) => void) => {
        tries += 1;
        next({ type: 'none', username: BOX });
      }) as never, // As above.
    });
    await closed(client);
    expect(tries).toBe(ATTEMPTS_MAX + 1);
  });

  test('what is not there, what is somebody else’s, and two of one name, all alike', async () => {
    const seen = new Set<string>();
    for (const name of ['nothing', OTHERS, 'bens', 'twin']) {
      const { code, err } = await told(await withKey(name));
      expect(code).toBe(255);
      seen.add(err);
    }
    expect(seen.size).toBe(1);
    expect([...seen][0]).toMatch(/^cloud-claude: There is no sandbox of this name/);
  });

  test.each([
    ['stopped', /is stopped\. Start it at http:\/\/gateway\.test\/sandboxes\/sbox/],
    ['paused', /is paused\. Resume it at/],
    ['starting', /is starting\. Try again/],
  ])('a sandbox that is %s, saying what to do', async (state, words) => {
    await t.db.sandbox.update({ where: { id: BOX }, data: { state } });
    const { code, err } = await told(await withKey('box'));
    await t.db.sandbox.update({ where: { id: BOX }, data: { state: 'running' } });
    expect(code).toBe(255);
    expect(err).toMatch(words);
  });

  test('a user who is disabled, and says to one who has a password of somebody else’s what to do', async () => {
    const where = { id: ann.userId };
    await t.db.user.update({ where, data: { mustChangePassword: true } });
    expect((await told(await withKey())).err).toMatch(/password was made by somebody else/);
    await t.db.user.update({ where, data: { mustChangePassword: false, status: 'disabled' } });
    await expect(withKey()).rejects.toThrow(/authentication/);
    await t.db.user.update({ where, data: { status: 'active' } });
  });

  test('who says nothing', async () => {
    const quick = createSshProxy({ ...options, logInMs: 100 });
    const silent = connect(await quick.start(), '127.0.0.1');
    silent.resume();
    await once(silent, 'close');
    await quick.close();
  });

  test('forwards, X11 and an agent with what the protocol has for that', async () => {
    const client = await withKey();
    const refused = (call: (done: (error?: Error) => void) => void) =>
      new Promise<string>((resolve) => call((error) => resolve(String(error?.message))));
    expect(await refused((done) => client.forwardOut('127.0.0.1', 1, '127.0.0.1', 80, done))).toMatch(/open/);
    expect(await refused((done) => client.forwardIn('127.0.0.1', 0, done))).toMatch(/bind/);
    expect(await refused((done) => client.exec('true', { x11: true }, done))).toMatch(/X11/);
    client.end();
  });

  test.each([
    ['CBC', { cipher: ['aes128-cbc'] }],
    ['chacha20', { cipher: ['chacha20-poly1305@openssh.com'] }],
    ['SHA-1 MACs', { cipher: ['aes128-ctr'], hmac: ['hmac-sha1'] }],
    ['SHA-1 key exchange', { kex: ['diffie-hellman-group14-sha1'] }],
  ])('%s', async (_name, algorithms) => {
    const config = { port, username: BOX, privateKey: KEY.private };
    // The lists above are ssh2's own words.
    await expect(dial({ ...config, algorithms: algorithms as never })).rejects.toThrow(/no matching/);
  });
});

test('an address that is taken is told by the name of its setting', async () => {
  const second = createSshProxy({ ...options, port });
  await expect(second.start()).rejects.toThrow(
    /^SSH_PROXY_ADDR: 127\.0\.0\.1:\d+ cannot be taken \(EADDRINUSE\)/,
  );
  await second.close();
});

describe('bounds', () => {
  test('strangers of one address', async () => {
    await until('the others are gone', LATE_MS, () => proxy.count() === 0);
    const sockets = Array.from({ length: STRANGERS_PER_ADDRESS }, () => connect(port, '127.0.0.1'));
    await Promise.all(sockets.map((it) => once(it, 'data')));
    const late = connect(port, '127.0.0.1');
    late.on('error', () => undefined);
    await once(late, 'close');
    for (const it of sockets) it.destroy();
    await until('there is room again', LATE_MS, () => withKey().then((it) => it.end() && true));
  });

  test('connections of one person, and channels of one connection', async () => {
    const clients: ssh2.Client[] = [];
    while (clients.length < CONNECTIONS_PER_PERSON) clients.push(await withKey());
    expect((await told(await withKey())).err).toMatch(/connections open\. Close one first/);
    const [one] = clients;
    let refused = 0;
    const channels = Array.from(
      { length: CHANNELS_PER_CONNECTION + 1 },
      () =>
        new Promise<void>((resolve) => {
          one?.exec('true', (error) => {
            if (error) refused += 1;
            resolve();
          });
        }),
    );
    await Promise.all(channels);
    expect(refused).toBe(1);
    for (const it of clients) it.end();
    await until('all are gone', LATE_MS, () => proxy.count() === 0);
    expect(t.sockets.size).toBe(0);
    expect(touched).toEqual([]);
  });
});
