/** Programs with tokens against the whole product: the examples of docs/api.md that need a real sandbox, as they stand. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Account } from './account';
import { root } from './product';
import { until } from './until';
import { workersProduct } from './workers-product';

const product = workersProduct();
let admin: Account;
let token = '';
let sandbox = '';
let session = '';
let shell = '';

async function mint(scopes: string[]): Promise<string> {
  const given = { label: 'api', scopes, sandbox_id: sandbox };
  return (await admin.call<{ plaintext: string }>('POST', '/api/tokens', given)).plaintext;
}

beforeAll(async () => {
  admin = await Account.signIn(product, product);
  sandbox = (await admin.createSandbox('programs')).id;
  await admin.reaches(sandbox, 'running');
  const claude = (await admin.sessions(sandbox)).find((it) => it.kind === 'claude');
  session = claude?.id ?? '';
  token = await mint(['*']);
  await until('the session takes a prompt', 30_000, async () => {
    const path = `/api/sessions/${session}`;
    const { state, last_seq } = await admin.call<{ state: string; last_seq: number }>('GET', path);
    return state === 'idle' && last_seq > 0;
  });
  const made = { sandbox_id: sandbox };
  shell = (await admin.call<{ id: string }>('POST', '/api/shells', made)).id;
});

const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
const commands = [...page.matchAll(/^```sh needs=sandbox\n([\s\S]*?)^```$/gm)].flatMap((block) =>
  (block[1] ?? '').split(/(?<!\\)\n/).filter((it) => it.trim() !== ''),
);

test.each(commands)('%s', async (command) => {
  const { stdout } = await promisify(execFile)('bash', ['-euc', command], {
    env: {
      ...{
        NODE_ENV: 'test' as const,
        PATH: process.env.PATH,
        TOKEN: token,
        SANDBOX: sandbox,
        SESSION: session,
        SHELL_ID: shell,
      },
      URL: product.url,
    },
  });
  if (stdout !== '') expect(JSON.parse(stdout)).toBeTypeOf('object');
  if (command.includes('/send'))
    expect(JSON.parse(stdout)).toMatchObject({
      partial: false,
      messages: expect.arrayContaining([expect.objectContaining({ role: 'assistant' })]),
    });
});

test('two callers at once get an answer each, in a turn of its own', async () => {
  const send = (prompt: string) =>
    admin.call<{ turn: number; messages: { role: string; text: string }[] }>(
      'POST',
      `/api/sessions/${session}/send`,
      { prompt },
    );
  const [one, two] = await Promise.all([send('say good morning'), send('say good morning again')]);
  expect(one.turn).not.toBe(two.turn);
  for (const it of [one, two])
    expect(it.messages.filter((message) => message.role === 'user')).toHaveLength(1);
});

test('who may only look sees a shell and types nothing in it', async () => {
  const { id } = await admin.call<{ id: string }>('POST', '/api/shells', { sandbox_id: sandbox });
  const open = (by: string) =>
    new WebSocket(`${product.url.replace('http', 'ws')}/ws/shells/${id}`, ['binary', `bearer.${by}`]);
  const typist = open(await mint(['shells:read', 'shells:input']));
  let seen = '';
  typist.on('message', (data) => {
    seen += String(data);
  });
  await once(typist, 'open');
  typist.send(Buffer.from('echo seen-$((6*7))\r'));
  await until('the shell answers', 20_000, async () => seen.includes('seen-42'));
  const viewer = open(await mint(['shells:read']));
  let shown = '';
  viewer.on('message', (data) => {
    shown += String(data);
  });
  await until('the viewer sees it', 20_000, async () => shown.includes('seen-42'));
  const closed = once(viewer, 'close');
  viewer.send(Buffer.from('echo never-$((6*7))\r'));
  expect((await closed)[0]).toBe(4403);
  typist.send(Buffer.from('echo still-$((6*7))\r'));
  await until('the shell goes on', 20_000, async () => seen.includes('still-42'));
  expect(seen).not.toContain('never-42');
  typist.close();
});
