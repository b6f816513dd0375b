/** The web app in a real browser: one person's way through it, and what administrators do. */
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Account } from './account';
import { leave, openBrowser, openVisitor, signIn, type Visitor } from './browser';
import { artifacts } from './product';
import { workersProduct } from './workers-product';

const product = workersProduct();
let browser: Browser;
let admin: Account;
const visitors: Visitor[] = [];

async function visit(options?: Parameters<typeof openVisitor>[2]): Promise<Visitor> {
  const visitor = await openVisitor(browser, product, options);
  visitors.push(visitor);
  return visitor;
}

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
});
afterEach((context) => leave(product, visitors, context));
afterAll(() => browser.close());

/** Serious findings of axe-core as `rule: element` lines. */
async function accessibilityProblems(page: Page): Promise<string[]> {
  // Not by a script element: the page's content security policy rightly refuses that.
  await page.evaluate(`${axe.source}; undefined`);
  const { violations } = await page.evaluate(async () => {
    const loaded = window as unknown as { axe: typeof axe }; // put there by the line above
    return loaded.axe.run(document, { resultTypes: ['violations'] });
  });
  return violations.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.html.slice(0, 160)}`));
}

const pages = [
  { name: 'home', path: '/', heading: 'Sandboxes' },
  { name: 'settings', path: '/settings', heading: 'Settings' },
  { name: 'admin', path: '/admin', heading: 'Administration' },
  { name: 'admin-users', path: '/admin/users', heading: 'Administration' },
  { name: 'admin-sandboxes', path: '/admin/sandboxes', heading: 'Administration' },
  { name: 'usage', path: '/usage', heading: 'Usage' },
  { name: 'admin-usage', path: '/admin/usage', heading: 'Administration' },
  { name: 'admin-tasks', path: '/admin/tasks', heading: 'Administration' },
  { name: 'admin-audit', path: '/admin/audit', heading: 'Administration' },
] as const;

describe('signing in', () => {
  test('a stranger is led to the sign-in page and back to where they wanted to go', async () => {
    const { page } = await visit();
    await page.goto('/settings');
    await page.waitForURL((url) => url.pathname === '/sign-in');
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.screenshot({ path: `${artifacts}/sign-in.png` });
    await page.getByLabel('User name').fill(product.username);
    await page.getByLabel('Password', { exact: true }).fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('User name or password is wrong.').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(product.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL((url) => url.pathname === '/settings');
  });

  test('signing out ends the session on the server', async () => {
    const { page, context } = await visit();
    await signIn(page, product);
    const cookies = await context.cookies();
    await page.getByRole('button', { name: 'Account menu' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.waitForURL((url) => url.pathname === '/sign-in');
    await context.addCookies(cookies);
    expect((await page.request.get('/api/auth/check')).status()).toBe(401);
  });
});

describe.each([
  { scheme: 'light', width: 1280 },
  { scheme: 'dark', width: 1280 },
  { scheme: 'dark', width: 375 },
] as const)('every page, $scheme, $width px wide', ({ scheme, width }) => {
  test('is accessible, fits, and complains of nothing', async () => {
    const { page, complaints } = await visit({ scheme, width, as: admin });
    const problems: string[] = [];
    for (const { name, path, heading } of pages) {
      await page.goto(path);
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      // Skeletons while loading are statuses; what is judged is the page.
      await page.getByRole('status', { name: /Loading/ }).waitFor({ state: 'detached' });
      await page.screenshot({ path: `${artifacts}/${name}-${scheme}-${width}.png` });
      problems.push(...(await accessibilityProblems(page)).map((it) => `${name}: ${it}`));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (overflow > 0) problems.push(`${name}: ${overflow} px wider than the window`);
    }
    expect(problems).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

test('every answer carries the security headers', async () => {
  for (const path of [
    '/sign-in',
    '/',
    '/api/auth/check',
    '/api/trpc/account.me',
    '/no-such-page',
    '/healthz',
  ]) {
    const { headers } = await fetch(`${product.url}${path}`, { redirect: 'manual' });
    expect(headers.get('content-security-policy'), path).toMatch(/script-src 'self' 'nonce-/);
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect(headers.get('x-frame-options'), path).toBe('DENY');
    expect(headers.get('x-powered-by'), path).toBeNull();
  }
});

describe('administrators', () => {
  const ownPassword = 'a sentence of her own';

  test('a user they create sees only their own, and is out when disabled', async () => {
    const created = await admin.mutate<{ user: { id: string }; password: string }>('users.create', {
      username: 'grace',
      role: 'user',
      expiresAt: null,
    });
    const { page } = await visit();
    await signIn(page, { username: 'grace', password: created.password });
    // A password that somebody else made opens nothing but its change.
    await page.getByLabel('Present password').fill(created.password);
    await page.getByLabel('New password', { exact: true }).fill(ownPassword);
    await page.getByLabel('New password again').fill(ownPassword);
    await page
      .locator('main')
      .getByRole('button', { name: /password/i })
      .click();
    await page.getByRole('heading', { name: 'Sandboxes' }).waitFor();
    expect((await page.goto('/admin/users'))?.status()).toBe(403);
    await page.getByRole('heading', { name: 'This part is for administrators.' }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.screenshot({ path: `${artifacts}/forbidden.png` });
    await page.getByRole('link', { name: 'Your sandboxes', exact: true }).click();
    await page.getByRole('heading', { name: 'Sandboxes' }).waitFor();
    const grace = await Account.signIn(product, { username: 'grace', password: ownPassword });
    expect(await grace.call('GET', '/api/sandboxes')).toEqual([]);
    await admin.mutate('users.setStatus', { id: created.user.id, status: 'disabled' });
    expect((await grace.fetch('GET', '/api/auth/check')).status).toBe(401);
    // The open page leaves by itself.
    await page.waitForURL((url) => url.pathname === '/sign-in');
    await admin.mutate('users.remove', { id: created.user.id });
  });

  test('a change made elsewhere shows without a reload', async () => {
    const { page } = await visit({ as: admin });
    await page.goto('/admin/users');
    await page.getByRole('button', { name: /Live updates: Live/ }).waitFor();
    const { user } = await admin.mutate<{ user: { id: string } }>('users.create', {
      username: 'made-elsewhere',
      role: 'user',
      expiresAt: null,
    });
    await page.getByText('made-elsewhere').first().waitFor();
    await admin.mutate('users.remove', { id: user.id });
    await page.getByText('made-elsewhere').first().waitFor({ state: 'detached' });
  });
});
