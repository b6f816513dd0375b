/** What a person sees when things go another way: a create fails, a sandbox pauses or stops, a sign-in ends. */
import { cpus } from 'node:os';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { type ShellPage, showShell } from './shell-page';
import { TerminalDevice } from './terminal-device';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
/** What is promised for an end of the sign-in: at once, as a person sees it. */
const AT_ONCE_MS = 1_000;
const ATTACHED_MS = 20_000;
let browser: Browser;
let admin: Account;
let sandboxId = '';
const visitors: Visitor[] = [];

async function visit(as?: Account): Promise<Page> {
  const visitor = await openVisitor(browser, product, as ? { as } : {});
  visitors.push(visitor);
  return visitor.page;
}

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser.close();
  if (sandboxId !== '') await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
});

test('a create that fails stays with its reason; with the cause mended, Retry makes it run', async () => {
  const page = await visit(admin);
  await page.goto('/');
  await page.getByRole('button', { name: 'Customise' }).click();
  const dialog = page.getByRole('dialog', { name: 'New sandbox' });
  await dialog.getByLabel('Name').fill('too large');
  // Docker refuses more processors than the machine has.
  await dialog.getByLabel('CPUs').fill(String(cpus().length + 1));
  await dialog.getByRole('switch', { name: 'Open a Claude session at once' }).click();
  await dialog.getByRole('button', { name: 'Create sandbox' }).click();
  await page.waitForURL(/\/sandboxes\/\w+$/);
  sandboxId = new URL(page.url()).pathname.split('/').pop() ?? '';
  await page.getByRole('heading', { name: 'Something went wrong' }).waitFor();
  await page.getByText(/Creating failed: .*CPUs/).waitFor();
  await page.reload();
  await page.getByText(/Creating failed: .*CPUs/).waitFor();
  await page.goto('/');
  const card = page.getByRole('article', { name: 'too large' });
  await card.getByText(/Creating failed: .*CPUs/).waitFor();
  await card.getByRole('button', { name: 'Retry' }).waitFor();

  await page.goto(`/sandboxes/${sandboxId}`);
  await page.getByRole('button', { name: 'Details' }).click();
  const details = page.getByRole('complementary', { name: 'Details' });
  await details.getByLabel('CPUs').fill('1');
  await details.getByRole('button', { name: 'Apply' }).click();
  await until('the limit is kept', 20_000, async () => (await admin.sandbox(sandboxId)).limits.cpus === 1);
  await page.getByRole('button', { name: 'Retry' }).first().click();
  // As it was asked for: without a Claude session.
  await page.getByText('No open sessions').waitFor({ timeout: 60_000 });
  expect((await admin.sandbox(sandboxId)).reason).toBeNull();
});

test('a paused and a stopped sandbox say so; their shells come back right', async () => {
  const session = await admin.openSession(sandboxId, 'shell');
  const page = await visit(admin);
  const shell = await showShell(page, session);
  const there = async (action: string, title: string, back: string) => {
    await page.getByRole('button', { name: 'Details' }).click();
    await page.getByRole('button', { name: action, exact: true }).click();
    await page.getByRole('heading', { name: title }).waitFor();
    await page.getByRole('main').getByRole('button', { name: back, exact: true }).first().click();
    await page.getByRole('button', { name: 'Details' }).click();
    await showShell(page, session);
  };
  await shell.enter('seq 1 200; echo kept-$((6*7)); cd /tmp');
  await shell.shows('kept-42');
  await there('Pause', 'This sandbox is paused', 'Resume');
  await shell.enter('echo in-$(basename $PWD)');
  await shell.shows('in-tmp');
  await shell.shows('kept-42');
  await there('Stop', 'This sandbox is stopped', 'Start');
  // The machine is new: the shell too, in its own folder.
  await shell.enter('echo in-$(basename $PWD)');
  await shell.shows('in-workspace');
});

describe('an open terminal is closed at once', () => {
  /** Timed at a socket of the same log-in: the page has the sign-in page to load before it can say so. */
  async function closes(
    person: Account,
    { page, session }: ShellPage,
    act: () => Promise<unknown>,
  ): Promise<void> {
    const place = { sandboxId: session.sandboxId, sessionId: session.id };
    const socket = new TerminalDevice(product, { cookie: person.cookie, ...place });
    try {
      await until('the socket is attached', ATTACHED_MS, () => socket.attaches > 0);
      await act();
      await until('the socket is closed', AT_ONCE_MS, () => socket.closeCode !== null);
      expect(socket.closeCode).toBe(4401);
    } finally {
      socket.close();
    }
    await page.getByText('Your sign-in has ended.').waitFor();
    expect(new URL(page.url()).pathname).toBe('/sign-in');
  }

  test('when its user is disabled; before that, other administrators do not see into it', async () => {
    const { user, password: given } = await admin.mutate<{ user: { id: string }; password: string }>(
      'users.create',
      { username: 'ada', role: 'user', expiresAt: null },
    );
    const ada = await Account.signIn(product, { username: 'ada', password: given });
    await ada.mutate('account.changePassword', { current: given, next: 'another sentence of hers' });
    const { id } = await ada.createSandbox('hers');
    await ada.reaches(id, 'running');
    const shell = await showShell(await visit(ada), await ada.openSession(id, 'shell'));
    const onlooker = await visit(admin);
    await onlooker.goto(`/sandboxes/${id}`);
    await onlooker.getByText('Its terminals are for its members').waitFor();
    await closes(ada, shell, () => admin.mutate('users.setStatus', { id: user.id, status: 'disabled' }));
    await admin.call('DELETE', `/api/sandboxes/${id}`);
  });

  test('when its user signs out in another tab', async () => {
    const person = await Account.signIn(product, product);
    const page = await visit(person);
    const shell = await showShell(page, await admin.openSession(sandboxId, 'shell'));
    const other = await page.context().newPage();
    await other.goto('/');
    await closes(person, shell, async () => {
      await other.getByRole('button', { name: 'Account menu' }).click();
      await other.getByRole('menuitem', { name: 'Sign out' }).click();
    });
    // Who signs out by themselves need not be told.
    await other.waitForURL((url) => url.pathname === '/sign-in');
    expect(await other.getByText('Your sign-in has ended.').count()).toBe(0);
  });
});
