/** A shell of a sandbox in a visitor's page: typed into and read like a person does it. */
import type { Locator, Page } from 'playwright-core';
import type { SessionView } from '../shared/views';
import { until } from './until';

const SHOWN_MS = 30_000;

export interface ShellPage {
  page: Page;
  session: SessionView;
  /** The terminal's part of the page. */
  region: Locator;
  /** What is on the screen, see the flags in browser.ts. */
  rows(): Promise<string[]>;
  /** Waits until the rows are as wanted, or one of them is the given text; a failure tells what is there instead. */
  shows(what: string, check?: (rows: string[]) => boolean): Promise<void>;
  /** Types a line and Enter to whatever has the keyboard. */
  enter(text: string): Promise<void>;
}

/** Opens the sandbox's page, or takes the one that is open, and waits for the session's prompt. */
export async function showShell(page: Page, session: SessionView): Promise<ShellPage> {
  const path = `/sandboxes/${session.sandboxId}`;
  if (!page.url().endsWith(path)) await page.goto(path);
  await page.locator(`[role="tab"][id$="${session.id}-tab"]`).click();
  const region = page.locator(`[data-session="${session.id}"]`);
  const rows = async () =>
    (await region.locator('.xterm-rows > div').allTextContents()).map((row) =>
      row.replaceAll('\u00a0', ' ').trimEnd(),
    );
  const shows = (what: string, check = (all: string[]) => all.includes(what)) =>
    until(`the screen shows ${what}`, SHOWN_MS, async () => check(await rows())).then(
      () => undefined,
      async (cause: unknown) => {
        throw new Error(`the screen shows:\n${(await rows()).join('\n')}`, { cause });
      },
    );
  const enter = async (text: string) => {
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  };
  await shows('a prompt', (all) => all.some((row) => /[$%❯]$/.test(row)));
  await region.click();
  return { page, session, region, rows, shows, enter };
}
