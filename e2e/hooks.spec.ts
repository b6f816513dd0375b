/** Users' hooks in a real browser: written, tried, changed, and heeded by a session that runs. */
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SessionView } from '../shared/views';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { artifacts } from './product';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
const TURN_MS = 30_000;
let browser: Browser;
let admin: Account;
let sandboxId = '';
let session: SessionView;
const visitors: Visitor[] = [];
const PHONE = { width: 375, height: 740, touch: true } as const;

async function visit(options: Parameters<typeof openVisitor>[2]): Promise<Visitor> {
  const visitor = await openVisitor(browser, product, { as: admin, ...options });
  visitors.push(visitor);
  return visitor;
}
const panel = (page: Page) => page.getByRole('region', { name: 'Hooks', exact: true });

async function accessibilityProblems(page: Page, within: string): Promise<string[]> {
  await page.evaluate(`${axe.source}; undefined`);
  const { violations } = await page.evaluate(async (selector) => {
    const loaded = window as unknown as { axe: typeof axe }; // put there by the line above
    return loaded.axe.run(selector, { resultTypes: ['violations'] });
  }, within);
  return violations.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.html.slice(0, 160)}`));
}

/** The workspace that all of it is in. */
async function workspaceHooks(hooks: object[]): Promise<void> {
  const [workspace] = await admin.call<{ id: string }[]>('GET', '/api/workspaces');
  const path = `/api/workspaces/${workspace?.id}/hooks`;
  const { revision } = await admin.call<{ revision: string }>('GET', path);
  await admin.call('PUT', path, { hooks, revision });
}
const atStart = (name: string) => ({
  ...{ name, event: 'SessionStart', action: { kind: 'command', command: `echo ${name} >> ~/started` } },
});

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
  // There before the first sandbox is: the first session of it begins with its release.
  await workspaceHooks([atStart('of-the-workspace')]);
  sandboxId = (await admin.createSandbox('hooked')).id;
  await admin.reaches(sandboxId, 'running');
  const claude = (await admin.sessions(sandboxId)).find((it) => it.kind === 'claude');
  if (!claude) throw new Error('no Claude session');
  session = claude;
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser.close();
  if (sandboxId !== '') await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
});

test('hooks are there before Claude starts: in a new sandbox, and of a new session alone', async () => {
  const ran = (id: string, name: string) =>
    until(`${name} ran`, TURN_MS, async () => {
      const response = await admin.fetch('GET', `/api/sessions/${id}/transcript?from=0`);
      return response.ok && (await response.text()).includes(`"name":"${name}"`);
    });
  await ran(session.id, 'of-the-workspace');
  const own: SessionView = await admin.call('POST', '/api/sessions', {
    ...{ sandbox_id: sandboxId, kind: 'claude', hooks: [atStart('of-the-session')] },
  });
  await ran(own.id, 'of-the-workspace');
  await ran(own.id, 'of-the-session');
  await admin.call('DELETE', `/api/sessions/${own.id}`);
});

test('a hook is written, tried and switched; a session that runs heeds it', async () => {
  const { page, complaints } = await visit({ scheme: 'light', width: 1280, height: 1000 });
  await page.goto('/settings#hooks');
  await panel(page).getByLabel('In the home of').selectOption({ label: 'hooked' });
  await panel(page).getByText('This image brings none.').waitFor();
  await panel(page).getByRole('button', { name: 'Add a hook' }).first().click();
  const form = page.getByRole('dialog', { name: 'Add a hook' });

  // What is wrong stands beside its field.
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await form.getByText('Give it a name.').waitFor();
  await form.getByText('Give the command to run.').waitFor();
  await form.getByLabel('Name').fill('No touching');
  await form.getByLabel('Matcher').fill('(');
  await form
    .getByLabel('Command', { exact: true })
    .last()
    .fill(`! grep -q 'touch /tmp' || { echo 'hands off' >&2; exit 2; }`);
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await form.getByText('This is no regular expression.').waitFor();
  await form.getByLabel('Matcher').fill('Bash');
  await page.screenshot({ path: `${artifacts}/hooks-form-light-1280.png` });
  expect(await accessibilityProblems(page, '[role="dialog"]')).toEqual([]);

  // Tried before it is saved: on the sample it lets go, on another command it denies.
  await form.getByRole('button', { name: 'Test…' }).click();
  const trial = page.getByRole('dialog', { name: 'Test “No touching”' });
  await trial.getByRole('button', { name: 'Run it' }).click();
  await trial.getByText('Claude goes on as without it.').waitFor();
  const payload = { tool_name: 'Bash', tool_input: { command: 'touch /tmp/x' } };
  await trial.getByLabel('Payload of PreToolUse').fill(JSON.stringify(payload));
  await trial.getByRole('button', { name: 'Run it' }).click();
  await trial.getByText('Claude is stopped here: hands off').waitFor();
  await trial.getByText('exit 2', { exact: true }).waitFor();
  await page.screenshot({ path: `${artifacts}/hooks-test-light-1280.png` });
  expect(await accessibilityProblems(page, '[role="dialog"]')).toEqual([]);
  await trial.getByRole('button', { name: 'Done' }).click();
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await panel(page).getByText('No touching', { exact: true }).waitFor();

  // The workspace's own: its secret is shown once.
  await panel(page).getByRole('tab', { name: 'Workspace' }).click();
  await panel(page).getByRole('button', { name: 'Add a hook' }).click();
  await form.getByLabel('Name').fill('Ledger');
  await form.getByText('HTTP', { exact: true }).click();
  await form.getByLabel('Address').fill('http://127.0.0.1:9/nobody');
  await form.getByLabel('Event', { exact: true }).selectOption('PostToolUse');
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  const once = page.getByRole('dialog', { name: 'Copy the secret now' });
  expect(await once.locator('code').textContent()).toMatch(/^whsec_/);
  await once.getByRole('button', { name: 'I have it' }).click();
  await panel(page).getByText('Ledger', { exact: true }).waitFor();
  await page.screenshot({ path: `${artifacts}/hooks-light-1280.png` });

  // Claude, in the session that has run since before.
  const prompt = await until('the session takes a prompt', TURN_MS, async () => {
    const text = 'run touch /tmp/hooked';
    const response = await admin.fetch('POST', `/api/sessions/${session.id}/prompt`, { text });
    return response.ok || null;
  });
  expect(prompt).toBe(true);
  await page.goto(`/sandboxes/${sandboxId}`);
  await page.locator(`[data-session="${session.id}"][data-connection="connected"]`).waitFor();
  await page.keyboard.press('Control+Shift+I');
  const inspector = page.getByRole('region', { name: `Inspector: ${session.name}` });
  await inspector.getByRole('tab', { name: 'Hooks' }).click();
  await inspector.getByRole('option').filter({ hasText: 'No touching' }).first().click();
  await inspector.getByText('hands off').first().waitFor();

  // One of this session alone.
  await inspector.getByRole('button', { name: /^Edit/ }).click();
  const own = page.getByRole('dialog', { name: `Hooks of ${session.name}` });
  await own.getByText('This session has no hooks of its own.').waitFor();
  await page.screenshot({ path: `${artifacts}/hooks-session-light-1280.png` });

  // The dashboard counts what is on.
  await page.goto('/dashboard');
  const card = page.getByRole('article').filter({ hasText: session.name }).first();
  await card.getByText('Hooks', { exact: true }).locator('..').getByText('2', { exact: true }).waitFor();
  expect(complaints).toEqual([]);
});

test('on a phone, in the dark: switched off and deleted', async () => {
  const { page, complaints } = await visit({ scheme: 'dark', ...PHONE });
  await page.goto('/settings#hooks');
  await panel(page).getByLabel('In the home of').selectOption({ label: 'hooked' });
  await panel(page).getByRole('switch', { name: 'No touching is on' }).tap();
  await panel(page).getByText('Off', { exact: true }).waitFor();
  await panel(page).scrollIntoViewIfNeeded();
  await page.screenshot({ path: `${artifacts}/hooks-dark-375.png` });
  expect(await accessibilityProblems(page, '#hooks')).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(PHONE.width);
  await panel(page).getByRole('button', { name: 'Actions for No touching' }).tap();
  await page.getByRole('menuitem', { name: 'Delete…' }).tap();
  await page.getByRole('button', { name: 'Delete', exact: true }).tap();
  await panel(page).getByText('No hooks yet', { exact: false }).waitFor();
  expect(complaints).toEqual([]);

  // The workspace's go, so that the other specs are without them.
  await workspaceHooks([]);
});
