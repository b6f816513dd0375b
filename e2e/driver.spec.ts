/** A Claude Code session driven from the web view: prompts, tools, questions, permissions; the terminal has it too. */
import { readFile } from 'node:fs/promises';
import axe from 'axe-core';
import type { Browser, Download, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SessionView } from '../shared/views';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { artifacts } from './product';
import { TerminalDevice } from './terminal-device';
import { until } from './until';
import { workersProduct } from './workers-product';

/** 1 × 1 pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
/** Turns of the long record, ten frames each. */
const TURNS = 1_000;
/** A screen of 1280 × 800 holds some twenty rows; as many again are drawn around it. */
const ROWS_DRAWN_MAX = 80;
const ELEMENTS_DRAWN_MAX = 3_000;

const product = workersProduct();
const SHOWN_MS = 60_000;
const KEY_TRIES = 6;
const KEY_TAKEN_MS = 5_000;
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

/** Drawn within the part of the conversation that one sees. */
const inSight = (it: Locator): Promise<boolean> =>
  it.evaluate((element) => {
    const list = element.closest('.driver-scroller')?.getBoundingClientRect();
    const { top, bottom } = element.getBoundingClientRect();
    return list !== undefined && top >= list.top && bottom <= list.bottom;
  });

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

async function textOf(download: Download): Promise<string> {
  const path = await download.path();
  return readFile(path, 'utf8');
}

/** A record of ten thousand frames, as the server sends it. */
function longRecord(session: string): string {
  let seq = 0;
  const ts = new Date(Date.now() - 60_000).toISOString();
  const lines: string[] = [];
  const add = (kind: string, turn: number, data: object) => {
    seq += 1;
    lines.push(
      `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, session, ts, kind, turn, data })}\n\n`,
    );
  };
  for (let turn = 1; turn <= TURNS; turn++) {
    const messageId = `m${turn}`;
    const words = ['**ans', 'wer** ', `${turn}\n\n`, '- a point\n'];
    add('text.delta', turn, { role: 'user', text: `prompt ${turn}` });
    add('status', turn, { state: 'working' });
    let offset = 0;
    for (const text of words) {
      add('text.delta', turn, { role: 'assistant', messageId, block: 0, offset, text });
      offset += text.length;
    }
    const call = { toolUseId: `t${turn}`, tool: 'Bash' };
    add('tool.use.start', turn, { ...call, input: { command: `echo ${turn}` } });
    add('tool.use.result', turn, { ...call, isError: false, output: `${turn}\n`.repeat(6), durationMs: 5 });
    add('stop', turn, { scope: 'turn', reason: 'completed', durationMs: 10 });
    add('status', turn, { state: 'idle' });
  }
  const items = [
    { id: '1', subject: 'Read the code', status: 'completed' },
    { id: '2', subject: 'Mend the total', status: 'in_progress', activeForm: 'Mending the total' },
  ];
  add('todo.update', TURNS, { items });
  return lines.join('');
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
  // Once released, a hold of that name holds no more.
  const gate = `stream-${free.id.slice(0, 8)}`;
  await say(`hold ${gate}`);
  await talk.getByText(`before ${gate}`).waitFor();
  await terminal.shows(`before ${gate}`);
  await view.locator('[data-status="working"]').waitFor();
  await box.fill('a draft');
  // Kept a moment after the last key.
  await page.waitForFunction(
    (key) => localStorage.getItem(key) === 'a draft',
    `cloud-claude.draft.${free.id}`,
  );
  await page.reload();
  await talk.getByText(`before ${gate}`).waitFor();
  // From then on what comes is new, and is read out.
  await view.and(page.locator('[data-state="live"]')).waitFor({ timeout: SHOWN_MS });
  expect(await box.inputValue()).toBe('a draft');
  expect(await talk.getByText(`hold ${gate}`, { exact: true }).count()).toBeGreaterThan(0);
  await release(gate);
  await talk.getByText(`after ${gate}`).waitFor();
  await view.locator('[data-stop="completed"]').first().waitFor();
  expect(await talk.getByText(`before ${gate}`).count()).toBe(1);
  await terminal.shows(`after ${gate}`);
  await until('the end is read out', SHOWN_MS, async () =>
    ((await view.locator('[data-announcer]').textContent()) ?? '').includes('Claude is done'),
  );
  await box.fill('');
  await box.press('ArrowUp');
  expect(await box.inputValue()).toBe(`hold ${gate}`);
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
  const asks = () => terminal.screen().includes('Do you want to proceed?');
  // Claude takes no key in the moment in which it draws the question; a person presses it again.
  for (let tries = 0; asks() && tries < KEY_TRIES; tries++) {
    terminal.type('1');
    await until('the terminal took the key', KEY_TAKEN_MS, () => !asks()).catch(() => undefined);
  }
  expect(terminal.screen()).not.toContain('Do you want to proceed?');
  await card.waitFor({ state: 'detached' });
  await until(
    'the command ran',
    SHOWN_MS,
    async () => (await view.locator('[data-tool="Bash"]').last().getAttribute('data-state')) === 'done',
  );
});

test('thinking is folded; pictures and a subagent have their places; a turn is jumped to', async () => {
  const { view, talk, say, page } = await shared();
  await say('think a quiet thought | a loud answer');
  await talk.getByText('a loud answer', { exact: true }).waitFor();
  expect(await talk.getByText('a quiet thought', { exact: true }).count()).toBe(0);
  await talk
    .getByRole('button', { name: /^Thought/ })
    .last()
    .click();
  await talk.getByText('a quiet thought', { exact: true }).waitFor();

  await say(`run printf '%s' ${PNG} | base64 -d > dot.png`);
  await talk
    .getByText(/^ran: /)
    .last()
    .waitFor();
  await say('use Read {"file_path":"/home/claude/workspace/dot.png"}');
  const read = talk.locator('[data-tool="Read"]').last();
  await read.and(page.locator('[data-state="done"]')).waitFor();
  await read.getByRole('button', { name: /^Read/ }).click();
  await until('the picture is drawn', SHOWN_MS, async () =>
    read.getByRole('img', { name: 'Result 1' }).evaluate((it) => (it as HTMLImageElement).naturalWidth > 0),
  );

  // What is said while one reads above does not take the reader along.
  const panel = view.getByRole('complementary', { name: 'Tasks, timeline and usage' });
  const asked = talk.getByText('think a quiet thought | a loud answer');
  const end = view.getByRole('button', { name: /^(To the end|New)$/ });
  const gate = `jump-${free.id.slice(0, 8)}`;
  await say(`hold ${gate}`);
  await talk.getByText(`before ${gate}`).waitFor();
  await panel.getByRole('button', { name: /think a quiet thought/ }).click();
  await release(gate);
  await view.getByRole('button', { name: 'New' }).waitFor();
  expect(await inSight(asked)).toBe(true);
  await end.click();
  await talk.getByText(`after ${gate}`).waitFor();

  await say('agent say from far below');
  const agent = talk.locator('[data-tool="Agent"]').last();
  await agent.and(page.locator('[data-state="done"]')).waitFor();
  if ((await agent.getByRole('button').first().getAttribute('aria-expanded')) !== 'true')
    await agent.getByRole('button').first().click();
  await agent.getByText('from far below', { exact: true }).first().waitFor();
  await page.screenshot({ path: `${artifacts}/driver-cards-dark-1280.png` });

  await panel.getByRole('button', { name: /think a quiet thought/ }).click();
  await until('the turn is in sight', SHOWN_MS, () => inSight(asked));
  // It says "New" where the turn's last row came after the jump.
  await end.click();
  await end.waitFor({ state: 'detached' });
});

test('the conversation leaves as Markdown and as its record; pictures go in; Shift-Enter is a line', async () => {
  const { view, talk, box, page, visitor, say } = await shared();
  await visitor.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const more = async (item: string) => {
    await view.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  await more('Copy as Markdown');
  await page.getByText('Copied as Markdown').first().waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain('## think a quiet thought');
  expect(copied).toContain('a loud answer');
  expect(copied).toContain('export const answer = 42;');
  const [record] = await Promise.all([page.waitForEvent('download'), more('Save the record (.jsonl)')]);
  const frames = (await textOf(record))
    .trim()
    .split('\n')
    .map((it) => JSON.parse(it) as { seq: number });
  expect(frames.map((it) => it.seq)).toEqual(frames.map((_, at) => at + 1));
  // Claude may still have something to say of the background agent of the test before.
  await until('what is saved is what is copied', SHOWN_MS, async () => {
    await more('Copy as Markdown');
    const again = await page.evaluate(() => navigator.clipboard.readText());
    const [file] = await Promise.all([page.waitForEvent('download'), more('Save as Markdown')]);
    return again.startsWith(copied.trimEnd()) && (await textOf(file)) === again;
  });

  await box.focus();
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    await navigator.clipboard.write([
      new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) }),
    ]);
  }, PNG);
  await page.keyboard.press('Control+V');
  await until('the path of the picture', SHOWN_MS, async () =>
    /\/home\/claude\/\S+\.png/.test(await box.inputValue()),
  );
  await box.fill('say one');
  await box.press('Shift+Enter');
  await box.pressSequentially('two');
  expect(await box.inputValue()).toBe('say one\ntwo');
  await box.press('Enter');
  await talk
    .getByText(/^one\s+two$/)
    .last()
    .waitFor();
  await view.getByRole('button', { name: /^Model and effort/ }).click();
  await page.getByRole('menuitem', { name: /^Haiku/ }).click();
  await view.getByRole('button', { name: /Haiku/ }).waitFor();
  // How hard it thinks: Claude is started again in the same conversation.
  await view.getByRole('button', { name: /^Model and effort/ }).click();
  await page.getByRole('menuitem', { name: 'High', exact: true }).click();
  await view.getByRole('button', { name: /^Model and effort:.*high$/ }).waitFor({ timeout: SHOWN_MS });
  await say('say with all my might');
  await talk.getByText('with all my might', { exact: true }).last().waitFor({ timeout: SHOWN_MS });
});

test('ten thousand frames: only what is in sight is drawn, and both ends are reached', async () => {
  const { page, talk, view } = await openDriver(careful, {});
  await page.route(`**/api/sessions/${careful.id}/frames?*`, async (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get('from'));
    // One connection tells all; what comes after it stays silent.
    if (from === 0) await route.fulfill({ contentType: 'text/event-stream', body: longRecord(careful.id) });
  });
  await page.route(`**/api/sessions/${careful.id}/turns?*`, (route) =>
    route.fulfill({ json: { turns: [] } }),
  );
  await page.reload();
  await talk.getByText(`answer ${TURNS}`, { exact: true }).waitFor({ timeout: SHOWN_MS });
  await view.locator('[data-todos]').getByText('Mending the total').waitFor();
  const drawn = () => talk.evaluate((it) => it.querySelectorAll('*').length);
  const rows = () => talk.locator('[data-row]').count();
  expect(await rows()).toBeLessThan(ROWS_DRAWN_MAX);
  expect(await drawn()).toBeLessThan(ELEMENTS_DRAWN_MAX);
  await talk.hover();
  await talk.evaluate((it) => it.scrollTo({ top: 0 }));
  await talk.getByText('prompt 1', { exact: true }).waitFor();
  // A long way by hand: nothing piles up.
  for (let at = 0; at < 40; at++) await page.mouse.wheel(0, 2_000);
  expect(await rows()).toBeLessThan(ROWS_DRAWN_MAX);
  expect(await drawn()).toBeLessThan(ELEMENTS_DRAWN_MAX);
  await view.getByRole('button', { name: /^(To the end|New)$/ }).click();
  await talk.getByText(`answer ${TURNS}`, { exact: true }).waitFor();
  await talk.focus();
  await page.keyboard.press('Home');
  await talk.getByText('prompt 1', { exact: true }).waitFor();
  await page.keyboard.press('End');
  await talk.getByText(`answer ${TURNS}`, { exact: true }).waitFor();
});

test('Claude is stopped in the middle of an answer', async () => {
  const { view, say, page, talk } = await shared();
  await say(`hold never-${free.id.slice(0, 8)}`);
  await talk.getByText('before never', { exact: false }).waitFor();
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
