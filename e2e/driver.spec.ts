/** A Claude Code session driven from the web view: prompts, tools, questions, permissions; the terminal has it too. */
import axe from 'axe-core';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import type { SessionView } from '../shared/views';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { artifacts } from './product';
import { TerminalDevice } from './terminal-device';
import { until } from './until';

const product = inject('product');
const SHOWN_MS = 30_000;
let browser: Browser;
let admin: Account;
let sandboxId = '';
/** Runs every tool unasked. */
let free: SessionView;
/** Asks before each. */
let careful: SessionView;
const visitors: Visitor[] = [];
const devices: TerminalDevice[] = [];
/** The window that most tests share, as a person keeps one open. */
let desk: Driver | null = null;

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
  sandboxId = (await admin.createSandbox('driver')).id;
  await admin.reaches(sandboxId, 'running');
  const first = (await admin.sessions(sandboxId)).find((it) => it.kind === 'claude');
  if (!first) throw new Error('no Claude session');
  free = first;
  careful = await admin.call('POST', '/api/sessions', {
    sandbox_id: sandboxId,
    kind: 'claude',
    permission_mode: 'manual',
  });
});
afterEach(async (context) => {
  if (desk && context.task.result?.state === 'fail') {
    visitors.push(desk.visitor);
    desk = null;
  }
  for (const it of devices.splice(0)) it.close();
  await leave(product, visitors, context);
});
afterAll(async () => {
  await browser.close();
  if (sandboxId !== '') await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
});

const release = (name: string) => fetch(`${product.apiUrl}/scripted/release/${name}`, { method: 'POST' });

function terminalOf(session: SessionView): TerminalDevice {
  const device = new TerminalDevice(product, { cookie: admin.cookie, sandboxId, sessionId: session.id });
  devices.push(device);
  return device;
}

interface Driver {
  visitor: Visitor;
  page: Page;
  view: Locator;
  /** What was said and done: without the panel, and without what is read out, which says it again. */
  talk: Locator;
  box: Locator;
  /** Writes a prompt and sends it with Enter. */
  say(text: string): Promise<void>;
}

async function shared(): Promise<Driver> {
  desk ??= await openDriver(free, {});
  return desk;
}

async function openDriver(session: SessionView, options: Parameters<typeof openVisitor>[2]): Promise<Driver> {
  const visitor = await openVisitor(browser, product, { as: admin, ...options });
  if (session !== free || options?.touch) visitors.push(visitor);
  const { page } = visitor;
  await page.goto(`/sandboxes/${sandboxId}`);
  await page.getByRole('tab', { name: session.name }).click();
  await page
    .getByRole('group', { name: `View of ${session.name}` })
    .getByRole('button', { name: 'Driver' })
    .click();
  const view = page.getByRole('region', { name: `Driver: ${session.name}` });
  const talk = view.getByRole('region', { name: 'Conversation' });
  const box = view.getByLabel('Message to Claude');
  await view.and(page.locator('[data-state="live"]')).waitFor({ timeout: SHOWN_MS });
  const say = async (text: string) => {
    await box.fill(text);
    await box.press('Enter');
  };
  return { visitor, page, view, talk, box, say };
}

test('a prompt streams into driver and terminal, and a reload in the middle loses nothing', async () => {
  const { visitor, page, view, box, say, talk } = await shared();
  const terminal = terminalOf(free);
  await say('hold stream');
  await talk.getByText('before stream').waitFor();
  await terminal.shows('before stream');
  await view.locator('[data-status="working"]').waitFor();
  await box.fill('a draft');
  // Kept a moment after the last key.
  await page.waitForFunction(
    (key) => localStorage.getItem(key) === 'a draft',
    `cloud-claude.draft.${free.id}`,
  );
  await page.reload();
  await talk.getByText('before stream').waitFor();
  expect(await box.inputValue()).toBe('a draft');
  expect(await talk.getByText('hold stream', { exact: true }).count()).toBeGreaterThan(0);
  await release('stream');
  await talk.getByText('after stream').waitFor();
  await view.locator('[data-stop="completed"]').first().waitFor();
  expect(await talk.getByText('before stream').count()).toBe(1);
  await terminal.shows('after stream');
  await until('the end is read out', SHOWN_MS, async () =>
    ((await view.locator('[data-announcer]').textContent()) ?? '').includes('Claude is done'),
  );
  await box.fill('');
  await box.press('ArrowUp');
  expect(await box.inputValue()).toBe('hold stream');
  await box.fill('');
  expect(visitor.complaints).toEqual([]);
});

test('a tool is a card: a change as its lines, a command as its output', async () => {
  const { view, say, page } = await shared();
  await say('write /home/claude/workspace/notes.ts export const answer = 42;');
  const written = view.locator('[data-tool="Write"]');
  await written.and(page.locator('[data-state="done"]')).waitFor();
  await written.getByRole('table', { name: 'Changes in notes.ts' }).getByText('answer').waitFor();
  await say(String.raw`run printf '\033[31mred\033[0m %s' "$((6*7))"`);
  const ran = view.locator('[data-tool="Bash"]').last();
  await ran.locator('.ansi-red').getByText('red', { exact: true }).waitFor();
  await ran.getByText('42').first().waitFor();
  await page.screenshot({ path: `${artifacts}/driver-dark-1280.png` });
});

test('a question is answered with a click, and Claude goes on', async () => {
  const { view, say, talk } = await shared();
  const terminal = terminalOf(free);
  await say('ask Which colour? | Red | Blue');
  const card = view.getByRole('region', { name: 'Claude asks' });
  await card.getByRole('radio', { name: 'Blue' }).click();
  await card.waitFor({ state: 'detached' });
  await talk.getByText(/^answered: .*Blue/).waitFor();
  await terminal.shows(/answered: .*Blue/);
});

test('a permission is denied with words here, and the card closes when the terminal allows', async () => {
  const { view, say, page, talk } = await openDriver(careful, { scheme: 'light' });
  const terminal = terminalOf(careful);
  const card = view.getByRole('region', { name: 'May Claude use Bash?' });
  await say('run touch denied.txt');
  await card.waitFor();
  await terminal.shows('Do you want to proceed?');
  await page.screenshot({ path: `${artifacts}/driver-permission-light-1280.png` });
  await card.getByRole('button', { name: 'Deny…' }).click();
  await card.getByLabel('Tell Claude what to do instead').fill('please use the other folder');
  await card.getByRole('button', { name: 'Deny', exact: true }).click();
  await card.waitFor({ state: 'detached' });
  await talk.getByText(/Denied.*please use the other folder/).waitFor();
  await talk.getByText(/^ran: .*please use the other folder/).waitFor();

  await say('run touch allowed.txt');
  await card.waitFor();
  await terminal.shows('allowed.txt');
  await until('the terminal asks again', SHOWN_MS, () =>
    /touch allowed\.txt[\s\S]*Do you want to proceed\?/.test(terminal.text()),
  );
  terminal.type('1');
  await card.waitFor({ state: 'detached' });
  await until(
    'the command ran',
    SHOWN_MS,
    async () => (await view.locator('[data-tool="Bash"]').last().getAttribute('data-state')) === 'done',
  );
});

test('Claude is stopped in the middle of an answer', async () => {
  const { view, say, page, talk } = await shared();
  await say('hold never');
  await talk.getByText('before never').waitFor();
  await page.keyboard.press('Escape');
  await view.locator('[data-stop="interrupted"]').waitFor();
  await view.locator('[data-status="idle"]').waitFor();
  await say('say still here');
  await talk.getByText('still here', { exact: true }).last().waitFor();
});

test('commands, files and search', async () => {
  const { view, box, say, page, talk } = await shared();
  await say('say the needle in the hay');
  await talk.getByText('the needle in the hay', { exact: true }).waitFor();
  await box.pressSequentially('/comp');
  await view.getByRole('option', { name: /\/compact/ }).waitFor();
  await box.press('Escape');
  await box.fill('look at ');
  await box.pressSequentially('@note');
  await view.getByRole('option', { name: '@notes.ts' }).waitFor();
  await box.press('Enter');
  expect(await box.inputValue()).toBe('look at @notes.ts ');
  await box.fill('');
  await page.keyboard.press('Control+f');
  await view.getByLabel('Search in the conversation').fill('needle');
  await view.getByRole('search').getByText('1/2').waitFor();
});

test('on a phone: the same conversation, sent with a button, nothing cut off', async () => {
  const { view, page, box, visitor, talk } = await openDriver(free, {
    width: 375,
    height: 740,
    touch: true,
    scheme: 'light',
  });
  await box.tap();
  await box.fill('say from my pocket');
  await view.getByRole('button', { name: 'Send' }).tap();
  await talk.getByText('from my pocket', { exact: true }).waitFor();
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
  ).toBeLessThanOrEqual(0);
  await page.screenshot({ path: `${artifacts}/driver-light-375.png` });
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
  expect(visitor.complaints).toEqual([]);
});
