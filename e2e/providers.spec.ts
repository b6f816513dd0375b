/** Who answers Claude: a provider of one's own added, tried, chosen, switched from; Claude's log-in up to its code. */
import axe from 'axe-core';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ProviderView } from '../shared/providers';
import type { SessionView } from '../shared/views';
import { Account } from './account';
import { type RecordedRequest, type ScriptedApi, startAnthropicApi } from './anthropic/api';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { artifacts } from './product';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
const SHOWN_MS = 30_000;
const VENDOR_KEY = 'vendor-key-for-the-browser-test';
let browser: Browser;
let admin: Account;
let vendor: ScriptedApi;
let sandboxId = '';
const visitors: Visitor[] = [];

beforeAll(async () => {
  browser = await openBrowser();
  vendor = await startAnthropicApi({ key: VENDOR_KEY });
  admin = await Account.signIn(product, product);
  sandboxId = (await admin.createSandbox('providers')).id;
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser.close();
  if (sandboxId !== '') await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
  await vendor.close();
});

async function visit(options: Parameters<typeof openVisitor>[2] = {}): Promise<Page> {
  const visitor = await openVisitor(browser, product, { as: admin, ...options });
  visitors.push(visitor);
  return visitor.page;
}
const shot = (page: Page, name: string) =>
  page.screenshot({ path: `${artifacts}/providers-${name}.png`, animations: 'disabled' });
/** The same again in the other colours and as wide as a phone. */
async function shots(page: Page, name: string): Promise<void> {
  const before = page.viewportSize() ?? { width: 1280, height: 800 };
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const width of [1280, 375]) {
      await page.setViewportSize({ width, height: 800 });
      await shot(page, `${name}-${scheme}-${width}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(over).toBeLessThanOrEqual(0);
    }
  }
  await page.setViewportSize(before);
}
async function accessible(page: Page): Promise<void> {
  await page.evaluate(`${axe.source}; undefined`);
  const problems = await page.evaluate(async () => {
    const loaded = window as unknown as { axe: typeof axe }; // put there by the line above
    const { violations } = await loaded.axe.run(
      { exclude: ['.terminal-host'] },
      { resultTypes: ['violations'] },
    );
    return violations.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.html.slice(0, 160)}`));
  });
  expect(problems).toEqual([]);
}

test('a host of one’s own is added, refused where it may not be, tried and shown', async () => {
  const page = await visit();
  await page.goto('/settings');
  const panel = page.locator('#providers');
  await panel.getByRole('button', { name: 'Add' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a provider' });
  await dialog.getByText('Another host').click();
  await dialog.getByLabel('Name', { exact: true }).fill('Vendor');
  await dialog.getByLabel('Address').fill('http://169.254.169.254/latest');
  await dialog.getByLabel('Key', { exact: true }).fill(VENDOR_KEY);
  await dialog.getByLabel('Model names').fill('* = vendor/large');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.getByText(/not on the public Internet/).waitFor();
  await shots(page, 'form');
  await accessible(page);
  await dialog.getByLabel('Address').fill(`${vendor.url}/v1`);
  await dialog.getByRole('button', { name: 'Add' }).click();

  const probe = page.getByRole('dialog', { name: 'Probe “Vendor”' });
  await probe.getByText('It answered.').waitFor();
  await probe.getByText('Bearer …test').waitFor();
  expect(await probe.textContent()).not.toContain(VENDOR_KEY);
  await shots(page, 'probe');
  await accessible(page);
  await probe.getByRole('button', { name: 'Done' }).click();
  await panel.getByText('key …test').waitFor();
  await panel.scrollIntoViewIfNeeded();
  await shots(page, 'page');
});

/** The requests with these words. */
const scripted = async (words: string) => {
  const response = await fetch(`${product.apiUrl}/scripted/requests`);
  const all: RecordedRequest[] = JSON.parse(await response.text());
  return all.filter((it) => it.body.includes(words));
};
async function say(session: SessionView, words: string): Promise<void> {
  await until('the session takes a prompt', SHOWN_MS, async () => {
    const path = `/api/sessions/${session.id}/prompt`;
    return (await admin.fetch('POST', path, { text: `say ${words}` })).ok || null;
  });
  await until(`${words} was said`, SHOWN_MS, async () => {
    const path = `/api/sessions/${session.id}/turns`;
    const { turns } = await admin.call<{ turns: { preview: string }[] }>('GET', path);
    return turns.some((it) => it.preview === words) || null;
  });
}

test('a new session is answered by it; another one is chosen, and the conversation goes on', async () => {
  await admin.reaches(sandboxId, 'running');
  const page = await visit({ scheme: 'light' });
  await page.goto(`/sandboxes/${sandboxId}`);
  await page.getByRole('button', { name: 'New session' }).click();
  await page.getByRole('menuitem', { name: 'With options…' }).click();
  const dialog = page.getByRole('dialog', { name: 'New session' });
  await dialog.getByLabel('Name').fill('By vendor');
  await dialog.getByLabel('Provider').selectOption({ label: 'Vendor' });
  await dialog.getByLabel('Effort').selectOption('low');
  await shots(page, 'session');
  await dialog.getByRole('button', { name: 'Open' }).click();
  const head = page.getByRole('button', { name: /^Provider of By vendor/ });
  await head.waitFor();
  expect(await head.getAttribute('title')).toBe('Provider: Vendor');
  const session = (await admin.sessions(sandboxId)).find((it) => it.name === 'By vendor');
  if (!session) throw new Error('no such session');
  expect(session).toMatchObject({ provider: { label: 'Vendor', kind: 'compatible' }, effort: 'low' });

  await say(session, 'from vendor');
  const [request] = vendor.requests.filter((it) => it.body.includes('say from vendor'));
  expect(request?.headers.authorization).toBe(`Bearer ${VENDOR_KEY}`);
  expect(JSON.parse(request?.body ?? '')).toMatchObject({
    model: 'vendor/large',
    output_config: { effort: 'low' },
  });
  expect(await scripted('say from vendor')).toEqual([]);

  await head.click();
  await shot(page, 'picker-light-1280');
  await page
    .getByRole('menuitem', { name: 'The gateway’s key' })
    .or(page.getByRole('menuitem', { name: "The gateway's key" }))
    .click();
  await page.getByText('The conversation goes on.').waitFor();
  await say(session, 'from gateway');
  const [other] = await scripted('say from gateway');
  expect(other?.body).toContain('say from vendor');
  expect(other?.headers['x-api-key']).toBeDefined();
  expect(other?.headers.authorization).toBeUndefined();
  expect(vendor.requests.some((it) => it.body.includes('say from gateway'))).toBe(false);
  const { providers } = { providers: await listed() };
  const own = providers.find((it) => it.label === 'Vendor');
  await admin.mutate('providers.remove', { id: own?.id });
});

async function listed(): Promise<ProviderView[]> {
  const answer = await admin.call<{ result: { data: ProviderView[] } }>('GET', '/api/trpc/providers.list');
  return answer.result.data;
}

test('Claude’s log-in: the address to open, a half code told at once, canceled', async () => {
  await admin.reaches(sandboxId, 'running');
  const page = await visit();
  await page.goto(`/sandboxes/${sandboxId}`);
  await page.getByRole('button', { name: 'New session' }).click();
  await page.getByRole('menuitem', { name: 'Log in to Claude…' }).click();
  const dialog: Locator = page.getByRole('dialog', { name: 'Log in to Claude' });
  await dialog.getByText('Nobody is logged in').waitFor({ timeout: SHOWN_MS });
  await dialog.getByRole('button', { name: 'Start the log-in' }).click();
  const link = dialog.getByRole('link', { name: 'Open the page' });
  await link.waitFor({ timeout: SHOWN_MS });
  expect(await link.getAttribute('href')).toMatch(
    /^https:\/\/claude\.com\/\S+oauth\/authorize\?\S+code_challenge=/,
  );
  await dialog.getByLabel(/Paste the code/).fill('only-half');
  await dialog.getByRole('button', { name: 'Log in', exact: true }).click();
  await dialog.getByText(/not the whole code/).waitFor();
  await shots(page, 'login');
  await accessible(page);
  await dialog.getByRole('button', { name: 'Cancel the log-in' }).click();
  await dialog.getByText('The log-in was canceled.').waitFor();
  const status = await admin.call<{ stage: string }>('GET', `/api/sandboxes/${sandboxId}/login`);
  expect(status.stage).toBe('canceled');
});
