/** Programs with tokens against the whole product: the documented examples that need a real sandbox, as they stand. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { examplesOf } from '../server/http/documented';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { artifacts, root } from './product';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
let admin: Account;
let token = '';
let sandbox = '';
let session = '';

async function mint(scopes: string[]): Promise<string> {
  const given = { label: 'api', scopes, sandbox_id: sandbox };
  return (await admin.call<{ plaintext: string }>('POST', '/api/tokens', given)).plaintext;
}

const idle = () =>
  until('the session takes a prompt', 30_000, async () => {
    const path = `/api/sessions/${session}`;
    const { state, last_seq } = await admin.call<{ state: string; last_seq: number }>('GET', path);
    return state === 'idle' && last_seq > 0;
  });

beforeAll(async () => {
  admin = await Account.signIn(product, product);
  sandbox = (await admin.createSandbox('programs')).id;
  await admin.reaches(sandbox, 'running');
  const claude = (await admin.sessions(sandbox)).find((it) => it.kind === 'claude');
  session = claude?.id ?? '';
  // Of no one sandbox: a log-in to Claude is beyond those.
  const unbound = { label: 'examples', scopes: ['*'] };
  token = (await admin.call<{ plaintext: string }>('POST', '/api/tokens', unbound)).plaintext;
  await idle();
});

const pages = await Promise.all(['api', 'files'].map((it) => examplesOf(join(root, `docs/${it}.md`))));
const examples = pages.flat().filter((it) => it.needsSandbox);

test.each(examples)('$title', async ({ script }) => {
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-euxo', 'pipefail', '-c', script], {
    cwd: root,
    env: {
      ...{ NODE_ENV: 'test' as const, PATH: process.env.PATH, URL: product.url },
      ...{ TOKEN: token, SANDBOX: sandbox, SESSION: session },
    },
  });
  if (script.includes('/send"'))
    expect(JSON.parse(stdout.slice(0, stdout.indexOf('}{') + 1))).toMatchObject({
      partial: false,
      messages: expect.arrayContaining([expect.objectContaining({ role: 'assistant' })]),
    });
  if (script.includes('/watch')) expect(stdout).toContain('event: watching');
  if (script.includes('/start')) expect(stdout).toContain('https://claude.com/');
});

test('a turn that takes longer than one waits: 408 with what was said so far; it goes on', async () => {
  // Once released, a hold of that name holds no more.
  const gate = `send-${randomUUID().slice(0, 8)}`;
  await idle();
  const given = { prompt: `hold ${gate}`, timeout_ms: 6_000 };
  const response = await admin.fetch('POST', `/api/sessions/${session}/send`, given);
  const late = (await response.json()) as { turn: number; last_seq: number };
  const said = { role: 'assistant', text: expect.stringContaining(`before ${gate}`) };
  expect([response.status, late]).toMatchObject([
    408,
    { error: 'timeout', partial: true, closed: false, messages: [{ role: 'user' }, said] },
  ]);
  await fetch(`${product.apiUrl}/scripted/release/${gate}`, { method: 'POST' });
  await until('the turn ends', 30_000, async () => {
    const { turns } = await admin.call<{ turns: { turn: number }[] }>(
      'GET',
      `/api/sessions/${session}/turns`,
    );
    return turns.some((it) => it.turn === late.turn);
  });
  const path = `/api/sessions/${session}/chat?since=${late.last_seq}`;
  const { messages } = await admin.call<{ messages: { text?: string }[] }>('GET', path);
  expect(messages.map((it) => it.text).join()).toContain(`after ${gate}`);
});

describe('the settings page', () => {
  const visitors: Visitor[] = [];
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterEach((context) => leave(product, visitors, context));
  afterAll(() => browser.close());

  test('makes a token for one sandbox, shows it once, and cuts what it has open when it is revoked', async () => {
    const visitor = await openVisitor(browser, product, { as: admin, scheme: 'light', width: 1280 });
    visitors.push(visitor);
    const { page } = visitor;
    await page.goto('/settings#tokens');
    await page.getByRole('button', { name: 'New token' }).click();
    const dialog = page.getByRole('dialog', { name: 'New API token' });
    await dialog.getByLabel('What is it for?').fill('badge');
    await dialog.getByLabel('It may').selectOption('own');
    await dialog.getByRole('button', { name: 'Create token' }).click();
    await dialog.getByText('Choose at least one scope').waitFor();
    await dialog.getByLabel('sessions:read', { exact: true }).check();
    await dialog.getByLabel('In', { exact: true }).selectOption({ label: 'Only programs' });
    expect(await dialog.getByLabel('providers:write', { exact: true }).count()).toBe(0);
    await dialog.getByLabel('Ends after').selectOption('A day');
    await page.screenshot({ path: join(artifacts, 'token-new-light-1280.png') });
    await dialog.getByRole('button', { name: 'Create token' }).click();
    const made = (await dialog.getByText(/^cct_/).textContent()) ?? '';
    await page.screenshot({ path: join(artifacts, 'token-made-light-1280.png') });
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByText('only programs').waitFor();
    expect(await page.getByText(made).count()).toBe(0);
    await page.screenshot({ path: join(artifacts, 'tokens-light-1280.png') });

    const ask = (path: string) => fetch(product.url + path, { headers: { authorization: `Bearer ${made}` } });
    expect((await ask(`/api/sessions/${session}`)).status).toBe(200);
    expect((await ask('/api/tokens')).status).toBe(403);
    const reader = (await ask(`/sse/sessions/${session}`)).body?.getReader();
    await reader?.read();
    const ended = (async () => {
      for (;;) if ((await reader?.read())?.done !== false) return performance.now();
    })();
    await page.getByRole('button', { name: 'Revoke badge' }).click();
    const answered = page.waitForResponse((it) => it.url().includes('tokens.revoke'));
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await answered;
    const from = performance.now();
    expect((await ended) - from).toBeLessThan(1_000);
    expect((await ask(`/api/sessions/${session}`)).status).toBe(401);
    await page.getByRole('button', { name: 'Revoke badge' }).waitFor({ state: 'detached' });

    // On a phone in the dark.
    await page.setViewportSize({ width: 375, height: 740 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByRole('button', { name: 'New token' }).click();
    await dialog.getByLabel('It may').selectOption('own');
    await dialog.getByLabel('sessions:read', { exact: true }).waitFor();
    await page.screenshot({ path: join(artifacts, 'token-new-dark-375.png') });
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.screenshot({ path: join(artifacts, 'tokens-dark-375.png') });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
  });
});

test('two callers at once get an answer each, in a turn of its own', async () => {
  const send = (prompt: string) =>
    admin.call<{ turn: number; messages: { role: string; text: string }[] }>(
      'POST',
      `/api/sessions/${session}/send`,
      { prompt },
    );
  const [one, two] = await Promise.all([send('say good morning'), send('say good morning again')]);
  expect(one.turn).not.toBe(two.turn);
  for (const it of [one, two])
    expect(it.messages.filter((message) => message.role === 'user')).toHaveLength(1);
});

test('who may only look sees a shell and types nothing in it', async () => {
  const { id } = await admin.call<{ id: string }>('POST', '/api/shells', { sandbox_id: sandbox });
  const open = (by: string) =>
    new WebSocket(`${product.url.replace('http', 'ws')}/ws/shells/${id}`, ['binary', `bearer.${by}`]);
  const typist = open(await mint(['shells:read', 'shells:input']));
  let seen = '';
  typist.on('message', (data) => {
    seen += String(data);
  });
  await once(typist, 'open');
  typist.send(Buffer.from('echo seen-$((6*7))\r'));
  await until('the shell answers', 20_000, async () => seen.includes('seen-42'));
  const viewer = open(await mint(['shells:read']));
  let shown = '';
  viewer.on('message', (data) => {
    shown += String(data);
  });
  await until('the viewer sees it', 20_000, async () => shown.includes('seen-42'));
  const closed = once(viewer, 'close');
  viewer.send(Buffer.from('echo never-$((6*7))\r'));
  expect((await closed)[0]).toBe(4403);
  typist.send(Buffer.from('echo still-$((6*7))\r'));
  await until('the shell goes on', 20_000, async () => seen.includes('still-42'));
  expect(seen).not.toContain('never-42');
  typist.close();
});
