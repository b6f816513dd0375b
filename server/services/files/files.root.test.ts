// Files of a real sandbox through the real REST routes: the helper in the image, the pooled SSH connection, streams.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as requestHttp, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toAppError } from '../../../shared/errors';
import type { FileList, FileText } from '../../../shared/files';
import { Scope } from '../../../shared/lifecycle';
import type { Identity } from '../../contracts';
import { type Box, startBox } from '../../gateway/testing/box';
import { identity, makeKey, SANDBOX_ID, startGateway, type TestGateway } from '../../gateway/testing/gateway';
import { errorBody } from '../../http/answer';
import { createRestApp } from '../../rest/base';
import { addFileRoutes } from '../../rest/files';
import { createPorts } from '../ports/service';
import { createFilesHelper } from './filesd';
import { createFiles } from './service';

const scope = new Scope();
let box: Box;
let gateway: TestGateway;
let server: Server;
let base = '';
let who: Identity = identity;
let ports: ReturnType<typeof createPorts>;

/** Of this very checkout: the newest on the machine may be another's. */
function presentImage(): string {
  const program = join(import.meta.dirname, '../../../setup/image.mjs');
  return execFileSync(process.execPath, [program], { encoding: 'utf8' }).trim().split('\n').at(-1) ?? '';
}

beforeAll(async () => {
  const key = await makeKey(scope);
  box = scope.add('box', await startBox(key.publicLine, presentImage()), (it) => it.remove());
  gateway = scope.add('gateway', await startGateway({ box, key }), (it) => it.close());
  const { db, log, access, connections, activity, recorded, sockets } = gateway;
  const helper = scope.own('helper', createFilesHelper({ connections, log }));
  const { audit } = recorded;
  const files = createFiles({ db, audit, access, helper, onActivity: (id) => activity.touch(id) });
  ports = createPorts({ access, helper });
  const list = async () => [{ id: SANDBOX_ID, can: { use: true } }];
  const app = createRestApp();
  // Only what these routes ask for.
  addFileRoutes(app, { services: { files, sandboxes: { list } } as never, sockets, report: () => undefined });
  app.onError((thrown, c) => {
    const error = toAppError(thrown);
    return c.json(errorBody(error, 'r'), error.entry.http as ContentfulStatusCode);
  });
  server = createServer((incoming, outgoing) => {
    const bindings = { incoming, outgoing, identity: who, requestId: 'r' };
    void getRequestListener((request) => app.fetch(request, bindings), { overrideGlobalObjects: false })(
      incoming,
      outgoing,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.add('server', server, (it) => {
    it.closeAllConnections();
    it.close();
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 120_000);
afterAll(() => scope.close());

const url = (operation: string, query: Record<string, string> = {}) =>
  `${base}/api/sandboxes/${SANDBOX_ID}/fs/${operation}?${new URLSearchParams({ root: 'workspace', ...query })}`;
const send = (method: string, operation: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url(operation), {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ root: 'workspace', ...body }),
  });
const json = async <T>(response: Response | Promise<Response>) => (await (await response).json()) as T; // the routes' own shapes
/** On a busy machine a look into the sandbox takes its time. */
const LOOK = { timeout: 40_000 };
const codeOf = async (response: Promise<Response>) => (await json<{ code: string }>(response)).code;

test('a text: written, read, kept from a second writer; by the seed’s paths too', async () => {
  const first = await send('PUT', 'write', { path: 'notes.md', content: '# Hé\n' }, { 'if-none-match': '*' });
  expect(first.status).toBe(204);
  const seen = await json<FileText>(fetch(`${base}/api/fs/read?root=workspace&path=notes.md`));
  expect(seen).toMatchObject({ content: '# Hé\n', truncated: false, size: 6, binary: false, writable: true });
  expect(first.headers.get('etag')).toBe(`"${seen.etag}"`);
  await box.exec(['bash', '-c', 'echo more >> /home/claude/workspace/notes.md']);
  const late = send('PUT', 'write', { path: 'notes.md', content: 'mine' }, { 'if-match': `"${seen.etag}"` });
  expect(await codeOf(late)).toBe('conflict');
  expect(
    await codeOf(send('PUT', 'write', { path: 'notes.md', content: 'x' }, { 'if-none-match': '*' })),
  ).toBe('name_taken');
  const names = (await json<FileList>(fetch(url('list')))).entries.map((it) => [it.name, it.mode]);
  expect(names).toEqual([['notes.md', '-rw-r--r--']]);
  expect(gateway.recorded.entries.map((it) => it.type)).toEqual(['file.write', 'file.read']);
  expect((await box.exec(['stat', '-c', '%U', '/home/claude/workspace/notes.md'])).trim()).toBe('claude');
});

test('8 MB up and down, whole and in parts, unchanged', async () => {
  const bytes = randomBytes(8 * 1024 * 1024);
  const up = await fetch(url('upload', { path: 'deep/er/big.bin', parents: '1' }), {
    method: 'PUT',
    body: bytes,
  });
  expect(up.status).toBe(204);
  const down = Buffer.from(await (await fetch(url('download', { path: 'deep/er/big.bin' }))).arrayBuffer());
  expect(createHash('sha256').update(down).digest('hex')).toBe(
    createHash('sha256').update(bytes).digest('hex'),
  );
  const part = await fetch(url('download', { path: 'deep/er/big.bin' }), {
    headers: { range: 'bytes=100-199' },
  });
  expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${bytes.length}`]);
  expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true);
  const beyond = await fetch(url('download', { path: 'deep/er/big.bin' }), {
    headers: { range: 'bytes=99999999-' },
  });
  expect(beyond.status).toBe(416);
  const etag = up.headers.get('etag') ?? '';
  const same = await fetch(url('download', { path: 'deep/er/big.bin' }), {
    headers: { 'if-none-match': etag },
  });
  expect(same.status).toBe(304);
});

test('what is sent never becomes a page: type, disposition and policy', async () => {
  await send('PUT', 'write', { path: 'evil.html', content: '<script>alert(1)</script>' });
  await send('PUT', 'write', { path: 'pic.svg', content: '<svg xmlns="http://www.w3.org/2000/svg"/>' });
  const page = await fetch(url('download', { path: 'evil.html', inline: '1' }));
  const picture = await fetch(url('download', { path: 'pic.svg', inline: '1' }));
  const facts = (it: Response) =>
    ['content-type', 'content-disposition', 'content-security-policy'].map((name) => it.headers.get(name));
  expect(facts(page)).toEqual([
    'application/octet-stream',
    `attachment; filename="evil.html"; filename*=UTF-8''evil.html`,
    expect.stringMatching(/^sandbox; default-src 'none'/),
  ]);
  expect(facts(picture)).toEqual([
    'image/svg+xml',
    `inline; filename="pic.svg"; filename*=UTF-8''pic.svg`,
    expect.stringMatching(/^sandbox; default-src 'none'/),
  ]);
});

test('a folder as an archive; one that is cut off is no whole answer', async () => {
  const archive = Buffer.from(await (await fetch(url('archive', { path: 'deep' }))).arrayBuffer());
  expect(execFileSync('tar', ['-tz'], { input: archive }).toString().split('\n')).toContain(
    'deep/er/big.bin',
  );
  const none = await fetch(url('archive', { path: 'nothing' }));
  expect(none.status).toBe(404);
});

test('an upload whose sender goes away leaves nothing', async () => {
  const request = requestHttp(url('upload', { path: 'half' }), {
    method: 'PUT',
    headers: { 'content-length': 9_000_000 },
  });
  request.on('error', () => undefined);
  const closed = new Promise((resolve) => request.once('close', resolve));
  request.write(Buffer.alloc(3_000_000), () => request.destroy());
  await closed;
  await expect
    .poll(
      async () =>
        (await box.exec(['bash', '-c', 'cd workspace; ls -A | grep -c "half\\|part$" || true'])).trim(),
      LOOK,
    )
    .toBe('0');
});

test('changes are told as they happen', async () => {
  const response = await fetch(url('watch', { path: '' }));
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const told = (async () => {
    while (!text.includes('event: changed')) {
      const { value, done } = (await reader?.read()) ?? { value: '', done: true };
      if (done) throw new Error(`it ended: ${text}`);
      text += value;
      if (text.includes('event: watching')) await box.exec(['touch', '/home/claude/workspace/new']);
    }
  })();
  await told;
  expect(text).toContain('data: {"root":"workspace","path":""}');
  await reader?.cancel();
});

test('what is open ends with its token: download, archive, upload, watch', async () => {
  await box.exec(['bash', '-c', 'cd workspace; mkdir -p slow; truncate -s 300M slow/huge']);
  const open = async (operation: string, path: string) => {
    const reader = (await fetch(url(operation, { path }))).body?.getReader();
    await reader?.read();
    return async () => {
      for (;;) if ((await reader?.read())?.done !== false) return 'done';
    };
  };
  const readers = [
    await open('download', 'slow/huge'),
    await open('archive', 'slow'),
    await open('watch', ''),
  ];
  const headers = { 'content-length': 9_000_000 };
  const upload = requestHttp(url('upload', { path: 'half' }), { method: 'PUT', headers });
  const cut = new Promise((resolve) => {
    upload.once('close', resolve);
    upload.on('error', () => undefined);
    upload.on('response', (response) => response.resume());
  });
  upload.write(Buffer.alloc(3_000_000));
  await expect
    .poll(
      async () => (await box.exec(['bash', '-c', 'ls -A workspace | grep -c part$ || true'])).trim(),
      LOOK,
    )
    .toBe('1');
  const from = performance.now();
  gateway.sockets.closeCredential(who.credentialId);
  await Promise.all([cut, ...readers.map((it) => it().catch(() => 'cut'))]);
  // All at once, and what is on its way is read to its end.
  expect(performance.now() - from).toBeLessThan(3_000);
  await expect
    .poll(
      async () => (await box.exec(['bash', '-c', 'ls -A workspace | grep -c "half\\|part$" || true'])).trim(),
      LOOK,
    )
    .toBe('0');
});

test('nobody but who may use the sandbox, and only with the scope', async () => {
  const { entries } = gateway.recorded;
  const count = entries.length;
  try {
    who = { ...identity, userId: 'u2' };
    for (const operation of ['roots', 'list', 'read', 'stat', 'download', 'archive', 'watch'])
      expect([operation, await codeOf(fetch(url(operation, { path: 'notes.md' })))]).toEqual([
        operation,
        'forbidden',
      ]);
    expect(await codeOf(fetch(url('upload', { path: 'x' }), { method: 'PUT', body: 'x' }))).toBe('forbidden');
    expect(await codeOf(fetch(url('delete', { path: 'notes.md' }), { method: 'DELETE' }))).toBe('forbidden');
    who = identity;
    const other = url('list').replace(SANDBOX_ID, 'sotherothers0001');
    expect(await codeOf(fetch(other))).toBe('not_found');
    who = { ...identity, via: 'token', scopes: ['files:read'] };
    expect((await fetch(url('list'))).status).toBe(200);
    expect(await codeOf(send('PUT', 'write', { path: 'x', content: '' }))).toBe('forbidden');
    who = { ...identity, via: 'token', scopes: ['files:write', 'sessions:read'] };
    expect(await codeOf(fetch(url('read', { path: 'notes.md' })))).toBe('forbidden');
  } finally {
    who = identity;
  }
  expect(entries.length).toBe(count);
});

test('secrets of the sandbox are closed, and links and dots lead nowhere', async () => {
  await box.exec([
    'bash',
    '-c',
    'cd workspace; ln -s /etc etc; ln -s ../.cloud-claude/provider.env env; mkdir -p ../.cloud-claude; echo K=v > ../.cloud-claude/provider.env',
  ]);
  for (const [root, path, code] of [
    ['home', '.cloud-claude/provider.env', 'forbidden'],
    ['workspace', 'env', 'forbidden'],
    ['workspace', 'etc/passwd', 'forbidden'],
    ['workspace', '../.bashrc', 'invalid_input'],
    ['workspace', '..%2f..%2fetc/passwd', 'not_found'],
    ['box', 'x', 'invalid_input'],
  ] as const)
    expect([path, await codeOf(fetch(url('download', { root, path })))]).toEqual([path, code]);
});

test('what listens is told with its program, and not our own helpers', async () => {
  const program = "require('http').createServer().listen(4321, '127.0.0.1')";
  await box.exec(['bash', '-c', `node -e "${program}" >/dev/null 2>&1 &`]);
  await box.exec([
    'bash',
    '-c',
    'sudo -n node -e "require(\'http\').createServer().listen(81)" >/dev/null 2>&1 &',
  ]);
  const told = async () =>
    (await ports.list(identity, SANDBOX_ID)).map((it) => [it.port, it.address, it.process]);
  await expect.poll(told).toEqual([
    [81, 'any', null],
    [4321, 'loopback', `node -e ${program}`],
  ]);
  await expect(ports.list({ ...identity, userId: 'u2' }, SANDBOX_ID)).rejects.toMatchObject({
    code: 'forbidden',
  });
});

test('the helper that was killed comes again, and leaves when nobody is connected', async () => {
  const pids = async () => (await box.exec(['bash', '-c', 'pgrep -f [f]ilesd.mjs || true'])).trim();
  const first = await pids();
  expect(first).toMatch(/^\d+$/);
  await box.exec(['pkill', '-9', '-f', 'filesd.mjs']);
  expect((await fetch(url('list'))).status).toBe(200);
  expect(await pids()).not.toBe(first);
  gateway.connections.drop(SANDBOX_ID, 'test');
  await expect.poll(pids).toBe('');
  expect((await fetch(url('list'))).status).toBe(200);
});
