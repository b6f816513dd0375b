/** From the API's byte to the frame in the hands of a reader, with the real Claude Code in between. See README. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { newestImage } from '../server/gateway/testing/box';
import { SANDBOXD_SOCKET, sandboxdApi } from '../shared/sandboxd-api';
import type { SandboxView, SessionView } from '../shared/views';
import { startFramesApi } from './frames-api';
import { byBrowser, byProgram, directly, type Heard } from './frames-readers';
import { loadAverage, memoryKb, quantile } from './processes';
import { type Product, startProduct } from './product';

const run = promisify(execFile);
const WORDS = Number(process.argv[2] ?? 1_000);
const PAUSE_MS = 10;
const BULK_WORDS = Number(process.argv[3] ?? 20_000);
const DEADLINE_MS = 180_000;

const prompt = (product: Product, session: string, words: number, pauseMs: number) =>
  product.call('POST', `/api/sessions/${session}/prompt`, {
    text: `bench ${words} ${pauseMs}`,
    id: randomUUID(),
  });

async function newSession(product: Product): Promise<{ sandbox: string; session: string }> {
  const [workspace] = await product.call<{ id: string }[]>('GET', '/api/workspaces');
  const sandboxes = `/api/workspaces/${workspace?.id}/sandboxes`;
  const { id } = await product.call<SandboxView>('POST', sandboxes, { name: 'bench-frames' });
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const path = `/api/sessions?sandbox_id=${id}`;
    const [session] = (await product.call<{ sessions: SessionView[] }>('GET', path)).sessions;
    if (session?.live?.status === 'idle') return { sandbox: id, session: session.id };
    if (Date.now() > end) throw new Error('there is no session at its prompt');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function sandboxdMb(sandbox: string): Promise<number> {
  const { stdout: id } = await run('docker', ['ps', '-q', '--filter', `name=${sandbox}`]);
  const health = ['curl', '-sS', '--unix-socket', SANDBOXD_SOCKET, 'http://sandboxd/health'];
  const { stdout } = await run('docker', ['exec', '-u', 'claude', id.trim(), ...health]);
  return sandboxdApi.health.output.parse(JSON.parse(stdout)).rssBytes / 1024 / 1024;
}

const loadBefore = await loadAverage();
const api = await startFramesApi();
const product = await startProduct(await newestImage(), api.url);
try {
  const { sandbox, session } = await newSession(product);
  const rows: [string, Heard][] = [['API itself', await directly(api.url, WORDS, PAUSE_MS)]];
  const idle = { gateway: await memoryKb(product.gatewayPid), sandboxd: await sandboxdMb(sandbox) };

  const read = await byProgram(product, session, 0);
  const browser = await byBrowser(product, session, 0);
  try {
    const turn = read();
    await prompt(product, session, WORDS, PAUSE_MS);
    const heard = await turn;
    rows.push(['program', heard], ['browser', { ...heard, late: await browser.heard }]);
  } finally {
    await browser.close();
  }

  const bulkDirect = await directly(api.url, BULK_WORDS, 0);
  const readBulk = await byProgram(product, session, rows[1]?.[1].frames ?? 0);
  await prompt(product, session, BULK_WORDS, 0);
  const bulk = await readBulk();
  const busy = { gateway: await memoryKb(product.gatewayPid), sandboxd: await sandboxdMb(sandbox) };

  const print = (text: string) => process.stdout.write(`${text}\n`);
  print('| from the API to | p50 ms | p99 ms | max ms | added p50 | added p99 |\n|---|---|---|---|---|---|');
  const [[, direct]] = rows as [[string, Heard]];
  for (const [name, { late }] of rows) {
    const at = (q: number) => quantile(late, q);
    const added = [0.5, 0.99].map((q) => (at(q) - quantile(direct.late, q)).toFixed(2));
    print(
      `| ${name} (${late.length}) | ${at(0.5).toFixed(2)} | ${at(0.99).toFixed(2)} | ${at(1).toFixed(2)} | ${added.join(' | ')} |`,
    );
  }
  const rate = ({ late, tookMs }: Heard) => Math.round((late.length / tookMs) * 1_000);
  print(
    `\n${bulk.late.length} words without a pause: ${rate(bulk)} frames/s, API itself ${rate(bulkDirect)} events/s`,
  );
  print(
    `gateway, proportional: ${(idle.gateway / 1024).toFixed(0)} MB idle, ${(busy.gateway / 1024).toFixed(0)} MB after it`,
  );
  print(`sandboxd, resident: ${idle.sandboxd.toFixed(0)} MB idle, ${busy.sandboxd.toFixed(0)} MB after it`);
  print(`load average before ${loadBefore}, after ${await loadAverage()}`);
} finally {
  await product.close();
  await api.close();
}
