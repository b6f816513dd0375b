/** Requests a second over REST and frames a second over SSE and WebSocket, per core of the gateway. See README. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { startLoopback } from '../server/gateway/testing/loopback';
import { startTestServer } from '../server/http/testing';
import { addLoopbackBox } from '../server/http/testing-box';
import { loadAverage } from './processes';

const TOKEN = 'a-master-token-of-the-bench-0123456789';
const CONNECTIONS = 16;
const [requests = '3000', frames = '20000'] = process.argv.slice(2).filter((it) => it !== 'serve');

/** The gateway, alone in its process; each line of stdin is answered by the processor time so far. */
async function serve(): Promise<void> {
  const box = await startLoopback();
  const env = { CLOUD_CLAUDE_TOKEN: TOKEN, CLOUD_CLAUDE_MODE: 'headless' };
  const server = await startTestServer(env, { connections: box.connections });
  await addLoopbackBox(server, box);
  await box.emit(Number(frames));
  const say = (it: object) => process.stdout.write(`${JSON.stringify(it)}\n`);
  const cpuMs = () => {
    const { user, system } = process.cpuUsage();
    return { cpuMs: (user + system) / 1000 };
  };
  createInterface({ input: process.stdin })
    .on('line', () => say(cpuMs()))
    .on('close', () => void server.stop().then(() => box.close()));
  say({ port: server.port, session: box.sessionId });
}

if (process.argv.includes('serve')) await serve();
else await measure();

async function measure(): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, ['--import', 'tsx', self, 'serve', requests, frames], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? '{}');
  const { port, session } = (await next()) as { port: number; session: string };
  const cpu = async () => {
    child.stdin.write('\n');
    return ((await next()) as { cpuMs: number }).cpuMs;
  };
  const rows: Record<string, object> = {};
  async function timed(name: string, count: number, run: () => Promise<void>): Promise<void> {
    const before = await cpu();
    const from = performance.now();
    await run();
    const seconds = (performance.now() - from) / 1000;
    const busy = ((await cpu()) - before) / 1000;
    rows[name] = { 'per second': Math.round(count / seconds), 'per core second': Math.round(count / busy) };
  }
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = { authorization: `Bearer ${TOKEN}` };
  const answer = (path: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get({ port, path, headers, agent }, resolve).on('error', reject);
    });
  const fetchAll = async (path: string, count: number) => {
    let left = count;
    const worker = async () => {
      while (left-- > 0) {
        const response = await answer(path);
        if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`);
        response.resume();
        await once(response, 'end');
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  };
  const count = Number(requests);
  await fetchAll('/api/sessions', 200);
  for (const path of ['/api/health', '/api/auth/me', '/api/sessions', `/api/sessions/${session}`])
    await timed(`GET ${path.replace(session, '{id}')}`, count, () => fetchAll(path, count));
  const newest = Number(frames);
  await timed('frames by SSE', newest, async () => {
    const response = await answer(`/sse/sessions/${session}`);
    let tail = '';
    for await (const chunk of response) {
      tail = (tail + String(chunk)).slice(-4096);
      if (tail.includes(`"seq":${newest},`)) break;
    }
  });
  await timed('frames by WebSocket', newest, async () => {
    const url = `ws://127.0.0.1:${port}/ws/sessions/${session}`;
    const socket = new WebSocket(url, ['json', `bearer.${TOKEN}`]);
    let seen = 0;
    socket.on('message', () => {
      seen += 1;
      if (seen === newest) socket.close();
    });
    await once(socket, 'close');
  });
  console.table(rows);
  console.log(`load ${await loadAverage()}`);
  agent.destroy();
  child.stdin.end();
  await once(child, 'exit');
}
