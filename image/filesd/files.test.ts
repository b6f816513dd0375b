// The helper as it runs in a sandbox: its real server on a real socket, over folders of this machine.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { request as requestHttp, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nameFromBytes, nameToBytes, shownName } from '../../shared/file-names';
import type { FileList, FileText } from '../../shared/files';
import { Root } from './confined';
import { createFilesServer } from './server';

const base = mkdtempSync(join(tmpdir(), 'cc-filesd-'));
const home = join(base, 'home');
const work = join(home, 'workspace');
const secret = join(home, '.cloud-claude');
const socket = join(base, 's');
let server: Server;

beforeAll(async () => {
  mkdirSync(secret, { recursive: true });
  writeFileSync(join(base, 'outside.txt'), 'outside');
  writeFileSync(join(secret, 'provider.env'), 'TOKEN=1');
  const closed = [secret];
  server = createFilesServer({
    roots: { workspace: new Root({ path: work, closed }), home: new Root({ path: home, closed }) },
    ownPorts: new Set(),
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(base, { recursive: true, force: true });
});
beforeEach(() => {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
});

interface Answer {
  status: number;
  body: Buffer;
  headers: Record<string, unknown>;
}
function ask(
  method: string,
  path: string,
  query: Record<string, string>,
  body?: Buffer | string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = `${path}?${new URLSearchParams({ root: 'workspace', ...query })}`;
    const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = requestHttp(
      { socketPath: socket, method, path: url, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (it: Buffer) => chunks.push(it));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks),
            headers: response.headers,
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
const json = <T>(it: Answer) => JSON.parse(it.body.toString()) as T; // the server's own shapes
const codeOf = (it: Answer) => json<{ code: string }>(it).code;
const list = async (query: Record<string, string> = {}) => json<FileList>(await ask('GET', '/list', query));
const read = async (path: string) => json<FileText>(await ask('GET', '/text', { path }));

/** Each that takes a path, with this one in each of its places. */
function everyOperation(path: string): [string, string, Record<string, string>, string?][] {
  return [
    ...(['/list', '/stat', '/text', '/content', '/archive'] as const).map(
      (it): [string, string, Record<string, string>] => ['GET', it, { path }],
    ),
    ['PUT', '/text', { path }, 'overwritten'],
    ['PUT', '/content', { path, parents: '1' }, 'overwritten'],
    ['POST', '/folder', { path, parents: '1' }],
    ['POST', '/move', { path, to: 'moved' }],
    ['POST', '/move', { path: 'mine', to: path }],
    ['DELETE', '/entry', { path, recursive: '1' }],
  ];
}

describe('confinement', () => {
  test.each([
    '../outside.txt',
    'a/../../outside.txt',
    '..',
    './x',
    'a//b',
    'a/./b',
    '/../x',
    'a\0b',
    '\u{10ff2e}\u{10ff2e}',
    'x\u{10ff2f}..',
  ])('the path %j goes nowhere', async (path) => {
    for (const [method, operation, query, body] of everyOperation(path)) {
      const answer = await ask(method, operation, query, body);
      expect([method, operation, query, answer.status]).toEqual([method, operation, query, 400]);
    }
  });

  test.each([
    ['to a file outside', () => join(base, 'outside.txt')],
    ['up and out', () => '../../outside.txt'],
    ['to the folder above', () => '..'],
    ['to what merely begins like the root', () => `${work}-other/x`],
    ['of /proc that leads anywhere', () => '/proc/self/root/etc/passwd'],
  ])('a link %s is not followed', async (_what, target) => {
    symlinkSync(target(), join(work, 'link'));
    for (const path of ['link', 'link/outside.txt']) {
      expect(codeOf(await ask('GET', '/text', { path }))).toBe('forbidden');
      expect(codeOf(await ask('GET', '/content', { path }))).toBe('forbidden');
      expect(codeOf(await ask('GET', '/list', { path }))).toBe('forbidden');
      expect(codeOf(await ask('PUT', '/text', { path }, 'overwritten'))).toBe('forbidden');
      expect(codeOf(await ask('PUT', '/content', { path, parents: '1' }, 'overwritten'))).toBe('forbidden');
    }
    writeFileSync(join(work, 'mine'), 'mine');
    const before = readdirSync(base).sort();
    // What is below the link is outside, by whatever operation.
    for (const [method, operation, query, body] of everyOperation('link/outside.txt'))
      expect([method, operation, codeOf(await ask(method, operation, query, body))]).toEqual([
        method,
        operation,
        'forbidden',
      ]);
    for (const operation of ['/stat', '/archive'])
      expect([operation, (await ask('GET', operation, { path: 'link' })).body.toString()]).not.toContain(
        'outside',
      );
    expect(readdirSync(base).sort()).toEqual(before);
    expect(readFileSync(join(base, 'outside.txt'), 'utf8')).toBe('outside');
    const shown = (await list()).entries.find((it) => it.name === 'link');
    expect(shown).toMatchObject({ kind: 'link', broken: true });
    // The link itself is an entry of the folder and may go; what it leads to stays.
    expect((await ask('DELETE', '/entry', { path: 'link', recursive: '1' })).status).toBe(200);
    expect(existsSync(join(base, 'outside.txt'))).toBe(true);
  });

  test('links inside are followed, also absolute ones, and written through', async () => {
    mkdirSync(join(work, 'a/b'), { recursive: true });
    writeFileSync(join(work, 'a/b/x'), 'x');
    symlinkSync('../a/b', join(work, 'a/again'));
    symlinkSync(join(work, 'a/again/x'), join(work, 'file'));
    expect((await read('file')).content).toBe('x');
    expect((await ask('PUT', '/text', { path: 'file' }, 'y')).status).toBe(200);
    expect(readFileSync(join(work, 'a/b/x'), 'utf8')).toBe('y');
    expect(readlinkSync(join(work, 'file'))).toBe(join(work, 'a/again/x'));
    symlinkSync('loop', join(work, 'loop'));
    expect(codeOf(await ask('GET', '/text', { path: 'loop' }))).toBe('forbidden');
  });

  test('a folder that is swapped for a link again and again never lets anything out', async () => {
    mkdirSync(join(work, 'real'));
    writeFileSync(join(work, 'real/outside.txt'), 'inside');
    mkdirSync(join(work, 'place'));
    writeFileSync(join(work, 'place/outside.txt'), 'inside');
    symlinkSync('../..', join(work, 'evil'));
    const around = readdirSync(base).sort();
    const swapper = execFile(join(work, 'place'), join(work, 'evil'));
    try {
      for (let round = 0; round < 80; round++) {
        const path = 'place/outside.txt';
        const got = await ask('GET', '/content', { path });
        if (got.status === 200) expect(got.body.toString()).toMatch(/^(inside|mine)$/);
        await ask('PUT', '/text', { path }, 'mine');
        await ask('POST', '/folder', { path: `place/new${round}/deep`, parents: '1' });
        await ask('POST', '/move', { path, to: `place/moved${round}` });
        await ask('POST', '/move', { path: `place/moved${round}`, to: path });
        await ask('DELETE', '/entry', { path: `place/new${round}`, recursive: '1' });
        const { body } = await ask('GET', '/list', { path: 'place' });
        expect(body.toString()).not.toContain('"name":"home"');
        if (round % 10 !== 0) continue;
        const archive = await ask('GET', '/archive', { path: 'place' });
        if (archive.status === 200) expect(gunzipSync(archive.body).includes('outside\0')).toBe(false);
        await ask('DELETE', '/entry', { path: 'place/outside.txt' });
        await ask('PUT', '/text', { path }, 'mine');
      }
    } finally {
      swapper.kill();
    }
    expect(readdirSync(base).sort()).toEqual(around);
    expect(readFileSync(join(base, 'outside.txt'), 'utf8')).toBe('outside');
  });

  /** Swaps two names as fast as it can, in a process of its own. */
  function execFile(one: string, other: string) {
    const program = `const { renameSync: r } = require('fs'); const [a, b] = process.argv.slice(1);
      for (;;) { try { r(a, a + '.x'); r(b, a); r(a, b); r(a + '.x', a); } catch {} }`;
    const { spawn } = require('node:child_process') as typeof import('node:child_process');
    return spawn(process.execPath, ['-e', program, one, other], { stdio: 'ignore' });
  }

  test('what is closed is not shown, read, written, moved, removed or packed', async () => {
    const at = (query: Record<string, string>) => ({ root: 'home', ...query });
    writeFileSync(join(work, 'x'), 'x');
    symlinkSync('../.cloud-claude/provider.env', join(work, 'env'));
    const names = (await list(at({ hidden: '1' }))).entries.map((it) => it.name);
    expect(names).toEqual(['workspace']);
    for (const path of ['.cloud-claude/provider.env', 'workspace/env'])
      expect(codeOf(await ask('GET', '/text', at({ path })))).toBe('forbidden');
    for (const path of ['.cloud-claude', '.cloud-claude/provider.env']) {
      expect(codeOf(await ask('DELETE', '/entry', at({ path, recursive: '1' })))).toBe('forbidden');
      expect(codeOf(await ask('POST', '/move', at({ path, to: 'workspace/y' })))).toBe('forbidden');
      expect(codeOf(await ask('POST', '/move', at({ path: 'workspace/x', to: `${path}/z` })))).toBe(
        'forbidden',
      );
      expect(codeOf(await ask('GET', '/archive', at({ path })))).toBe('forbidden');
    }
    const archive = await ask('GET', '/archive', at({ path: '' }));
    const packed = execFileSync('tar', ['-tz'], { input: archive.body }).toString();
    expect(packed).toContain('./workspace/x');
    expect(packed).not.toContain('provider.env');
  });
});

describe('names', () => {
  test('every byte string is a text and comes back', () => {
    for (const bytes of [
      [0xff],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x8f, 0xbf, 0xbf],
      [0xe2, 0x82],
      [0x61, 0xf0, 0x9f, 0x98, 0x80, 0xfe],
    ]) {
      const text = nameFromBytes(Uint8Array.from(bytes));
      expect([...nameToBytes(text)]).toEqual(bytes);
      expect(decodeURIComponent(encodeURIComponent(text))).toBe(text);
    }
    expect(shownName(nameFromBytes(Uint8Array.from([0x61, 0xff, 0x0a])))).toBe('a\\xff\\x0a');
  });

  test.each([
    ['a newline', Buffer.from('two\nlines')],
    ['a leading dash', Buffer.from('-rf')],
    ['a dash in place of a name', Buffer.from('-')],
    ['bytes that are no UTF-8', Buffer.from([0x62, 0xff, 0xfe])],
    ['quotes and a dollar', Buffer.from(`'"$(touch x)\``)],
    ['255 bytes', Buffer.alloc(255, 0x61)],
  ])('%s: made, listed, read, moved, packed, removed', async (_what, bytes) => {
    const path = nameFromBytes(bytes);
    expect((await ask('POST', '/folder', { path })).status).toBe(200);
    expect((await ask('PUT', '/content', { path: `${path}/${path}` }, 'data')).status).toBe(200);
    expect((await list({ hidden: '1' })).entries.map((it) => it.name)).toEqual([path]);
    expect((await ask('GET', '/content', { path: `${path}/${path}` })).body.toString()).toBe('data');
    const archive = await ask('GET', '/archive', { path });
    const folder = mkdtempSync(join(base, 'unpacked-'));
    execFileSync('tar', ['-xz', '-C', folder], { input: archive.body });
    const inside = Buffer.concat([Buffer.from(`${folder}/`), bytes, Buffer.from('/'), bytes]);
    expect(readFileSync(inside, 'utf8')).toBe('data');
    expect((await ask('POST', '/move', { path, to: 'moved' })).status).toBe(200);
    expect((await ask('DELETE', '/entry', { path: 'moved', recursive: '1' })).status).toBe(200);
    expect((await list({ hidden: '1' })).entries).toEqual([]);
  });

  test('a folder of 10,000 entries comes by pages, folders first, each entry once', async () => {
    mkdirSync(join(work, 'zz-folder'));
    for (let at = 0; at < 9_999; at++) writeFileSync(join(work, `f${at}`), '');
    const seen: string[] = [];
    for (let from: number | null = 0; from !== null; ) {
      const page: FileList = await list({ from: String(from), limit: '500' });
      expect(page.total).toBe(10_000);
      expect(page.entries.length).toBeLessThanOrEqual(500);
      seen.push(...page.entries.map((it) => it.name));
      from = page.next;
    }
    expect(new Set(seen).size).toBe(10_000);
    expect(seen.slice(0, 4)).toEqual(['zz-folder', 'f0', 'f1', 'f2']);
  });
});

describe('contents', () => {
  test('a write is refused when the file has changed, was removed, or should have been new', async () => {
    writeFileSync(join(work, 'x'), 'one');
    chmodSync(join(work, 'x'), 0o754);
    const { etag } = await read('x');
    appendFileSync(join(work, 'x'), ' more');
    expect(codeOf(await ask('PUT', '/text', { path: 'x', if_match: etag }, 'two'))).toBe('conflict');
    const now = (await read('x')).etag;
    const written = json<{ etag: string }>(await ask('PUT', '/text', { path: 'x', if_match: now }, 'two'));
    expect((await read('x')).etag).toBe(written.etag);
    expect(statSync(join(work, 'x')).mode & 0o777).toBe(0o754);
    expect(codeOf(await ask('PUT', '/text', { path: 'x', create: '1' }, 'three'))).toBe('name_taken');
    unlinkSync(join(work, 'x'));
    expect(codeOf(await ask('PUT', '/text', { path: 'x', if_match: now }, 'four'))).toBe('conflict');
    expect((await list({ hidden: '1' })).entries).toEqual([]);
  });

  test('an upload that is cut short leaves the old file and nothing else', async () => {
    writeFileSync(join(work, 'x'), 'whole');
    await new Promise<void>((resolve) => {
      const query = new URLSearchParams({ root: 'workspace', path: 'x' });
      const request = requestHttp({
        ...{ socketPath: socket, method: 'PUT', path: `/content?${query}`, agent: false },
        headers: { 'content-length': 1_000_000 },
      });
      request.on('error', () => resolve());
      request.write(Buffer.alloc(100_000), () => request.destroy());
    });
    await expect.poll(async () => (await list({ hidden: '1' })).entries.map((it) => it.name)).toEqual(['x']);
    expect(readFileSync(join(work, 'x'), 'utf8')).toBe('whole');
  });

  test('what is no text says so; pipes are not waited for', async () => {
    writeFileSync(join(work, 'binary'), Buffer.from([1, 2, 0, 3]));
    writeFileSync(join(work, 'latin'), Buffer.from([0x63, 0xe9]));
    writeFileSync(join(work, 'large'), `${'é'.repeat(2 * 1024 * 1024)}éé`);
    expect(await read('binary')).toMatchObject({ binary: true, content: '', size: 4 });
    expect(await read('latin')).toMatchObject({ binary: true });
    const large = await read('large');
    expect([large.truncated, large.binary, large.content.length]).toEqual([true, false, 2 * 1024 * 1024]);
    execFileSync('mkfifo', [join(work, 'pipe')]);
    expect(codeOf(await ask('GET', '/text', { path: 'pipe' }))).toBe('wrong_state');
    expect(codeOf(await ask('PUT', '/text', { path: 'pipe' }, 'x'))).toBe('wrong_state');
  });

  test('ranges', async () => {
    writeFileSync(join(work, 'x'), '0123456789');
    const part = await ask('GET', '/content', { path: 'x', start: '3', end: '5' });
    expect([part.body.toString(), part.headers['x-file-size']]).toEqual(['345', '10']);
    expect((await ask('GET', '/content', { path: 'x', start: '10' })).body.toString()).toBe('');
  });

  test('an archive that is uploaded stays the file it is', async () => {
    mkdirSync(join(work, 'in'));
    writeFileSync(join(work, 'in/a'), Buffer.alloc(1024 * 1024));
    const bomb = execFileSync('tar', ['-cz', '-C', work, 'in']);
    rmSync(join(work, 'in'), { recursive: true });
    await ask('PUT', '/content', { path: 'bomb.tar.gz' }, bomb);
    expect((await list()).entries.map((it) => [it.name, it.size])).toEqual([['bomb.tar.gz', bomb.length]]);
  });
});

test('moves never replace; removals are recursive only when asked', async () => {
  writeFileSync(join(work, 'a'), 'a');
  writeFileSync(join(work, 'b'), 'b');
  mkdirSync(join(work, 'full/inner'), { recursive: true });
  symlinkSync(base, join(work, 'full/inner/out'));
  expect(codeOf(await ask('POST', '/move', { path: 'a', to: 'b' }))).toBe('name_taken');
  expect(codeOf(await ask('POST', '/move', { path: 'full', to: 'full/inner/x' }))).toBe('invalid_input');
  expect((await ask('POST', '/move', { path: 'a', to: 'full/a' })).status).toBe(200);
  expect(codeOf(await ask('DELETE', '/entry', { path: 'full' }))).toBe('name_taken');
  expect((await ask('DELETE', '/entry', { path: 'full', recursive: '1' })).status).toBe(200);
  expect(existsSync(join(base, 'outside.txt'))).toBe(true);
  expect(codeOf(await ask('DELETE', '/entry', { path: '' }))).toBe('forbidden');
});

test('a watched folder tells of its changes, and only of its own', async () => {
  mkdirSync(join(work, 'seen'));
  const query = new URLSearchParams([
    ['root', 'workspace'],
    ['path', 'seen'],
  ]);
  const told: string[] = [];
  const request = requestHttp({ socketPath: socket, path: `/watch?${query}`, agent: false }, (response) => {
    response.on('data', (it: Buffer) => told.push(...it.toString().split('\n').filter(Boolean)));
    writeFileSync(join(work, 'elsewhere'), 'x');
    writeFileSync(join(work, 'seen/new'), 'x');
  });
  request.end();
  await expect.poll(() => told[0]).toBe('{"path":"seen"}');
  renameSync(join(work, 'seen/new'), join(work, 'seen/newer'));
  await expect.poll(() => told.length).toBeGreaterThan(1);
  expect(new Set(told)).toEqual(new Set(['{"path":"seen"}']));
  request.destroy();
});
