// From a session to who answers it: a real database, the real proxy, real upstreams.
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer as createNet } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Scope } from '../../../shared/lifecycle';
import { createSecretBox } from '../../auth/secret-box';
import type { Identity } from '../../contracts';
import { type AnthropicProxy, createAnthropicProxy } from '../../gateway/anthropic-proxy';
import { createDialer } from '../../gateway/upstreams';
import type { Reach } from '../../outbound/addresses';
import { openServiceTest, type ServiceTest } from '../testing';
import { probeUpstream } from './probe';
import { createProviderRefs } from './refs';
import { createProviderSecrets } from './secrets';
import { createProviders, type Providers } from './service';
import { createSessionUpstreams, OAUTH_BETA, type SessionUpstreams } from './upstreams';

const BOX = 'sproviders000001';
const GATEWAY_KEY = 'sk-ant-api03-of-the-gateway';
const [API_KEY, OAUTH, VENDOR] = ['sk-ant-api03-of-ann', 'sk-ant-oat01-of-ann', 'vendor-key-of-ann'];
let scope = new Scope();
let t: ServiceTest;
let ann: Identity;
let eve: Identity;
let root: Identity;
let providers: Providers;
let upstreams: SessionUpstreams;
let proxy: AnthropicProxy;
let entry: number;
let anthropic: Recorded;
let vendor: Recorded;
const logged: string[] = [];

interface Recorded {
  url: string;
  seen: { path: string; headers: IncomingHttpHeaders; body: string }[];
  /** Status, headers and body of the next answers. */
  answer: [number, Record<string, string>, string];
}
async function record(): Promise<Recorded> {
  const recorded: Recorded = {
    url: '',
    seen: [],
    answer: [200, { 'content-type': 'application/json' }, '{}'],
  };
  const server = createHttp(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { url = '', headers } = request;
    recorded.seen.push({ path: url, headers, body: String(Buffer.concat(chunks)) });
    const [status, answerHeaders, body] = recorded.answer;
    response.writeHead(status, answerHeaders).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.add('upstream', server, (it) => {
    it.closeAllConnections();
    it.close();
  });
  // A TCP server has this shape.
  return Object.assign(recorded, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

beforeEach(async () => {
  t = scope.own('services', await openServiceTest());
  [ann, eve, root] = [await t.person('ann'), await t.person('eve'), await t.person('root', 'admin')];
  [anthropic, vendor] = [await record(), await record()];
  await setUp('private');
  await t.db.sandbox.create({
    data: {
      ...{ id: BOX, workspaceId: await t.personalWorkspace(ann), ownerId: ann.userId, name: 'box' },
      ...{ state: 'running', image: 'i', hostname: 'box', cpus: 1, memoryMb: 1024, pids: 512 },
      ...{ timezone: 'UTC', locale: 'en_US.UTF-8' },
    },
  });
});
afterEach(async () => {
  await scope.close();
  scope = new Scope();
  logged.length = 0;
});

async function setUp(reach: Reach): Promise<void> {
  const masterKey = randomBytes(32);
  const log = pino({ level: 'trace' }, { write: (line) => logged.push(line) });
  const refs = createProviderRefs({ db: t.db, gatewayKey: true });
  const secrets = createProviderSecrets(createSecretBox(Buffer.from(masterKey)));
  proxy = scope.own(
    'proxy',
    createAnthropicProxy({
      ...{ masterKey, log, apiKey: GATEWAY_KEY, baseUrl: anthropic.url },
      sessionUpstream: (place) => upstreams.of(place),
    }),
  );
  upstreams = createSessionUpstreams({
    ...{ db: t.db, secrets, refs, own: proxy.upstream, baseUrl: anthropic.url, reach },
  });
  const dialer = scope.own('dialer', createDialer());
  providers = createProviders({
    ...{ db: t.db, live: t.live, audit: t.audit, refs, secrets, gatewayKey: true },
    checkBaseUrl: async () => undefined,
    changed: () => upstreams.forget(),
    probe: (row, model) => {
      const upstream = row === null ? proxy.upstream : upstreams.ofRow(row);
      if (!upstream) throw new Error('no upstream');
      return probeUpstream(dialer, upstream, model);
    },
  });
  const server = createNet((socket) => proxy.serve(BOX, socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.add('entry', server, (it) => {
    it.close();
  });
  entry = (server.address() as AddressInfo).port; // a TCP server
}

const ownedBy = (who: Identity) => ({
  key: () => providers.create(who, { kind: 'api_key', label: 'Key', secret: API_KEY, shared: false }),
  oauth: () => providers.create(who, { kind: 'oauth_token', label: 'Token', secret: OAUTH, shared: false }),
  compatible: (more: object = {}) =>
    providers.create(who, {
      ...{ kind: 'compatible', label: 'Vendor', secret: VENDOR, shared: false, auth: 'bearer' },
      ...{ baseUrl: `${vendor.url}/anthropic`, modelMap: {} },
      ...more,
    }),
});

async function session(providerId: string | null): Promise<string> {
  const id = randomUUID();
  await t.db.session.create({
    data: {
      ...{ id, sandboxId: BOX, kind: 'claude', name: 'C', workdir: '/', state: 'running' },
      createdById: ann.userId,
      providerId,
    },
  });
  return id;
}
const tokenOf = (id: string) => /TOKEN=(.*)/.exec(proxy.sessionEnv(BOX, id))?.[1] ?? '';

/** As Claude Code in the session would ask. */
async function ask(id: string, body: object = {}, token = tokenOf(id)) {
  const text = JSON.stringify(body);
  const headers = {
    ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...{ 'content-length': String(text.length), 'anthropic-beta': 'one' },
  };
  const request = httpRequest({
    port: entry,
    path: `/s/${id}/v1/messages?beta=true`,
    method: 'POST',
    headers,
    agent: false,
  });
  request.end(text);
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return { status: Number(response.statusCode), text: String(Buffer.concat(chunks)) };
}
const credentials = ({ headers }: { headers: IncomingHttpHeaders }) => [
  headers['x-api-key'],
  headers.authorization,
];

test('each kind goes to its place with its own credential, and nothing else', async () => {
  const mine = ownedBy(ann);
  const kinds = [
    [null, anthropic, [GATEWAY_KEY, undefined], '/v1/messages?beta=true'],
    ['gateway', anthropic, [GATEWAY_KEY, undefined], '/v1/messages?beta=true'],
    [(await mine.key()).id, anthropic, [API_KEY, undefined], '/v1/messages?beta=true'],
    [(await mine.oauth()).id, anthropic, [undefined, `Bearer ${OAUTH}`], '/v1/messages?beta=true'],
    [
      (await mine.compatible()).id,
      vendor,
      [undefined, `Bearer ${VENDOR}`],
      '/anthropic/v1/messages?beta=true',
    ],
    [
      (await mine.compatible({ auth: 'x-api-key' })).id,
      vendor,
      [VENDOR, undefined],
      '/anthropic/v1/messages?beta=true',
    ],
  ] as const;
  for (const [providerId, at, wanted, path] of kinds) {
    const id = await session(providerId);
    expect((await ask(id)).status).toBe(200);
    const request = at.seen.at(-1);
    expect(request && [credentials(request), request.path]).toEqual([wanted, path]);
    const oauth = wanted[1]?.includes(OAUTH);
    expect(request?.headers['anthropic-beta']).toBe(oauth ? `one,${OAUTH_BETA}` : 'one');
  }
  expect([anthropic.seen.length, vendor.seen.length]).toEqual([4, 2]);
});

test('models are mapped for the host that calls them otherwise, and only there', async () => {
  const { id: providerId } = await ownedBy(ann).compatible({
    modelMap: { 'claude-opus-5-5': 'vendor/large', '*': 'vendor/small' },
  });
  const id = await session(providerId);
  for (const [asked, got] of [
    ['claude-opus-5-5', 'vendor/large'],
    ['claude-opus-5-5[1m]', 'vendor/large'],
    ['claude-haiku-4-5', 'vendor/small'],
  ]) {
    await ask(id, { model: asked, x: 1 });
    expect(JSON.parse(vendor.seen.at(-1)?.body ?? '')).toEqual({ model: got, x: 1 });
  }
});

test('a switch takes hold with the next request', async () => {
  const [key, vendorId] = [(await ownedBy(ann).key()).id, (await ownedBy(ann).compatible()).id];
  const id = await session(key);
  await ask(id);
  await t.db.session.update({ where: { id }, data: { providerId: vendorId } });
  upstreams.forget();
  await ask(id);
  expect([anthropic.seen.length, vendor.seen.length]).toEqual([1, 1]);
});

test('nobody else’s account takes the place of one that is missing', async () => {
  const { id: key } = await ownedBy(ann).key();
  const refusals = [
    [await session('subscription'), /uses a Claude log-in/],
    [await session(randomUUID()), /was removed. Choose another one/],
    [await session((await ownedBy(eve).key()).id), /may not be used here/],
    [randomUUID(), /has ended/],
  ] as const;
  for (const [id, sentence] of refusals) {
    const { status, text } = await ask(id);
    expect([status, JSON.parse(text).error.type]).toEqual([401, 'authentication_error']);
    expect(text).toMatch(sentence);
  }
  const id = await session(key);
  await t.db.user.update({ where: { id: ann.userId }, data: { status: 'disabled' } });
  expect((await ask(id)).text).toMatch(/may not be used here any more/);
  await t.db.session.update({ where: { id }, data: { state: 'ended' } });
  upstreams.forget();
  expect((await ask(id)).text).toMatch(/has ended/);
  expect(anthropic.seen).toEqual([]);
});

test('a token is for its own session only', async () => {
  const [one, two] = [await session('gateway'), await session('gateway')];
  const sandboxes = /TOKEN=(.*)/.exec(proxy.env(BOX))?.[1] ?? '';
  for (const token of [tokenOf(two), sandboxes, GATEWAY_KEY, '', 'x'])
    expect(await ask(one, {}, token)).toMatchObject({ status: 401 });
  expect((await ask(one)).status).toBe(200);
  expect(anthropic.seen).toHaveLength(1);
});

test('a host that leads on is not followed, by nobody', async () => {
  const { id: providerId } = await ownedBy(ann).compatible();
  vendor.answer = [307, { location: `${anthropic.url}/v1/messages` }, ''];
  const { status, text } = await ask(await session(providerId));
  expect([status, text]).toEqual([502, expect.stringMatching(/leads on to another address \(HTTP 307\)/)]);
  const probed = await providers.probe(ann, { id: providerId });
  expect([probed.ok, probed.answer?.status, probed.message]).toEqual([
    false,
    307,
    expect.stringMatching(/another address/),
  ]);
  expect(anthropic.seen).toEqual([]);
});

test('a host inside is not dialled, whatever its name said when it was given', async () => {
  await setUp('public');
  const { port } = new URL(vendor.url);
  // `localhost` stands for a name that its owner has led inside since.
  for (const host of ['localhost', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '0x7f.1', '169.254.169.254']) {
    const { id: providerId } = await ownedBy(ann).compatible({ baseUrl: `http://${host}:${port}` });
    expect((await ask(await session(providerId))).status).toBe(502);
    expect(await providers.probe(ann, { id: providerId })).toMatchObject({
      ...{ ok: false, answer: null, message: 'This host is not on the public Internet.' },
    });
    await t.db.provider.delete({ where: { id: providerId } });
  }
  expect(vendor.seen).toEqual([]);
});

test('a probe shows its request with the key masked, and what came back', async () => {
  const { id } = await ownedBy(ann).compatible({ modelMap: { '*': 'vendor/small' } });
  // A host that says the key back, across the place where what is shown ends.
  vendor.answer = [401, {}, `${'x'.repeat(4096 - 8)}${VENDOR} and again ${VENDOR}`];
  const probed = await providers.probe(ann, { id });
  expect(probed).toMatchObject({ ok: false, message: 'The key was refused.', answer: { status: 401 } });
  expect(probed.request).toMatchObject({ method: 'POST', url: `${vendor.url}/anthropic/v1/messages` });
  expect(Object.fromEntries(probed.request.headers)).toMatchObject({
    authorization: 'Bearer ….ann'.replace('.', '-'),
  });
  expect(JSON.parse(probed.request.body)).toMatchObject({ model: 'vendor/small', max_tokens: 1 });
  expect(JSON.stringify(probed)).not.toMatch(/vendor-key|vendor-k/);
  expect(credentials(vendor.seen[0] ?? { headers: {} })).toEqual([undefined, `Bearer ${VENDOR}`]);
  const oauth = await providers.probe(ann, { id: (await ownedBy(ann).oauth()).id, model: 'claude-opus-5-5' });
  expect(JSON.parse(oauth.request.body)).toMatchObject({
    model: 'claude-opus-5-5',
    system: expect.stringContaining('Claude Code'),
  });
  expect(oauth).toMatchObject({ ok: true, message: 'It answered.' });
  expect(JSON.stringify([oauth, logged])).not.toContain(OAUTH);
});

test('keys lie encrypted, are never shown, and are for their owner', async () => {
  const { id } = await ownedBy(ann).key();
  const stored = JSON.stringify([
    await t.db.provider.findMany(),
    await t.db.auditEvent.findMany(),
    await t.db.liveEvent.findMany(),
  ]);
  expect(stored).not.toContain(API_KEY);
  expect(JSON.stringify(await providers.list(ann))).not.toContain(API_KEY);
  expect((await providers.list(ann)).map((it) => [it.id, it.isDefault, it.hint])).toEqual([
    ['gateway', true, null],
    ['subscription', false, null],
    [id, false, '…-ann'],
  ]);
  expect((await providers.list(eve)).map((it) => it.id)).toEqual(['gateway', 'subscription']);
  for (const other of [eve, root]) {
    await expect(providers.requireUsable(other, id)).rejects.toMatchObject({
      code: 'not_found',
      field: 'providerId',
    });
    await expect(providers.probe(other, { id })).rejects.toMatchObject({ code: 'not_found' });
    await expect(providers.update(other, { id, label: 'x' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(providers.remove(other, id)).rejects.toMatchObject({ code: 'not_found' });
  }
});

test('a key goes to the host that it was given for', async () => {
  const { id } = await ownedBy(ann).compatible();
  const elsewhere = { id, baseUrl: `${anthropic.url}/x` };
  await expect(providers.update(ann, elsewhere)).rejects.toMatchObject({
    code: 'invalid_input',
    field: 'secret',
  });
  await providers.update(ann, { ...elsewhere, secret: 'another-key' });
  await ask(await session(id));
  expect(anthropic.seen.map(credentials)).toEqual([[undefined, 'Bearer another-key']]);
  const { id: key } = await ownedBy(ann).key();
  await expect(
    providers.update(ann, { id: key, baseUrl: vendor.url, secret: 'another-key' }),
  ).rejects.toMatchObject({
    code: 'invalid_input',
  });
});

test('administrators share; who is none any more changes nothing that everybody uses', async () => {
  const shared = { kind: 'api_key', label: 'Shared', secret: API_KEY, shared: true } as const;
  await expect(providers.create(eve, shared)).rejects.toMatchObject({ code: 'forbidden' });
  const { id } = await providers.create(root, shared);
  await providers.requireUsable(eve, id);
  expect((await ask(await session(id))).status).toBe(200);
  await expect(providers.update(eve, { id, label: 'x' })).rejects.toMatchObject({ code: 'forbidden' });
  const before: Identity = { ...root, role: 'user' };
  await expect(providers.update(before, { id, secret: 'another-key' })).rejects.toMatchObject({
    code: 'forbidden',
  });
  await expect(providers.update(before, { id, shared: true })).rejects.toMatchObject({ code: 'forbidden' });
  expect(await providers.update(before, { id, shared: false })).toMatchObject({ shared: false, mine: true });
  expect((await ask(await session(id))).text).toMatch(/may not be used here any more/);
});

test('one that open sessions use stays, but for sessions of a workspace that one has left', async () => {
  const { id } = await ownedBy(ann).key();
  const open = await session(id);
  await expect(providers.remove(ann, id)).rejects.toMatchObject({
    ...{ code: 'conflict', message: 'Open sessions use it: C in box. Choose another provider there first.' },
  });
  await t.db.member.deleteMany({ where: { userId: ann.userId } });
  await providers.remove(ann, id);
  expect((await ask(open)).text).toMatch(/was removed/);
  expect(await t.auditTypes()).toEqual(['provider.created', 'provider.deleted']);
});

test('probes and providers of one person are bounded', async () => {
  const { id } = await ownedBy(ann).key();
  const probes = await Promise.allSettled(Array.from({ length: 6 }, () => providers.probe(ann, { id })));
  const refused = probes.filter((it) => it.status === 'rejected');
  expect(refused.map((it) => it.reason.code)).toEqual(Array(3).fill('too_many_requests'));
  expect((await providers.probe(ann, { id })).ok).toBe(true);
  for (let count = 1; count < 20; count += 1) await ownedBy(ann).key();
  await expect(ownedBy(ann).key()).rejects.toMatchObject({ code: 'limit_reached' });
});
