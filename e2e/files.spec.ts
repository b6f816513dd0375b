/** Files and ports of one sandbox in a real browser: tree, upload, editor, conflict, preview, and a program's own page. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { containerName } from '../shared/names';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { artifacts } from './product';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
const SHOWN_MS = 20_000;
/** A name that is neither BASE_DOMAIN nor localhost: there a program is opened by path. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-3d-apis',
  '--host-resolver-rules=MAP gateway.test 127.0.0.1',
];
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'cc-e2e-files-'));
let browser: Browser;
let admin: Account;
let sandboxId = '';
const visitors: Visitor[] = [];

async function visit(options: Parameters<typeof openVisitor>[2]): Promise<Visitor> {
  const visitor = await openVisitor(browser, product, { as: admin, ...options });
  visitors.push(visitor);
  return visitor;
}
const fs = (method: string, operation: string, query: Record<string, string> = {}, body?: unknown) =>
  admin.fetch(
    method,
    `/api/sandboxes/${sandboxId}/fs/${operation}?${new URLSearchParams({ root: 'workspace', ...query })}`,
    body,
  );
const write = (path: string, content: string) => fs('PUT', 'write', {}, { root: 'workspace', path, content });
const read = async (path: string) =>
  ((await (await fs('GET', 'read', { path })).json()) as { content: string }).content; // the route's own shape

/** A page, an event stream and a WebSocket that answers what it gets; nothing but Node is in the sandbox. */
const program = `
const http = require('http'), crypto = require('crypto');
const page = '<!doctype html><title>App</title><p id=cookie></p><p id=api></p><p id=events></p><p id=socket></p><script src="app.js"></script>';
const script = \`
  const put = (id, text) => { document.getElementById(id).textContent = text; };
  try { put('cookie', 'cookie:' + document.cookie); } catch (error) { put('cookie', error.name); }
  fetch('/api/auth/me', { credentials: 'include' }).then(() => put('api', 'reached'), () => put('api', 'refused'));
  new EventSource('events').onmessage = (event) => put('events', event.data);
  const url = new URL('socket', location.href); url.protocol = 'ws:';
  const ws = new WebSocket(url);
  ws.onopen = () => ws.send('hello');
  ws.onmessage = (event) => put('socket', event.data);
\`;
const server = http.createServer((request, response) => {
  if (request.url === '/app.js') return response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
  if (request.url === '/events') { response.writeHead(200, { 'content-type': 'text/event-stream' }); return response.write('data: an event\\n\\n'); }
  if (request.url !== '/') return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'theirs=1' }).end(page);
});
server.on('upgrade', (request, socket) => {
  const key = crypto.createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + key + '\\r\\n\\r\\n');
  socket.once('data', (frame) => {
    const mask = frame.subarray(2, 6), text = Buffer.from(frame.subarray(6).map((it, at) => it ^ mask[at % 4]));
    socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
  });
  socket.on('error', () => {});
});
server.listen(4321, '127.0.0.1');
`;

beforeAll(async () => {
  browser = await openBrowser(FLAGS);
  admin = await Account.signIn(product, product);
  sandboxId = (await admin.createSandbox('shelf')).id;
  await admin.reaches(sandboxId, 'running');
  await until(
    'files can be written',
    SHOWN_MS,
    async () => (await write('notes.md', '# Notes\n\n- one\n')).ok || null,
  );
  await write('server.cjs', program);
  await fs('POST', 'mkdir', {}, { root: 'workspace', path: 'src' });
  const box = containerName(product.instance, sandboxId);
  await run('docker', ['exec', '-d', '-u', 'claude', box, 'node', '/home/claude/workspace/server.cjs']);
  await write('src/main.ts', 'export const answer = 42;\n');
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
  if (sandboxId !== '') await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
});

/** Serious findings of axe-core as `rule: element` lines; a terminal's colours are its program's. */
async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(`${axe.source}; undefined`);
  const { violations } = await page.evaluate(async () => {
    const loaded = window as unknown as { axe: typeof axe }; // put there by the line above
    return loaded.axe.run({ exclude: ['.terminal-host', '.cm-editor'] }, { resultTypes: ['violations'] });
  });
  return violations.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.html.slice(0, 160)}`));
}
const wide = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth);
const item = (page: Page, name: string) => page.getByRole('treeitem').filter({ hasText: name });

async function openFiles(page: Page): Promise<void> {
  await page.goto(`/sandboxes/${sandboxId}`);
  await page.getByRole('button', { name: 'Files', exact: true }).click();
  await item(page, 'notes.md').waitFor();
}

describe('files', () => {
  test('a tree by keyboard that follows the sandbox; an editor that keeps a second writer’s work', async () => {
    const { page, complaints } = await visit({ scheme: 'light', width: 1280 });
    await openFiles(page);
    await item(page, 'notes.md').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await item(page, 'main.ts').waitFor();
    await write('appeared.txt', 'x');
    await item(page, 'appeared.txt').waitFor();

    await item(page, 'main.ts').click();
    const dialog = page.getByRole('dialog', { name: 'main.ts' });
    const text = dialog.getByRole('textbox', { name: 'Text of main.ts' });
    await text.waitFor();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('// mine');
    await dialog.getByText('not saved').waitFor();
    await page.screenshot({ path: join(artifacts, 'files-editor-light-1280.png') });
    await page.keyboard.press('Control+s');
    await dialog.getByText('not saved').waitFor({ state: 'detached' });
    expect(await read('src/main.ts')).toBe('export const answer = 42;\n// mine');
    await write('src/main.ts', 'theirs\n');
    await page.keyboard.type(' again');
    await page.keyboard.press('Control+s');
    await dialog.getByRole('alert').getByText('changed meanwhile').waitFor();
    expect(await read('src/main.ts')).toBe('theirs\n');
    await dialog.getByRole('button', { name: 'Load theirs' }).click();
    await text.getByText('theirs').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();

    await item(page, 'notes.md').click();
    await page.getByRole('dialog').getByRole('heading', { name: 'Notes', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.screenshot({ path: join(artifacts, 'files-light-1280.png') });
    expect(complaints.filter((it) => !it.includes('409'))).toEqual([]);
  });

  test('uploads with a folder, renames, deletes; on a phone in the dark', async () => {
    const { page } = await visit({ scheme: 'dark', width: 375, height: 740, touch: true });
    mkdirSync(join(folder, 'photos/2026'), { recursive: true });
    writeFileSync(join(folder, 'photos/2026/a.txt'), 'from a folder');
    await openFiles(page);
    await page.getByLabel('Folder to upload').setInputFiles(join(folder, 'photos'));
    await page.getByText('1 of 1 uploaded').waitFor();
    expect(await read('photos/2026/a.txt')).toBe('from a folder');
    expect(await wide(page)).toBeLessThanOrEqual(375);
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.screenshot({ path: join(artifacts, 'files-dark-375.png') });

    await page.getByRole('button', { name: 'Actions for appeared.txt' }).click();
    await page.getByRole('menuitem', { name: 'Rename or move' }).click();
    await page.getByLabel('New name').fill('photos/moved.txt');
    await page.getByLabel('New name').press('Enter');
    await until('it has moved', SHOWN_MS, async () => (await read('photos/moved.txt')) === 'x' || null);
    await page.getByRole('button', { name: 'Actions for photos' }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await until(
      'it is gone',
      SHOWN_MS,
      async () => (await fs('GET', 'stat', { path: 'photos' })).status === 404,
    );
    await page.getByRole('dialog', { name: /^Delete/ }).waitFor({ state: 'detached' });
    await item(page, 'notes.md').waitFor();
    // The tree hears of it a moment later than we.
    await item(page, 'photos').waitFor({ state: 'detached' });
  });
});

describe('ports', () => {
  test.each([
    ['a host of its own', () => product.url, 'cookie:theirs=1'],
    ['a path without an origin', () => product.url.replace('127.0.0.1', 'gateway.test'), 'SecurityError'],
  ])(
    'a program opens at %s, with its events and its WebSocket, and none of our rights',
    async (_what, base, cookie) => {
      const { page, context } = await visit({ scheme: 'dark', width: 1280 });
      for (const part of admin.cookie.split('; ')) {
        const [name = '', ...value] = part.split('=');
        await context.addCookies([{ name, value: value.join('='), url: base() }]);
      }
      await page.goto(`${base()}/sandboxes/${sandboxId}`);
      await page.getByRole('button', { name: 'Ports', exact: true }).click();
      const link = page.getByRole('link', { name: 'Open port 4321 in a new tab' });
      await link.waitFor();
      await page.screenshot({ path: join(artifacts, 'ports-dark-1280.png') });
      const [tab] = await Promise.all([context.waitForEvent('page'), link.click()]);
      await tab.getByText('an event').waitFor();
      await tab.locator('#socket').getByText('hello').waitFor();
      expect(await tab.locator('#cookie').textContent()).toBe(cookie);
      await tab
        .locator('#api')
        .getByText(cookie === 'SecurityError' ? 'refused' : 'reached')
        .waitFor();
    },
  );

  test('a port is mapped for programs with a token, and taken back', async () => {
    const { page } = await visit({ scheme: 'light', width: 375, height: 740, touch: true });
    await page.goto(`/sandboxes/${sandboxId}`);
    await page.getByRole('button', { name: 'Ports', exact: true }).click();
    await page.getByLabel('Port to map').fill('7878');
    await page.getByRole('button', { name: 'Map', exact: true }).click();
    await page.getByRole('alert').getByText('is our own in each sandbox').waitFor();
    await page.getByLabel('Port to map').fill('4321');
    await page.getByRole('button', { name: 'Map', exact: true }).click();
    const mapped = page.getByRole('list', { name: 'Mapped ports' });
    const address = (await mapped.getByText('http://127.0.0.1:').textContent()) ?? '';
    expect(await wide(page)).toBeLessThanOrEqual(375);
    expect(await accessibilityProblems(page)).toEqual([]);
    await mapped.scrollIntoViewIfNeeded();
    await page.screenshot({ path: join(artifacts, 'ports-mapped-light-375.png') });
    const given = { label: 'mapped', scopes: ['ports:read'], sandbox_id: sandboxId };
    const { plaintext } = await admin.call<{ plaintext: string }>('POST', '/api/tokens', given);
    const headers = { authorization: `Bearer ${plaintext}` };
    expect(await (await fetch(address, { headers })).text()).toContain('<title>App</title>');
    expect((await fetch(address)).status).toBe(401);
    expect((await fetch(address, { headers: { cookie: admin.cookie } })).status).toBe(401);
    await mapped.getByRole('button', { name: /^Unmap port/ }).click();
    await mapped.waitFor({ state: 'detached' });
    await expect(fetch(address, { headers })).rejects.toThrow();
  });
});
