/** Two instances on one machine: other port, other folder, one with its agent in the gateway; nothing in common. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { hostTable, LABEL_INSTANCE } from '../shared/names';
import { Account } from './account';
import { leave, openBrowser, openVisitor, signIn, type Visitor } from './browser';
import { API_KEY } from './global-setup';
import { type ProductFacts, startProduct } from './product';
import { lines } from './traces';
import { workersProduct } from './workers-product';

const first = workersProduct();
const visitors: Visitor[] = [];
let second: ProductFacts & { close(): Promise<void> };

beforeAll(async () => {
  const env = { HOST_AGENT_MODE: 'embedded' };
  second = await startProduct({ name: 'second', apiUrl: first.apiUrl, apiKey: API_KEY, env });
});
afterEach((context) => leave(second, visitors, context));
afterAll(() => second.close());

test('one browser is signed in to both: cookies ignore ports, so their names differ', async () => {
  const browser = await openBrowser();
  const visitor = await openVisitor(browser, first);
  visitors.push(visitor);
  await signIn(visitor.page, first);
  await visitor.page.goto(`${second.url}/sign-in`);
  await visitor.page.getByLabel('User name').fill(second.username);
  await visitor.page.getByLabel('Password', { exact: true }).fill(second.password);
  await visitor.page.getByRole('button', { name: 'Sign in' }).click();
  await visitor.page.waitForURL(`${second.url}/`);
  for (const { url } of [first, second]) {
    expect((await visitor.page.request.get(`${url}/api/auth/check`)).status()).toBe(200);
  }
  await browser.close();
});

test('each has its own sandboxes; the end of one leaves the other alone', async () => {
  const account = await Account.signIn(second, second);
  const { id } = await account.createSandbox('elsewhere');
  await account.reaches(id, 'running');
  expect((await (await Account.signIn(first, first)).fetch('GET', `/api/sandboxes/${id}`)).status).toBe(404);
  await second.close();
  const label = `label=${LABEL_INSTANCE}=${second.instance}`;
  expect(await lines('docker', ['ps', '-aq', '--filter', label])).toEqual([]);
  expect(await lines('nft', ['list', 'table', 'inet', hostTable(first.instance)])).not.toEqual([]);
  expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
});
