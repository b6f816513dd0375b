/** What the API proxy adds: time to the first event and throughput at 1, 16 and 64 streams. See README. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAverage, memoryKb, quantile, startProgram, startServer } from './processes';

const ROUNDS = Number(process.argv[2] ?? 5);
const LITELLM = process.argv[3];
const STREAMS = [1, 16, 64] as const;
/** Requests of a round: enough for a 99th percentile over the rounds. */
const REQUESTS = 128;
const FIRST_WORDS = 1;
const BULK_WORDS = 5_000;
const START_MS = 120_000;
/** As models write: so many words, one each so many ms, on all streams but the one that is measured. */
const PACED_WORDS = 100;
const PACE_MS = 20;
const PACED_STREAMS = 63;

interface Target {
  name: string;
  port: number;
  path: string;
  token: string;
  agent: Agent;
}
interface Answer {
  firstMs: number;
  bytes: number;
}

function ask(target: Target, words: number, paceMs = 0): Promise<Answer> {
  const body = JSON.stringify({
    ...{ model: 'claude-opus-5-5', max_tokens: words, stream: true, metadata: { pace_ms: paceMs } },
    messages: [{ role: 'user', content: 'Say something.' }],
  });
  return new Promise((resolve, reject) => {
    const since = performance.now();
    let firstMs = 0;
    let bytes = 0;
    const asked = request(
      {
        ...{ port: target.port, path: target.path, method: 'POST', agent: target.agent },
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'anthropic-version': '2023-06-01',
          authorization: `Bearer ${target.token}`,
        },
      },
      (response) => {
        if (response.statusCode !== 200) reject(new Error(`${target.name} answered ${response.statusCode}`));
        response.on('data', (chunk: Buffer) => {
          if (bytes === 0) firstMs = performance.now() - since;
          bytes += chunk.length;
        });
        response.on('end', () => resolve({ firstMs, bytes })).on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

async function round(
  target: Target,
  streams: number,
  words: number,
): Promise<{ answers: Answer[]; ms: number }> {
  const since = performance.now();
  const answers: Answer[] = [];
  let left = words === FIRST_WORDS ? REQUESTS : Math.max(streams, 4);
  await Promise.all(
    Array.from({ length: streams }, async () => {
      while (left-- > 0) answers.push(await ask(target, words));
    }),
  );
  return { answers, ms: performance.now() - since };
}

/** First events of one request after the other while the other streams are written at their pace. */
async function inUse(target: Target): Promise<number[]> {
  let over = false;
  const others = Array.from({ length: PACED_STREAMS }, async (_, at) => {
    // Not all in the same moment.
    await new Promise((resolve) => setTimeout(resolve, (at * PACED_WORDS * PACE_MS) / PACED_STREAMS));
    while (!over) await ask(target, PACED_WORDS, PACE_MS);
  });
  await new Promise((resolve) => setTimeout(resolve, PACED_WORDS * PACE_MS));
  const firsts: number[] = [];
  while (firsts.length < REQUESTS) firsts.push((await ask(target, FIRST_WORDS)).firstMs);
  over = true;
  await Promise.all(others);
  return firsts;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function startLiteLlm(program: string, upstream: string, folder: string) {
  const port = await freePort();
  const config = join(folder, 'litellm.json');
  const params = { model: 'anthropic/claude-opus-5-5', api_base: upstream, api_key: 'sk-bench' };
  writeFileSync(
    config,
    JSON.stringify({ model_list: [{ model_name: 'claude-opus-5-5', litellm_params: params }] }),
  );
  const server = startServer([program, '--config', config, '--port', String(port), '--host', '127.0.0.1']);
  const target = { name: 'LiteLLM', port, path: '/v1/messages', token: 'any', agent: keepAlive() };
  const end = Date.now() + START_MS;
  for (;;) {
    try {
      await ask(target, 1);
      return { target, server };
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

const keepAlive = () => new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
const tsx = (file: string, ...args: string[]) => [
  ...[process.execPath, '--import', 'tsx', join(import.meta.dirname, file)],
  ...args,
];

const folder = mkdtempSync(join(tmpdir(), 'cc-bench-proxy-'));
const ends: (() => Promise<void>)[] = [];
try {
  const loadBefore = await loadAverage();
  const api = await startProgram(tsx('proxy-api.ts'));
  ends.push(api.close);
  const upstream = `http://127.0.0.1:${Number(api.ready.port)}`;
  const ours = await startProgram(tsx('proxy-ours.ts', upstream, folder));
  ends.push(ours.close);
  const targets: Target[] = [
    { name: 'direct', port: Number(api.ready.port), path: '/v1/messages', token: 'x', agent: keepAlive() },
    {
      ...{ name: 'ours', port: Number(ours.ready.port), path: '/proxy/anthropic/v1/messages' },
      ...{ token: String(ours.ready.token), agent: keepAlive() },
    },
  ];
  if (LITELLM) {
    const peer = await startLiteLlm(LITELLM, upstream, folder);
    ends.push(peer.server.close);
    targets.push(peer.target);
  }
  const firsts = new Map<string, number[]>();
  const rates = new Map<string, number[]>();
  const used = new Map<string, number[]>();
  for (let at = 0; at <= ROUNDS; at += 1) {
    for (const streams of STREAMS)
      for (const target of targets) {
        const key = `${target.name} ${streams}`;
        const first = await round(target, streams, FIRST_WORDS);
        const bulk = await round(target, streams, BULK_WORDS);
        // The first round warms everything up.
        if (at === 0) continue;
        const bytes = bulk.answers.reduce((sum, it) => sum + it.bytes, 0);
        firsts.set(key, [...(firsts.get(key) ?? []), ...first.answers.map((it) => it.firstMs)]);
        rates.set(key, [...(rates.get(key) ?? []), bytes / 1_000 / bulk.ms]);
      }
    if (at > 0)
      for (const target of targets)
        used.set(target.name, [...(used.get(target.name) ?? []), ...(await inUse(target))]);
  }
  const line = (cells: (string | number)[]) => `| ${cells.join(' | ')} |\n`;
  const out = [
    line(['streams', 'target', 'first event p50, ms', 'p99, ms', 'MB/s', 'of direct']),
    line(Array(6).fill('---')),
  ];
  for (const streams of STREAMS)
    for (const { name } of targets) {
      const key = `${name} ${streams}`;
      const first = firsts.get(key) ?? [];
      const rate = quantile(rates.get(key) ?? [], 0.5);
      const base = quantile(rates.get(`direct ${streams}`) ?? [], 0.5);
      out.push(
        line([
          ...[streams, name, quantile(first, 0.5).toFixed(2), quantile(first, 0.99).toFixed(2)],
          ...[rate.toFixed(1), (rate / base).toFixed(2)],
        ]),
      );
    }
  const title = `first event beside ${PACED_STREAMS} streams`;
  out.push('\n', line([title, 'p50, ms', 'p99, ms']), line(Array(3).fill('---')));
  for (const [name, firsts] of used)
    out.push(line([name, quantile(firsts, 0.5).toFixed(2), quantile(firsts, 0.99).toFixed(2)]));
  process.stdout.write(out.join(''));
  const memory = Math.round((await memoryKb(ours.pid)) / 1024);
  process.stdout.write(
    `\nours: ${memory} MB; ${ROUNDS} rounds, load average before ${loadBefore}, after ${await loadAverage()}\n`,
  );
} finally {
  for (const end of ends.reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
}
