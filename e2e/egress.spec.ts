/** Ways out as an administrator meets them: from a pasted link to a green proof, and what is shown when it breaks. */
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { createEgressLab, type EgressLab } from './egress-lab';
import { API_KEY } from './global-setup';
import { artifacts, type ProductFacts, startProduct } from './product';

const first = inject('product');
const visitors: Visitor[] = [];
let lab: EgressLab;
let product: ProductFacts & { close(): Promise<void> };
let browser: Browser;
let admin: Account;
let sandboxId: string;

beforeAll(async () => {
  lab = await createEgressLab();
  // One of its own: its proofs ask the laboratory.
  product = await startProduct({ name: 'egress', apiUrl: first.apiUrl, apiKey: API_KEY, env: lab.env });
  [browser, admin] = await Promise.all([openBrowser(), Account.signIn(product, product)]);
  sandboxId = (await admin.createSandbox('proven')).id;
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser?.close();
  await product?.close();
  await lab?.close();
});

async function visit(options: Parameters<typeof openVisitor>[2] = {}): Promise<Visitor> {
  const visitor = await openVisitor(browser, product, { as: admin, ...options });
  visitors.push(visitor);
  return visitor;
}

/** Serious findings of axe-core as `rule: element` lines; a terminal's colours are its program's. */
async function accessibilityProblems(page: Page): Promise<string[]> {
  // Not by a script element: the page's content security policy rightly refuses that.
  await page.evaluate(`${axe.source}; undefined`);
  const { violations } = await page.evaluate(async () => {
    const loaded = window as unknown as { axe: typeof axe }; // put there by the line above
    return loaded.axe.run({ exclude: ['.terminal-host'] }, { resultTypes: ['violations'] });
  });
  return violations.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.html.slice(0, 160)}`));
}

test('a pasted link becomes a green proof of a running sandbox', async () => {
  const { page, complaints } = await visit();
  await page.goto('/admin/egress');
  await page.getByText('Every sandbox goes out by this host').waitFor();
  await page.getByRole('link', { name: 'Add a way out' }).click();

  // A bad line is told with its number and its mend, beside the good one.
  const box = page.getByLabel('Link, file or list');
  // Long enough for the gateway to have it read by a thread of its own.
  await box.fill(`${lab.link}\nvless://not-a-uuid@proxy.example.org:443\n${'\n'.repeat(5_000)}`);
  await page.getByRole('button', { name: 'Look at it' }).click();
  const bad = page.getByTestId('bad-line');
  await bad.waitFor();
  expect(await bad.textContent()).toMatch(/Line 2.*UUID/);
  expect(await accessibilityProblems(page)).toEqual([]);

  // A wrong click loses nothing.
  await page.getByRole('link', { name: 'Pools' }).click();
  await page.getByText('No pools yet').waitFor();
  await page.goBack();
  await bad.waitFor();

  await page.getByRole('button', { name: 'Test it' }).click();
  await page.getByRole('list', { name: 'Stages of the test' }).waitFor();
  await page.getByText(`The Internet sees ${lab.exit}`).waitFor();
  expect(await page.locator('[data-look=pass]').count()).toBe(6);
  await page.getByRole('button', { name: 'Save', exact: true }).click();

  await admin.reaches(sandboxId, 'running');
  await page.getByLabel('Sandbox', { exact: true }).selectOption(sandboxId);
  await page.getByRole('button', { name: 'Assign it' }).click();
  const proven = page.getByRole('article', { name: 'proven' });
  await proven.getByText(`The Internet sees ${lab.exit}`).waitFor();
  expect(await proven.getByTestId('egress-chip').getAttribute('data-verdict')).toBe('green');

  await page.goto('/');
  const chip = page.getByTestId('sandbox-card').getByTestId('egress-chip');
  await chip.getByText(lab.exit).waitFor();
  expect(await chip.getAttribute('data-verdict')).toBe('green');
  expect(await chip.textContent()).toContain('Proven');
  await page.screenshot({ path: `${artifacts}/egress-card.png` });
  expect(complaints).toEqual([]);
});

test.each([
  { scheme: 'light', width: 1280 },
  { scheme: 'dark', width: 375 },
] as const)('every page of it is accessible and fits, $scheme, $width px wide', async ({ scheme, width }) => {
  const { page, complaints } = await visit({ scheme, width });
  const [egress] = await admin.call<{ id: string }[]>('GET', '/api/egresses');
  const pages = { list: '', one: `/${egress?.id}`, new: '/new', pools: '/pools', bindings: '/bindings' };
  const lists = { presets: '/presets', rules: '/rules', subscriptions: '/subscriptions' };
  const problems: string[] = [];
  for (const [name, path] of Object.entries({ ...pages, ...lists })) {
    await page.goto(`/admin/egress${path}`);
    await page.getByRole('navigation', { name: 'Ways out' }).waitFor();
    await page.getByRole('status', { name: /Loading/ }).waitFor({ state: 'detached' });
    problems.push(...(await accessibilityProblems(page)).map((it) => `${name}: ${it}`));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (overflow > 0) problems.push(`${name}: ${overflow} px wider than the window`);
    await page.screenshot({ path: `${artifacts}/egress-${name}-${scheme}-${width}.png` });
  }
  expect(problems).toEqual([]);
  expect(complaints).toEqual([]);
});

test('when its server dies the sandbox is fenced, and says why and what to do', async () => {
  const { page } = await visit();
  await page.goto(`/sandboxes/${sandboxId}`);
  await page.getByRole('button', { name: 'Network', exact: true }).click();
  await page.getByRole('heading', { name: 'Traffic' }).waitFor();
  expect(await accessibilityProblems(page)).toEqual([]);
  await lab.killProxy();
  await page.getByRole('button', { name: 'Prove again' }).click();
  const banner = page.getByRole('alert').filter({ hasText: 'Fenced: nothing leaves this sandbox.' });
  await banner.waitFor();
  expect(await banner.textContent()).toMatch(/not reached|refused|nothing listens|does not answer/i);
  await page.screenshot({ path: `${artifacts}/egress-fenced.png` });
  expect((await admin.sandbox(sandboxId)).state).toBe('unavailable');

  // It is back: a proof opens the fence.
  await lab.startProxy();
  await banner.getByRole('button', { name: 'Prove again' }).click();
  await page.getByText(`The Internet sees ${lab.exit}`).first().waitFor();
  await admin.reaches(sandboxId, 'running');
  await banner.waitFor({ state: 'detached' });
});
