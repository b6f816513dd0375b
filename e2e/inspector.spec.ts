/** One session as terminal, driver and inspector, and the dashboard over all of them, in a real browser. */
import { createECDH, randomBytes } from 'node:crypto';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SessionView } from '../shared/views';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { artifacts } from './product';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
const SHOWN_MS = 20_000;
let browser: Browser;
let admin: Account;
let sandboxId = '';
let session: SessionView;
const visitors: Visitor[] = [];

async function visit(options: Parameters<typeof openVisitor>[2]): Promise<Visitor> {
  const visitor = await openVisitor(browser, product, { as: admin, ...options });
  visitors.push(visitor);
  return visitor;
}
const prompt = (text: string) => admin.call('POST', `/api/sessions/${session.id}/prompt`, { text });
const release = (name: string) => fetch(`${product.apiUrl}/scripted/release/${name}`, { method: 'POST' });

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
  sandboxId = (await admin.createSandbox('glass')).id;
  await admin.reaches(sandboxId, 'running');
  const claude = (await admin.sessions(sandboxId)).find((it) => it.kind === 'claude');
  if (!claude) throw new Error('no Claude session');
  session = claude;
  // sandboxd hears of a session when it has begun.
  const early = await until('the session takes a prompt', SHOWN_MS, async () => {
    const response = await admin.fetch('POST', `/api/sessions/${session.id}/prompt`, {
      text: 'say good morning',
    });
    return response.ok || null;
  });
  expect(early).toBe(true);
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser.close();
  if (sandboxId !== '') await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
});

/** Serious findings of axe-core as `rule: element` lines; a terminal's colours are its program's, the driver has a spec of its own. */
async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(`${axe.source}; undefined`);
  const { violations } = await page.evaluate(async () => {
    const loaded = window as unknown as { axe: typeof axe }; // put there by the line above
    return loaded.axe.run(
      { exclude: ['.terminal-host', '[data-view="driver"]'] },
      { resultTypes: ['violations'] },
    );
  });
  return violations.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.html.slice(0, 160)}`));
}
/** A phone's window grows with a page that is too wide for it, so it is measured against the screen. */
const wide = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth);
const PHONE = { width: 375, height: 740, touch: true } as const;

const panes = (page: Page) => page.locator('[role="tabpanel"]:not([inert]) [data-pane]');
const terminalRows = async (page: Page) =>
  (await page.locator('.xterm-rows > div').allTextContents()).join('\n').replaceAll('\u00a0', ' ');

async function beside(page: Page, view: string): Promise<void> {
  await page
    .getByRole('button', { name: `Show another view of ${session.name} beside` })
    .last()
    .click();
  await page.getByRole('menuitem', { name: `${view} to the right` }).click();
}

describe('three views of one session', () => {
  test('side by side, with the same turn in each; jumps between them; the layout stays', async () => {
    const { page, complaints, context } = await visit({ scheme: 'light', width: 1280 });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    let attached = 0;
    page.on('websocket', (socket) => {
      if (socket.url().includes('/terminal?')) attached++;
    });
    await page.goto(`/sandboxes/${sandboxId}`);
    await page.locator(`[data-session="${session.id}"][data-connection="connected"]`).waitFor();
    await beside(page, 'Driver');
    await beside(page, 'Inspector');
    expect(await panes(page).count()).toBe(3);
    await prompt('say views-agree');
    const driver = page.getByRole('region', { name: `Driver: ${session.name}` });
    const inspector = page.getByRole('region', { name: `Inspector: ${session.name}` });
    await driver.getByText('views-agree', { exact: true }).last().waitFor();
    await until('the terminal has it', SHOWN_MS, async () =>
      (await terminalRows(page)).includes('● views-agree'),
    );
    const frames = inspector.getByRole('listbox', { name: 'Frames' });
    const text = frames.getByRole('option').filter({ hasText: /text\.delta\d+views-agree$/ });
    await text.last().click();

    // From the frame to the request that it came with, and back to that one's own frame.
    await inspector.getByRole('button', { name: /^API #\d+$/ }).click();
    await inspector.getByRole('tab', { name: 'API', selected: true }).waitFor();
    const details = inspector.getByRole('region', { name: 'Details' });
    await details.getByText('/v1/messages', { exact: false }).first().waitFor();
    await details.getByText('message_start').first().waitFor();
    expect(await details.getByText(/sk-ant/).count()).toBe(0);
    await details.getByRole('button', { name: 'Frame', exact: true }).click();
    await inspector.getByRole('tab', { name: 'Frames', selected: true }).waitFor();
    await frames.getByRole('option', { selected: true }).filter({ hasText: 'api' }).waitFor();
    await inspector.getByRole('button', { name: /^Turn \d+$/ }).click();

    // The same moment in the terminal: its words are selected there.
    await text.last().click();
    expect(await page.locator('.xterm-selection div').count()).toBe(0);
    await details.getByRole('button', { name: 'Terminal', exact: true }).click();
    await page.locator('.xterm-selection div').first().waitFor({ state: 'attached' });

    // A frame as a tree, folded and unfolded.
    const root = details.getByRole('button', { name: /^\{role, messageId/ });
    await details.getByText('offset:').waitFor();
    await root.click();
    await details.getByText('offset:').waitFor({ state: 'detached' });
    await root.click();
    await details.getByText('offset:').waitFor();

    // The request as a command, without anybody's key.
    await inspector.getByRole('button', { name: /^API #\d+$/ }).click();
    await details.getByRole('button', { name: 'Copy as curl' }).click();
    await details.getByRole('button', { name: 'Copied' }).waitFor();
    const curl = await page.evaluate(() => navigator.clipboard.readText());
    expect(curl).toMatch(/^curl -N -X POST 'https:\/\/api\.anthropic\.com\/v1\/messages/);
    expect(curl).toContain('"authorization: Bearer $ANTHROPIC_AUTH_TOKEN"');
    expect(curl).toContain('say views-agree');
    await inspector.getByRole('tab', { name: 'Frames' }).click();

    await inspector.getByRole('searchbox', { name: 'Filter by text' }).fill('no such thing anywhere');
    await inspector.getByText('No frame passes the filter').waitFor();
    await inspector.getByRole('searchbox', { name: 'Filter by text' }).fill('');
    await inspector.getByRole('button', { name: 'All kinds' }).click();
    await page.getByRole('menuitem', { name: 'None' }).click();
    await inspector.getByText('No frame passes the filter').waitFor();
    await inspector.getByRole('button', { name: '0 kinds' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'usage', exact: true }).click();
    await page.keyboard.press('Escape');
    await frames.getByRole('option').first().waitFor();
    for (const row of await frames.getByRole('option').allTextContents()) expect(row).toContain('usage');
    await inspector.getByRole('button', { name: 'usage', exact: true }).click();
    await page.getByRole('menuitem', { name: 'All kinds' }).click();

    // Paused it stands still, and says what has come; followed it shows it.
    await inspector.getByRole('button', { name: 'Pause', exact: true }).click();
    await prompt('say while-paused');
    await driver.getByText('while-paused', { exact: true }).last().waitFor();
    const paused = inspector.getByRole('button', { name: /^\d+ new$/ });
    await paused.waitFor();
    expect(await frames.getByRole('option').filter({ hasText: 'while-paused' }).count()).toBe(0);
    await paused.click();
    await frames.getByRole('option').first().click();
    await inspector.getByRole('button', { name: 'Follow', pressed: false }).click();
    await frames
      .getByRole('option')
      .filter({ hasText: /text\.delta\d+while-paused$/ })
      .waitFor();
    await inspector.getByRole('button', { name: 'Follow', pressed: true }).waitFor();
    await inspector.getByRole('tab', { name: 'Hooks' }).click();
    await inspector
      .getByRole('listbox', { name: 'Hooks' })
      .getByRole('option')
      .filter({ hasText: 'UserPromptSubmit' })
      .first()
      .click();
    await page.screenshot({ path: `${artifacts}/inspector-light-1280.png` });
    expect(await accessibilityProblems(page)).toEqual([]);

    // The terminal was never attached again, though its pane was split twice.
    expect(attached).toBe(1);
    await page.keyboard.press('Control+Shift+D');
    await page.reload();
    await until('the three panes', SHOWN_MS, async () => (await panes(page).count()) === 3);
    expect(complaints).toEqual([]);

    // Kept on the server: another browser has it too.
    const other = await visit({ scheme: 'light', width: 1280 });
    await other.page.goto(`/sandboxes/${sandboxId}`);
    await until('the three panes', SHOWN_MS, async () => (await panes(other.page).count()) === 3);
  });

  test('on a phone one at a time', async () => {
    const { page, complaints } = await visit({ scheme: 'dark', ...PHONE });
    await page.goto(`/sandboxes/${sandboxId}`);
    const views = page.getByRole('group', { name: `View of ${session.name}` });
    await views.getByRole('button', { name: 'Inspector' }).tap();
    const inspector = page.getByRole('region', { name: `Inspector: ${session.name}` });
    await inspector.getByRole('option').filter({ hasText: 'views-agree' }).first().tap();
    expect(await panes(page).count()).toBe(1);
    await page.screenshot({ path: `${artifacts}/inspector-dark-375.png` });
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await wide(page)).toBe(PHONE.width);
    await views.getByRole('button', { name: 'Terminal' }).tap();
    await until('the terminal', SHOWN_MS, async () => (await terminalRows(page)).includes('views-agree'));
    expect(complaints).toEqual([]);
  });
});

test('the dashboard shows what changes as it changes, and leads to who waits', async () => {
  const { page, complaints } = await visit({ scheme: 'light', width: 1280 });
  // A device, at a push service that nobody dials, as the quiet hours are all day.
  const keys = createECDH('prime256v1');
  const p256dh = keys.generateKeys().toString('base64url');
  const auth = randomBytes(16).toString('base64url');
  const subscription = { endpoint: 'https://1.1.1.1/push/1', keys: { p256dh, auth } };
  await admin.mutate('notifications.subscribe', { label: 'My phone', subscription });
  await page.goto('/settings#notifications');
  const settings = page.locator('#notifications');
  await settings.getByText('My phone', { exact: true }).waitFor();
  await settings.getByRole('switch', { name: /^Quiet hours/ }).click();
  await settings.getByLabel('From', { exact: true }).fill('00:00');
  await settings.getByLabel('To', { exact: true }).fill('00:00');
  await settings.scrollIntoViewIfNeeded();
  await page.screenshot({ path: `${artifacts}/notifications-light-1280.png` });

  await page.goto('/dashboard');
  // Once released, a hold of that name holds no more.
  const gate = `gate-${session.id}`;
  const card = page.getByRole('article').filter({ hasText: 'glass' });
  const standing = (word: string) => card.locator('[data-standing]', { hasText: word }).waitFor();
  await standing('Idle');
  await prompt(`hold ${gate}`);
  await standing('Working');
  await release(gate);
  await standing('Idle');
  await card.getByText(`after ${gate}`).waitFor();
  await card.getByRole('button', { name: /turns?$/ }).click();
  await card.getByText(`hold ${gate}`).waitFor();
  await prompt('ask Which colour? | Red | Blue');
  await standing('Needs you');
  await card.getByText('Which colour?').first().waitFor();
  await page.screenshot({ path: `${artifacts}/dashboard-light-1280.png`, fullPage: true });
  expect(await accessibilityProblems(page)).toEqual([]);

  const phone = await visit({ scheme: 'dark', ...PHONE });
  await phone.page.goto('/dashboard');
  await phone.page.getByText('Which colour?').first().waitFor();
  await phone.page.screenshot({ path: `${artifacts}/dashboard-dark-375.png`, fullPage: true });
  expect(await accessibilityProblems(phone.page)).toEqual([]);
  expect(await wide(phone.page)).toBe(PHONE.width);

  await card.getByRole('link', { name: `Answer ${session.name}` }).click();
  await page.waitForURL((url) => url.pathname === `/sandboxes/${sandboxId}` && url.search === '');
  const driver = page.getByRole('region', { name: `Driver: ${session.name}` });
  await driver.getByText('Which colour?').first().waitFor();

  // Told in the bell, and not pushed: it says so.
  await page.getByRole('button', { name: /^Notifications, \d+ unread$/ }).click();
  const told = page.getByRole('dialog', { name: 'Notifications' });
  const news = told.getByRole('link', { name: /Unread.*Claude waits for you/ });
  await news.getByText('held back from My phone (Quiet hours.)', { exact: false }).waitFor();
  await page.screenshot({ path: `${artifacts}/bell-light-1280.png` });
  expect([...complaints, ...phone.complaints]).toEqual([]);
});
