/**
 * A person's whole task in a real browser: signs in, opens a session, asks for something, answers, allows, reads the
 * change, takes another model, and comes back on the phone. A picture of each step is kept, dark and light.
 */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Account } from './account';
import { leave, openBrowser, openVisitor, signIn, type Visitor } from './browser';
import { artifacts } from './product';
import { workersProduct } from './workers-product';

const product = workersProduct();
let browser: Browser;
let admin: Account;
let sandboxId = '';
const visitors: Visitor[] = [];

beforeAll(async () => {
  browser = await openBrowser();
  admin = await Account.signIn(product, product);
  sandboxId = (await admin.createSandbox('orders')).id;
  await admin.reaches(sandboxId, 'running');
});
afterEach((context) => leave(product, visitors, context));
afterAll(async () => {
  await browser.close();
  if (sandboxId !== '') await admin.call('DELETE', `/api/sandboxes/${sandboxId}`);
});

async function visit(options: Parameters<typeof openVisitor>[2]): Promise<Visitor> {
  const visitor = await openVisitor(browser, product, options);
  visitors.push(visitor);
  return visitor;
}

/** The page as it stands, in both schemes. */
async function picture(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${artifacts}/task-${name}-${colorScheme}.png`, animations: 'disabled' });
  }
}

const FILE = '/home/claude/workspace/order.ts';
const BEFORE = `export interface Order {
  id: string;
  lines: { price: number; count: number }[];
}

export function total(order: Order): number {
  return order.lines.reduce((sum, it) => sum + it.price, 0);
}
`;
const PLAN = `say The total forgets **how many** of a line were ordered. Three things to do:

1. multiply \`price\` by \`count\`
2. add a test for an order of *two* equal lines
3. run the tests

| line | price | count | should be |
| --- | ---: | ---: | ---: |
| pen | 1.20 | 10 | 12.00 |
| ink | 8.00 | 2 | 16.00 |

\`\`\`ts
const sum = lines.reduce((all, it) => all + it.price * it.count, 0);
\`\`\``;

function driverOf(page: Page, session: string): { view: Locator; say(text: string): Promise<void> } {
  const view = page.getByRole('region', { name: `Driver: ${session}` });
  const box = view.getByLabel('Message to Claude');
  return {
    view,
    async say(text) {
      await box.fill(text);
      await view.getByRole('button', { name: 'Send' }).click();
    },
  };
}
const done = (view: Locator, turn: number) =>
  view.locator(`[data-turn="${turn}"] [data-stop="completed"]`).waitFor();

test('from the sign-in to the phone', async () => {
  const { page, complaints } = await visit({ scheme: 'dark' });
  await page.goto('/');
  await page.getByLabel('User name').waitFor();
  await picture(page, '01-sign-in');
  await signIn(page, product);
  await page.getByRole('link', { name: 'orders' }).first().waitFor();
  await picture(page, '02-home');
  await page.getByRole('link', { name: 'orders' }).first().click();

  await page.getByRole('button', { name: 'New session' }).click();
  await page.getByRole('menuitem', { name: 'With options…' }).click();
  const dialog = page.getByRole('dialog', { name: 'New session' });
  await dialog.getByLabel('Name').fill('Mend the total');
  await dialog.getByLabel('Permissions').selectOption('manual');
  await picture(page, '03-new-session');
  await dialog.getByRole('button', { name: 'Open' }).click();
  await page
    .getByRole('group', { name: 'View of Mend the total' })
    .getByRole('button', { name: 'Driver' })
    .click();
  const { view, say } = driverOf(page, 'Mend the total');
  await view.and(page.locator('[data-state="live"]')).waitFor();
  await picture(page, '04-empty');

  await say(PLAN);
  await view.getByRole('table').getByText('16.00').waitFor();
  await view.getByRole('button', { name: 'Copy the code' }).waitFor();
  await done(view, 1);
  await picture(page, '05-answer');

  await say('ask Which numbers shall a total have? | Cents as integers | Decimals');
  const question = view.getByRole('region', { name: 'Claude asks' });
  await question.getByText('Decimals', { exact: true }).waitFor();
  await picture(page, '06-question');
  await question.getByRole('radio', { name: 'Cents as integers' }).click();
  await view.getByText(/^answered: .*Cents as integers/).waitFor();
  await done(view, 2);

  await say(`write ${FILE} ${BEFORE}`);
  const asked = view.getByRole('region', { name: /^May Claude use Write/ });
  await asked.getByText('interface').waitFor();
  await picture(page, '07-permission');
  await asked.getByRole('button', { name: 'Allow', exact: true }).click();
  await asked.waitFor({ state: 'detached' });
  await done(view, 3);

  const change = { file_path: FILE, old_string: 'sum + it.price,', new_string: 'sum + it.price * it.count,' };
  await say(`use Edit ${JSON.stringify(change)}`);
  const again = view.getByRole('region', { name: /^May Claude use Edit/ });
  await again.getByText('count').first().waitFor();
  await again.getByRole('button', { name: 'Allow', exact: true }).click();
  await done(view, 4);
  const diff = view.locator('[data-tool="Edit"]').getByRole('table', { name: 'Changes in order.ts' });
  await diff.getByText('count').first().waitFor();
  const lines = await diff.getByRole('row').allInnerTexts();
  expect(lines.filter((it) => it.includes('+')).length).toBeGreaterThan(0);
  await picture(page, '08-diff');

  await view.getByRole('button', { name: /^Model and effort/ }).click();
  await picture(page, '09-models');
  await page.getByRole('menuitem', { name: /^Haiku/ }).click();
  await page.getByText(/answers now$/).waitFor();
  await view.getByRole('button', { name: /Haiku/ }).waitFor();
  await say('say it is another one that speaks');
  await view.getByText('it is another one that speaks', { exact: true }).waitFor();
  await done(view, 5);
  await picture(page, '10-switched');

  // In the tram: it asks something, and the person is elsewhere.
  await say('ask Shall I also mend the invoices? | Yes | No');
  await view.getByRole('region', { name: 'Claude asks' }).waitFor();
  await page.close();
  const phone = await visit({ scheme: 'dark', width: 375, height: 740, touch: true });
  await signIn(phone.page, product);
  await phone.page.getByRole('link', { name: 'orders' }).first().waitFor();
  await picture(phone.page, '11-phone-home');
  await phone.page.getByRole('button', { name: /^Notifications/ }).tap();
  const told = phone.page.getByRole('dialog', { name: 'Notifications' });
  const news = told.getByRole('link', { name: /Unread.*Claude waits for you · Mend the total/ });
  await news.getByText('Shall I also mend the invoices?').waitFor();
  await picture(phone.page, '12-phone-told');
  await news.tap();
  const { view: small } = driverOf(phone.page, 'Mend the total');
  const card = small.getByRole('region', { name: 'Claude asks' });
  await card.getByRole('radio', { name: 'Yes' }).waitFor();
  await picture(phone.page, '13-phone-question');
  await card.getByRole('radio', { name: 'Yes' }).tap();
  await small.getByText(/^answered: .*Yes/).waitFor();
  await picture(phone.page, '14-phone-done');
  expect([...complaints, ...phone.complaints]).toEqual([]);
});
