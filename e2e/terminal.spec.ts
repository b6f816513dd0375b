/** The main job, as a person does it: press one button, type to Claude in the browser, come back later. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Frame } from '../shared/frames';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { crash } from './processes';
import { artifacts } from './product';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
/** Claude Code starts within a second; the sandbox before it takes longer on a busy machine. */
const SHOWN_MS = 60_000;
let browser: Browser;
let admin: Account;
let sandboxPath = '';
const visitors: Visitor[] = [];

async function visit(options?: Parameters<typeof openVisitor>[2]): Promise<Page> {
  const visitor = await openVisitor(browser, product, { as: admin, ...options });
  visitors.push(visitor);
  return visitor.page;
}

const terminal = (page: Page, name: RegExp = /^Terminal:/) => page.getByRole('region', { name });

/** What is on the screen: see the flags in browser.ts. */
async function screen(page: Page): Promise<string> {
  const rows = await terminal(page).first().locator('.xterm-rows > div').allTextContents();
  return rows.join('\n').replaceAll('\u00a0', ' ');
}

async function shows(page: Page, text: string): Promise<void> {
  await until(`the screen shows ${text}`, SHOWN_MS, async () => (await screen(page)).includes(text)).catch(
    async (cause: unknown) => {
      throw new Error(`the screen shows:\n${await screen(page)}`, { cause });
    },
  );
}

async function type(page: Page, text: string): Promise<void> {
  await terminal(page).first().click();
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
}

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser.close();
  const id = sandboxPath.split('/').pop();
  if (!id) return;
  await admin.call('DELETE', `/api/sandboxes/${id}`);
  await admin.gone(id);
});

test('one button, Claude’s prompt, a streamed answer, a tool call; the same after a reload', async () => {
  const page = await visit();
  await page.goto('/');
  await page.getByRole('button', { name: 'New sandbox' }).click();
  await page.waitForURL(/\/sandboxes\/\w+$/);
  sandboxPath = new URL(page.url()).pathname;
  await shows(page, 'bypass permissions on');
  await type(page, 'hold browser');
  await shows(page, 'before browser');
  expect(await screen(page)).not.toContain('after browser');
  await fetch(`${product.apiUrl}/scripted/release/browser`, { method: 'POST' });
  await shows(page, 'after browser');
  await type(page, 'write hello.txt from the browser');
  await shows(page, 'wrote: File created');
  await page.screenshot({ path: `${artifacts}/terminal-dark-1280.png` });
  await type(page, 'count 50');
  await shows(page, 'line 50');
  await page.reload();
  await shows(page, 'line 50');
  await terminal(page).first().click();
  await until('the scrollback holds the first prompt', SHOWN_MS, async () => {
    await page.keyboard.press('Shift+PageUp');
    return (await screen(page)).includes('hold browser');
  });
});

test('a second browser sees the session and its keys reach it', async () => {
  const [first, second] = [await visit(), await visit()];
  await first.goto(sandboxPath);
  await second.goto(sandboxPath);
  await shows(first, 'line 50');
  await shows(second, 'line 50');
  await type(second, 'say seen by both');
  await shows(first, '● seen by both');
  await shows(second, '● seen by both');
});

test('a shell beside Claude: opened, renamed, ended', async () => {
  const page = await visit();
  await page.goto(sandboxPath);
  await shows(page, 'seen by both');
  await page.getByRole('button', { name: 'New session' }).click();
  await page.getByRole('menuitem', { name: 'Shell' }).click();
  const tabs = page.getByRole('tablist', { name: 'Sessions' }).getByRole('tab');
  await until('two tabs', 20_000, async () => (await tabs.count()) === 2);
  await tabs.nth(1).dblclick();
  await page.getByLabel('Session name').fill('build');
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: /build/ }).waitFor();
  await page.getByRole('button', { name: 'Actions for build' }).click();
  await page.getByRole('menuitem', { name: 'End session…' }).click();
  await page.getByRole('button', { name: 'End session', exact: true }).click();
  await until('one tab', 20_000, async () => (await tabs.count()) === 1);
});

test('the gateway dies while somebody types: the terminal comes back by itself', async () => {
  const page = await visit();
  await page.goto(sandboxPath);
  await shows(page, 'seen by both');
  const back = crash(product, 'gateway');
  await type(page, 'say typed while it was gone');
  await back;
  await shows(page, '● typed while it was gone');
});

test('on a phone the soft keys stand in for those that are missing', async () => {
  const page = await visit({ width: 375, height: 740, touch: true });
  await page.goto(sandboxPath);
  await shows(page, 'typed while it');
  const keys = page.getByRole('toolbar', { name: 'Terminal keys' });
  await terminal(page).first().tap();
  await page.keyboard.type('/');
  await keys.getByRole('button', { name: 'Esc' }).tap();
  await keys.getByRole('button', { name: 'Ctrl', exact: true }).tap();
  expect(await keys.getByRole('button', { name: 'Ctrl', exact: true }).getAttribute('aria-pressed')).toBe(
    'true',
  );
  await page.keyboard.type('c');
  await shows(page, 'Press Ctrl-C again to exit');
  await page.screenshot({ path: `${artifacts}/terminal-phone.png` });
});

test('the gateway dies in the middle of an answer: one whole answer in the terminal, the driver and the journal', async () => {
  const page = await visit();
  await page.goto(sandboxPath);
  await shows(page, 'typed while it');
  const sandboxId = sandboxPath.split('/').pop() ?? '';
  const session = (await admin.sessions(sandboxId)).find((it) => it.kind === 'claude');
  if (!session) throw new Error('no Claude session');
  const other = await visit();
  await other.goto(`${sandboxPath}?session=${session.id}&view=driver`);
  const driver = other.getByRole('region', { name: `Driver: ${session.name}` });
  const talk = driver.getByRole('region', { name: 'Conversation' });
  await driver.and(other.locator('[data-state="live"]')).waitFor({ timeout: SHOWN_MS });
  await admin.call('POST', `/api/sessions/${session.id}/prompt`, { text: 'hold middle' });
  await shows(page, 'before middle');
  await talk.getByText('before middle').waitFor();
  const back = crash(product, 'gateway');
  await fetch(`${product.apiUrl}/scripted/release/middle`, { method: 'POST' });
  await back;
  await shows(page, 'after middle');
  await talk.getByText('after middle').waitFor({ timeout: SHOWN_MS });
  expect(await talk.getByText('before middle').count()).toBe(1);

  // Who reads the journal from its beginning now: no hole, no double, the answer once and whole.
  const { frames } = await admin.call<{ frames: Frame[] }>('GET', `/api/sessions/${session.id}/transcript`);
  expect(frames.map((it) => it.seq)).toEqual(frames.map((_, at) => at + 1));
  const discarded = frames.flatMap((it) =>
    it.kind === 'meta' && it.data.event === 'message.discarded' ? [it.data.messageId] : [],
  );
  const prompts = frames.filter((it) => it.kind === 'text.delta' && it.data.role === 'user');
  expect(prompts.filter((it) => JSON.stringify(it).includes('hold middle'))).toHaveLength(1);
  const answers = new Map<string, string>();
  for (const { kind, data } of frames) {
    if (kind !== 'text.delta' || data.role === 'user' || discarded.includes(data.messageId)) continue;
    const before = answers.get(data.messageId) ?? '';
    expect(data.offset).toBe(before.length);
    answers.set(data.messageId, before + data.text);
  }
  expect([...answers.values()].filter((it) => it.includes('middle'))).toEqual([
    'before middle\n\nafter middle',
  ]);
});
