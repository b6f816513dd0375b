/** Ways out as an administrator meets them: from a pasted link to a green proof, and what is shown when it breaks. */
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { createEgressLab, type EgressLab } from './egress-lab';
import { API_KEY } from './global-setup';
import { artifacts, type ProductFacts, startProduct } from './product';
import { workersProduct } from './workers-product';

const first = workersProduct();
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
  await box.fill(`${lab.link}\nvless://not-a-uuid@proxy.example.org:443\n${' '.repeat(5_000)}`);
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

const entry = (name: string, host: string) => ({
  label: name,
  config: { kind: 'socks5', server: host, port: 1080, username: 'me', password: `${name}-secret` },
});
/** What is in a list of the page, in its order. */
const inOrder = (page: Page, list: string) =>
  page.getByRole('list', { name: list }).getByRole('listitem').allTextContents();

test('the order of a pool is made by dragging and by keyboard', async () => {
  for (const [name, host] of [
    ['Second', '192.0.2.2'],
    ['Third', '192.0.2.3'],
  ] as const)
    await admin.call('POST', '/api/egresses', entry(name, host));
  const { page, complaints } = await visit();
  await page.goto('/admin/egress/pools');
  await page.getByRole('button', { name: 'New pool' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Stand-ins');
  for (const name of ['Lab exit', 'Second', 'Third'])
    await page.getByLabel('Add a way out').selectOption({ label: name });
  expect(await inOrder(page, 'Members')).toEqual(['Lab exit', 'Second', 'Third']);

  const member = (name: string) => page.getByRole('list', { name: 'Members' }).getByText(name);
  await member('Third').dragTo(member('Lab exit'));
  expect(await inOrder(page, 'Members')).toEqual(['Third', 'Lab exit', 'Second']);

  // By keyboard the button stays under the finger to the very top, and the list says where the one is now.
  await page.getByRole('button', { name: 'Move Second up' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  expect(await inOrder(page, 'Members')).toEqual(['Second', 'Third', 'Lab exit']);
  await page.getByText('Second is number 1 of 3').waitFor({ state: 'attached' });
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  expect(await inOrder(page, 'Members')).toEqual(['Third', 'Second', 'Lab exit']);
  expect(await accessibilityProblems(page)).toEqual([]);
  await page.screenshot({ path: `${artifacts}/egress-pool-form.png` });

  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const card = page.getByRole('region', { name: 'Stand-ins' });
  await card.waitFor();
  expect(await card.getByRole('listitem').allTextContents()).toMatchObject(
    ['Third', 'Second', 'Lab exit'].map((it) => expect.stringContaining(it)),
  );
  expect(complaints).toEqual([]);
});

test('a way out is given back as a link, with a word of warning and a line in the audit log', async () => {
  const { page } = await visit({ scheme: 'light', width: 375 });
  await page.goto('/admin/egress');
  await page.getByRole('button', { name: 'Actions for Lab exit' }).click();
  await page.getByRole('menuitem', { name: 'Export…' }).click();
  await page.getByText('The text holds the password or key.').waitFor();
  await page.getByRole('button', { name: 'Share link' }).click();
  await page.getByText(lab.link).waitFor();
  expect(await accessibilityProblems(page)).toEqual([]);
  await page.screenshot({ path: `${artifacts}/egress-export-light-375.png` });
  await page.getByRole('button', { name: 'sing-box JSON' }).click();
  await page.getByText('"type": "shadowsocks"').waitFor();
  await page.goto('/admin/audit');
  await page.getByText('Exported the way out Lab exit with its secrets').first().waitFor();
});

test('rules are looked at, applied, and rolled back', async () => {
  const { page, complaints } = await visit();
  await page.goto('/admin/egress/rules');
  const grants = page.getByRole('list', { name: 'Granted' });
  for (const address of ['10.1.2.3', '10.4.5.6']) {
    await page.getByLabel('New entries for Granted').fill(address);
    await page.keyboard.press('Enter');
    await grants.getByText(address).waitFor();
    await page.getByRole('button', { name: 'Look at the change' }).click();
    await page.getByLabel('Note').fill(`for ${address}`);
    await page.getByRole('button', { name: 'Apply', exact: true }).click();
    await page.getByText(`: for ${address}`).waitFor();
  }
  await page.getByRole('button', { name: 'Go back to version 1' }).click();
  const question = page.getByRole('dialog');
  await question.getByText(/^− .*10\.4\.5\.6/).waitFor();
  expect(await accessibilityProblems(page)).toEqual([]);
  await page.screenshot({ path: `${artifacts}/egress-roll-back.png` });
  await question.getByRole('button', { name: 'Go back' }).click();
  await page.getByText('Rolled back, as a new version.').waitFor();
  await grants.getByText('10.1.2.3').waitFor();
  await grants.getByText('10.4.5.6').waitFor({ state: 'detached' });
  await page.getByText(': Back to version 1').waitFor();
  expect(complaints).toEqual([]);
});

test('a subscription shows what changed before it is taken over', async () => {
  const link = (name: string, host: string) => `ss://YWVzLTEyOC1nY206c2VjcmV0@${host}:8388#${name}`;
  const lines = (...links: string[]) => `${links.join('\n')}\n`;
  const url = await lab.publish('/list', lines(link('North', '192.0.2.11'), link('South', '192.0.2.12')));
  const { page, complaints } = await visit({ width: 375, scheme: 'light' });
  await page.goto('/admin/egress/subscriptions');
  await page.getByRole('button', { name: 'New subscription' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Provider');
  await page.getByLabel('Address').fill(`${url}?token=hidden`);
  await page.getByRole('button', { name: 'Save and fetch' }).click();
  const card = page.getByRole('region', { name: 'Provider' });
  await card.getByText('2 changes wait').waitFor();
  expect(await page.content()).not.toContain('token=hidden');
  await card.getByRole('button', { name: 'Take them over' }).click();
  await card.getByText('Nothing waits to be taken over.').waitFor();

  await lab.publish('/list', lines(link('North', '192.0.2.21'), link('East', '192.0.2.13')));
  await card.getByRole('button', { name: 'Refresh now' }).click();
  await card.getByText('3 changes wait').waitFor();
  const changes = await card.getByRole('listitem').allTextContents();
  expect(changes).toEqual(['East', 'North', 'South']);
  expect(await accessibilityProblems(page)).toEqual([]);
  await page.screenshot({ path: `${artifacts}/egress-subscription-light-375.png` });
  await card.getByRole('button', { name: 'Take them over' }).click();
  await card.getByText('Nothing waits to be taken over.').waitFor();
  const views = await admin.call<{ label: string; endpoint: string }[]>('GET', '/api/egresses');
  const taken = views.filter((it) => ['North', 'South', 'East'].includes(it.label));
  expect(taken.map((it) => `${it.label} ${it.endpoint}`).sort()).toEqual([
    'East 192.0.2.13:8388',
    'North 192.0.2.21:8388',
  ]);
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
  // The gate closes first; the reason comes with the end of the tunnel.
  await banner.filter({ hasText: /not reached|refused|nothing listens|does not answer/i }).waitFor();
  await page.screenshot({ path: `${artifacts}/egress-fenced.png` });
  expect((await admin.sandbox(sandboxId)).state).toBe('unavailable');

  // It is back: a proof opens the fence.
  await lab.startProxy();
  await banner.getByRole('button', { name: 'Prove again' }).click();
  await page.getByText(`The Internet sees ${lab.exit}`).first().waitFor();
  await admin.reaches(sandboxId, 'running');
  await banner.waitFor({ state: 'detached' });
});
