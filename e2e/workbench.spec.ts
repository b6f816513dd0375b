/** The terminal's tools in a real browser: panes, search, uploads, clipboard, screen reader, soft keys, renderer. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Preferences, SessionView } from '../shared/views';
import { Account } from './account';
import { leave, openBrowser, openVisitor, openWebglBrowser, type Visitor } from './browser';
import { type ShellPage, showShell } from './shell-page';
import { sshAccess } from './ssh-access';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
const SHOWN_MS = 20_000;
let browser: Browser;
let admin: Account;
let sandboxId = '';
const visitors: Visitor[] = [];
/** The window that the tests share, as a person keeps theirs open; each has a shell of its own in it. */
let desk: Visitor | null = null;

async function visit(options: Parameters<typeof openVisitor>[2] = {}): Promise<Visitor> {
  const visitor = await openVisitor(browser, product, { as: admin, ...options });
  await visitor.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  return visitor;
}

async function openShell(): Promise<ShellPage> {
  desk ??= await visit();
  return showShell(desk.page, await admin.openSession(sandboxId, 'shell'));
}

async function elsewhere(session: SessionView, options: Parameters<typeof visit>[0]): Promise<ShellPage> {
  const visitor = await visit(options);
  visitors.push(visitor);
  return showShell(visitor.page, session);
}

const prefer = (change: Partial<Preferences>) => admin.mutate('account.setPreferences', change);
const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText());

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
  sandboxId = (await admin.createSandbox('workbench')).id;
  await admin.reaches(sandboxId, 'running');
});
afterEach(async (context) => {
  if (desk && context.task.result?.state === 'fail') {
    visitors.push(desk);
    desk = null;
  }
  await leave(product, visitors, context);
});
afterAll(async () => {
  await browser.close();
  if (sandboxId !== '') await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
});

/** 1 × 1 pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** As a screenshot tool does it. */
async function copyPicture(page: Page): Promise<void> {
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    await navigator.clipboard.write([
      new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) }),
    ]);
  }, PNG);
}

/** As a file manager does it. */
async function drop(target: Locator, files: { name: string; text: string }[]): Promise<void> {
  const data = await target.page().evaluateHandle((all) => {
    const transfer = new DataTransfer();
    for (const { name, text } of all) transfer.items.add(new File([text], name));
    return transfer;
  }, files);
  await target.dispatchEvent('dragover', { dataTransfer: data });
  await target.dispatchEvent('drop', { dataTransfer: data });
}

describe('files go into the sandbox and their paths are typed', () => {
  test('a picture from the clipboard, in a shell', async () => {
    const { page, enter, shows } = await openShell();
    await copyPicture(page);
    await page.keyboard.type('grep -ac PNG ');
    await page.keyboard.press('Control+Shift+V');
    await shows('the path', (all) => all.some((row) => /PNG \/home\/claude\/.*\.png/.test(row)));
    await enter('');
    // The browser encodes it anew: not the same bytes, but a picture.
    await shows('1');
  });

  test('a picture from the clipboard, in Claude, which takes it in', async () => {
    const { page } = await openShell();
    const claude = (await admin.sessions(sandboxId)).find((it) => it.kind === 'claude');
    await page.getByRole('tab', { name: claude?.name }).click();
    const region = page.locator(`[data-session="${claude?.id}"]`);
    await region.getByText('bypass permissions on').waitFor();
    await copyPicture(page);
    await region.click();
    await page.keyboard.press('Control+V');
    await region.getByText(/\[Image #1\]/).waitFor();
    await page.keyboard.press('Control+C');
  });

  test('dropped files, one after another, whatever their names', async () => {
    const { page, region, enter, shows } = await openShell();
    await page.keyboard.type('cat ');
    await drop(region.locator('.terminal-host .xterm-screen'), [
      { name: 'first.txt', text: 'dropped-1\n' },
      { name: 'sécond $(x) file.txt', text: 'dropped-2\n' },
    ]);
    await page.getByText('Uploaded sécond $(x) file.txt').waitFor();
    await enter('');
    await shows('both contents', (all) => all.includes('dropped-1') && all.includes('dropped-2'));
  });
});

sshAccess(() => ({ admin, sandboxId, visit }));

describe('panes and tabs', () => {
  test('two shells side by side: resized, kept over a reload, closed', async () => {
    const { page, region, enter, shows } = await openShell();
    const panes = page.locator('[role="tabpanel"]:not([inert]) [data-session]');
    await page.getByRole('button', { name: 'Split right' }).click();
    await until('two panes', SHOWN_MS, async () => (await panes.count()) === 2);
    const right = panes.nth(1);
    await right.locator('.xterm-rows').getByText('❯').first().waitFor();
    // The new one has the keyboard.
    await enter('echo right-$((6*7))');
    await right.getByText('right-42', { exact: true }).waitFor();

    const width = async (pane: Locator) => Math.round((await pane.boundingBox())?.width ?? 0);
    // A reload cuts off the request that saves this.
    const saving = '**/api/trpc/*account.setLayout*';
    await page.route(saving, (route) => route.abort());
    const handle = page.getByRole('separator', { name: 'Resize the panes' });
    const box = await handle.boundingBox();
    if (!box) throw new Error('no handle between the panes');
    await page.mouse.move(box.x + box.width / 2, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x - 200, box.y + 200, { steps: 4 });
    await page.mouse.up();
    const widths = [await width(panes.nth(0)), await width(right)] as const;
    expect(widths[1] - widths[0]).toBeGreaterThan(350);
    await region.click();
    await enter('echo columns-$(($(tput cols) < 60))');
    await shows('columns-1');

    await page.reload();
    const saved = page.waitForResponse(/account\.setLayout/);
    await page.unroute(saving);
    await until('the same panes', SHOWN_MS, async () => (await panes.count()) === 2);
    await right.getByText('right-42', { exact: true }).waitFor();
    expect(Math.abs((await width(panes.nth(0))) - widths[0])).toBeLessThan(4);
    await saved;

    await right.click();
    await enter('exit 3');
    await right.getByText('This session has ended with exit code 3').waitFor();
    await right.getByRole('button', { name: 'Close' }).click();
    await until('one pane', SHOWN_MS, async () => (await panes.count()) === 1);
    expect(await width(panes.first())).toBeGreaterThan(1_200);
    await region.click();
    await enter('echo alone-$((6*7))');
    await shows('alone-42');
    await page.getByRole('button', { name: 'Split down' }).click();
    await right.locator('.xterm-rows').getByText('❯').first().waitFor();
    await enter('exit');
    await until('one pane, nothing to close', SHOWN_MS, async () => (await panes.count()) === 1);
  });
});

describe('search', () => {
  test('finds, goes on, says when there is none, and gives the keyboard back', async () => {
    const { page, region, enter, shows } = await openShell();
    await enter("printf 'needle-%s\\n' 1 2 3");
    await shows('needle-3');
    await page.keyboard.press('Control+f');
    const box = region.getByLabel('Search in the terminal');
    const result = region.getByRole('search').getByRole('status');
    const says = (text: string | RegExp) =>
      until(`the search says ${text}`, SHOWN_MS, async () =>
        new RegExp(text).test((await result.textContent()) ?? ''),
      );
    await page.keyboard.type('needle-\\d');
    await says('^None$');
    await region.getByRole('button', { name: 'Regular expression' }).click();
    await says('^\\d/3$');
    const first = await result.textContent();
    await box.press('Enter');
    await until('the next match', SHOWN_MS, async () => (await result.textContent()) !== first);
    await box.press('Shift+Enter');
    await until('the first match', SHOWN_MS, async () => (await result.textContent()) === first);
    await box.fill('needle-(');
    await says('^Not a pattern$');
    await box.press('Escape');
    await box.waitFor({ state: 'detached' });
    await enter('echo back-$((6*7))');
    await shows('back-42');
  });
});

describe('a program and the clipboard (OSC 52)', () => {
  const copy = (text: string) => `printf '\\e]52;c;%s\\a' $(printf ${text} | base64)`;
  const question = 'A program wants to copy to your clipboard';

  test('asks first; may be allowed for good; may be denied', async () => {
    const { page, region, enter, shows } = await openShell();
    await page.evaluate(() => navigator.clipboard.writeText('mine'));
    await enter(copy('asked-for'));
    const asked = page.getByRole('listitem').filter({ hasText: question });
    await asked.getByText('asked-for').waitFor();
    expect(await clipboard(page)).toBe('mine');
    await asked.getByRole('button', { name: 'Copy', exact: true }).click();
    await until('it was copied', SHOWN_MS, async () => (await clipboard(page)) === 'asked-for');
    await asked.waitFor({ state: 'detached' });

    await page.keyboard.press('Control+l');
    await enter(copy('second'));
    await asked.getByRole('button', { name: 'Always allow' }).click();
    await until('it was copied', SHOWN_MS, async () => (await clipboard(page)) === 'second');
    await asked.waitFor({ state: 'detached' });
    await enter(copy('third'));
    await until('it was copied unasked', SHOWN_MS, async () => (await clipboard(page)) === 'third');

    await prefer({ clipboardWrite: 'deny' });
    await page.reload();
    await shows('a prompt', (all) => all.some((row) => row.endsWith('❯')));
    await region.click();
    await enter(`${copy('fourth')}; echo denied-$((6*7))`);
    await shows('denied-42', (all) => all.some((row) => row.includes('denied-42')));
    expect(await asked.count()).toBe(0);
    expect(await clipboard(page)).toBe('third');
    await prefer({ clipboardWrite: 'ask' });
  });
});

test('two browsers of different size: the one that typed last has its size', async () => {
  const wide = await openShell();
  const narrow = await elsewhere(wide.session, { width: 700 });
  const columns = async (shell: ShellPage, mark: string) => {
    await shell.region.click();
    await shell.enter(`echo ${mark}-$(tput cols)-`);
    const pattern = new RegExp(`^${mark}-(\\d+)-$`);
    await shell.shows(mark, (all) => all.some((row) => pattern.test(row)));
    const row = (await shell.rows()).find((it) => pattern.test(it)) ?? '';
    return Number(pattern.exec(row)?.[1]);
  };
  // tmux takes the new size with the key that it hears first; the shell has it at the next prompt.
  await narrow.enter('');
  const small = await columns(narrow, 'narrow');
  await wide.enter('');
  const large = await columns(wide, 'wide');
  expect(large).toBeGreaterThan(small + 30);
  expect(await columns(narrow, 'again')).toBe(small);
});

test('with screen-reader mode on, the lines can be read and output is announced', async () => {
  await prefer({ screenReader: true });
  const { region, enter, shows } = await openShell();
  await enter('echo spoken-$((6*7))');
  await shows('spoken-42');
  const announced = region.locator('[aria-live="assertive"]');
  await until('the output is announced', SHOWN_MS, async () =>
    (await announced.allTextContents()).join('').includes('spoken-42'),
  );
  await until('the line is in the accessibility tree', SHOWN_MS, async () =>
    /listitem: spoken-42\b/.test(await region.ariaSnapshot()),
  );
  await prefer({ screenReader: false });
});

test('on a phone: Esc, Tab, sticky Ctrl, arrows and paste by soft keys', async () => {
  const session = await admin.openSession(sandboxId, 'shell');
  const phone = { width: 375, height: 740, touch: true };
  const { page, region, enter, shows } = await elsewhere(session, phone);
  const tap = (name: string) =>
    page.getByRole('toolbar', { name: 'Terminal keys' }).getByRole('button', { name, exact: true }).tap();
  await region.tap();
  await enter('cat -v');
  await shows('the command', (all) => all.some((row) => row.endsWith('cat -v')));
  for (const key of ['Esc', 'Up arrow', 'Left arrow', 'Tab']) await tap(key);
  await page.keyboard.type('x');
  await shows('the keys', (all) => all.some((row) => /^\^\[\^\[\[A\^\[\[D +x$/.test(row)));
  await tap('Ctrl');
  await page.keyboard.type('c');
  await shows(
    'a prompt again',
    (all) => all.at(-1) === '' && all.filter((row) => row.endsWith('❯')).length > 0,
  );
  await page.evaluate(() => navigator.clipboard.writeText('echo pasted-$((6*7))'));
  await tap('Paste');
  await shows('what was pasted', (all) => all.some((row) => row.endsWith('❯ echo pasted-$((6*7))')));
  await enter('');
  await shows('pasted-42');
  await tap('Up arrow');
  await shows(
    'the command again',
    (all) => all.filter((row) => row.endsWith('❯ echo pasted-$((6*7))')).length === 2,
  );
});

test('when the browser takes the WebGL context away, the terminal goes on without', async () => {
  const gpu = await openWebglBrowser();
  const visitor = await openVisitor(gpu, product, { as: admin });
  visitors.push(visitor);
  const { page } = visitor;
  const session = await admin.openSession(sandboxId, 'shell');
  await page.goto(`/sandboxes/${sandboxId}`);
  await page.locator(`[role="tab"][id$="${session.id}-tab"]`).click();
  const region = page.locator(`[data-session="${session.id}"]`);
  await region.and(page.locator('[data-connection="connected"]')).waitFor();
  await region.click();
  const drawn = region.locator('.xterm-rows');
  expect(await drawn.count()).toBe(0);
  const lost = await region.locator('canvas').evaluateAll(
    (all) =>
      all.flatMap((it) => {
        const context = it instanceof HTMLCanvasElement ? it.getContext('webgl2') : null;
        context?.getExtension('WEBGL_lose_context')?.loseContext();
        return context ? [it] : [];
      }).length,
  );
  expect(lost).toBe(1);
  await page.keyboard.type('echo drawn-$((6*7))');
  await page.keyboard.press('Enter');
  await drawn.getByText('drawn-42', { exact: true }).waitFor();
  await gpu.close();
});
