/** Whoever scrolls up or searches finds every line, also those that scrolled off faster than tmux draws. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Account } from './account';
import { leave, openBrowser, openVisitor, type Visitor } from './browser';
import { showShell } from './shell-page';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
const SHOWN_MS = 60_000;
const LINES = 1_500;
let browser: Browser;
let admin: Account;
let sandboxId = '';
const visitors: Visitor[] = [];

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
  sandboxId = (await admin.createSandbox('scrollback')).id;
  await admin.reaches(sandboxId, 'running');
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser.close();
  if (sandboxId === '') return;
  await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
  await admin.gone(sandboxId);
});

/** A new shell, alone in a page, with how often its terminal was attached and which states it showed. */
async function openShell() {
  const session = await admin.openSession(sandboxId, 'shell');
  const visitor = await openVisitor(browser, product, { as: admin });
  visitors.push(visitor);
  const { page } = visitor;
  let attaches = 0;
  page.on('websocket', (socket) => {
    if (socket.url().includes(session.id)) attaches++;
  });
  const shell = await showShell(page, session);
  await page.evaluate((id) => {
    const shown = document.querySelector(`[data-session="${id}"]`);
    new MutationObserver(() => {
      document.body.dataset.states = `${document.body.dataset.states ?? ''} ${shown?.getAttribute('data-connection')}`;
    }).observe(shown ?? document.body, { attributeFilter: ['data-connection'] });
  }, session.id);
  const states = () => page.evaluate(() => document.body.dataset.states ?? '');
  return { ...shell, states, attaches: () => attaches };
}

const numbers = (rows: string[]) => rows.filter((row) => /^\d+$/.test(row)).map(Number);
const isRun = (all: number[]) => all.every((it, at) => at === 0 || it === (all[at - 1] ?? 0) + 1);

test('after a burst every line is there, the place stays, and nobody sees a reconnect', async () => {
  const { page, rows, shows, enter, states, attaches } = await openShell();
  await enter(`seq 1 ${LINES}`);
  await shows('the end of the burst', (all) => all.includes(String(LINES)));
  const found = new Set(numbers(await rows()));
  const bottom = Math.min(...found);
  await page.mouse.wheel(0, -60);
  await until('the history was fetched', SHOWN_MS, () => attaches() === 2);
  await shows('some lines further up', (all) => {
    const seen = numbers(all);
    return (seen[0] ?? bottom) < bottom && (seen[0] ?? 0) > bottom - 20 && isRun(seen);
  });

  for (const it of numbers(await rows())) found.add(it);
  while (!found.has(1)) {
    const before = (await rows()).join('\n');
    await page.keyboard.press('Shift+PageUp');
    await shows('the page above', (all) => all.join('\n') !== before);
    for (const it of numbers(await rows())) found.add(it);
  }
  expect([...found].sort((a, b) => a - b)).toEqual(Array.from({ length: LINES }, (_, at) => at + 1));

  await enter('echo typed-$((6*7))');
  await shows('what was typed', (all) => all.filter((row) => row === 'typed-42').length === 1);
  expect(await states()).toBe('');
  expect(attaches()).toBe(2);
});

test('what is typed while the history is fetched comes once, and a clean scrollback is left alone', async () => {
  const { page, rows, shows, enter, states, attaches } = await openShell();
  await enter('echo slow; echo lines');
  await shows('both lines', (all) => all.includes('lines'));
  await enter(`seq 1 ${LINES}`);
  await shows('the end of the burst', (all) => all.includes(String(LINES)));
  await page.mouse.wheel(0, -60);
  await page.keyboard.type('echo one-$((1+1))-three', { delay: 15 });
  await page.keyboard.press('Enter');
  await shows('the answer', (all) => all.includes('one-2-three'));
  await until('the history was fetched', SHOWN_MS, () => attaches() === 2);
  await shows('the command, once', (all) => all.filter((row) => row.includes('echo one-')).length === 1);
  expect((await rows()).filter((row) => row === 'one-2-three')).toHaveLength(1);
  const bottom = (await rows()).join('\n');
  await page.keyboard.press('Shift+PageUp');
  await shows('the page above', (all) => all.join('\n') !== bottom && isRun(numbers(all)));
  expect(attaches()).toBe(2);
  expect(await states()).toBe('');
});

test('a search finds a line that was never drawn', async () => {
  const { page, region, shows, enter, attaches } = await openShell();
  await enter(`seq 1 ${LINES}`);
  await shows('the end of the burst', (all) => all.includes(String(LINES)));
  await page.keyboard.press('Control+f');
  await region.getByLabel('Search in the terminal').fill('777');
  await until('the match', SHOWN_MS, async () =>
    /1\/1/.test((await region.getByRole('search').textContent()) ?? ''),
  );
  await page.keyboard.press('Enter');
  await shows('the match', (all) => all.includes('777'));
  expect(attaches()).toBe(2);
});

test('lines that are drawn one by one need no history; a short burst on a cleared screen does', async () => {
  const { page, rows, shows, enter, attaches } = await openShell();
  await enter('for i in {1..90}; do echo $i; sleep 0.02; done; echo over');
  await shows('the end', (all) => all.includes('over'));
  await page.keyboard.press('Shift+PageUp');
  await shows('the page above', (all) => !all.includes('over') && isRun(numbers(all)));
  await page.keyboard.press('Shift+PageUp');
  await shows('the beginning', (all) => numbers(all)[0] === 1 && isRun(numbers(all)));
  expect(attaches()).toBe(1);

  const height = (await rows()).length;
  await enter(`clear; seq 1 ${height + 5}`);
  await shows('the end of the burst', (all) => all.includes(String(height + 5)));
  await page.keyboard.press('Shift+PageUp');
  await until('the history was fetched', SHOWN_MS, () => attaches() === 2);
  await shows('all from the first on', (all) => {
    const seen = numbers(all);
    const burst = seen.slice(seen.lastIndexOf(1));
    return seen.includes(1) && burst.length > 10 && isRun(burst);
  });
});
