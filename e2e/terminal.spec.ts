/** The main job, as a person does it: press one button, type to Claude in the browser, come back later. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
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
