/** Our terminal path against a bare node-pty + ws server on `docker exec -it`, the same job in one run. See README. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { ClientOp, encodeAck, frame, ServerOp, TERMINAL_SUBPROTOCOL } from '../shared/terminal-frames';

const run = promisify(execFile);
const KEYS = 500;
const ROUNDS = 3;
const IDLE_TERMINALS = 20;
const DEADLINE_MS = 60_000;

interface Target {
  name: string;
  pid: number;
  open(session: string): WebSocket;
  payload(message: Buffer): Buffer | null;
  input(text: string): Buffer;
  ack: boolean;
}

class Terminal {
  readonly socket: WebSocket;
  #seen = '';
  #wake: () => void = () => undefined;
  bytes = 0;
  constructor(
    readonly target: Target,
    session: string,
  ) {
    this.socket = target.open(session);
    this.socket.on('message', (message: Buffer) => {
      const data = target.payload(message);
      if (!data) return;
      this.bytes += data.length;
      if (target.ack) this.socket.send(encodeAck(data.length));
      this.#seen = (this.#seen + data.toString('latin1')).slice(-65_536);
      this.#wake();
    });
  }
  send(text: string): void {
    this.socket.send(this.target.input(text));
  }
  forget(): void {
    this.#seen = '';
  }
  async sees(what: string): Promise<void> {
    const end = Date.now() + DEADLINE_MS;
    while (!this.#seen.includes(what)) {
      if (Date.now() > end) throw new Error(`${this.target.name}: ${what} did not come`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
  async close(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }
}

const PROMPT = '\u276f';
const prompt = Buffer.from(PROMPT).toString('latin1');

async function attachMs(target: Target, session: string): Promise<number> {
  const started = performance.now();
  const terminal = new Terminal(target, session);
  await terminal.sees(prompt);
  const ms = performance.now() - started;
  await terminal.close();
  return ms;
}

async function echoMs(target: Target, session: string): Promise<number[]> {
  const terminal = new Terminal(target, session);
  await terminal.sees(prompt);
  terminal.send('stty -echo -icanon; echo go; cat; stty sane\r');
  await terminal.sees('go');
  const times: number[] = [];
  for (let key = 0; key < KEYS; key += 1) {
    terminal.forget();
    const started = performance.now();
    terminal.send('z');
    await terminal.sees('z');
    times.push(performance.now() - started);
  }
  terminal.forget();
  terminal.send('\x03');
  await terminal.sees(prompt);
  terminal.send('stty sane; clear\r');
  await terminal.close();
  return times;
}

async function bulkMs(target: Target, session: string): Promise<number> {
  const terminal = new Terminal(target, session);
  await terminal.sees(prompt);
  const started = performance.now();
  terminal.send('seq 1 1000000; echo bulk""end\r');
  await terminal.sees('bulkend');
  const ms = performance.now() - started;
  terminal.send('clear\r');
  await terminal.close();
  return ms;
}

async function interruptMs(target: Target, session: string): Promise<number> {
  const terminal = new Terminal(target, session);
  await terminal.sees(prompt);
  terminal.send('clear; yes 0123456789\r');
  await terminal.sees('0123456789');
  const from = terminal.bytes;
  while (terminal.bytes < from + 500_000) await new Promise((resolve) => setTimeout(resolve, 20));
  terminal.forget();
  const started = performance.now();
  terminal.send('\x03');
  await terminal.sees(prompt);
  const ms = performance.now() - started;
  terminal.send('clear\r');
  await terminal.close();
  return ms;
}

/** Resident memory of a process and all below it, kB. */
async function memoryKb(pid: number): Promise<number> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,rss=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const family = new Set([pid]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const [id = 0, parent = 0] of rows) {
      if (family.has(parent) && !family.has(id)) grown = Boolean(family.add(id));
    }
  }
  return rows.reduce((sum, [id = 0, , rss = 0]) => sum + (family.has(id) ? rss : 0), 0);
}

async function idleKb(target: Target, sessions: string[]): Promise<number> {
  const before = await memoryKb(target.pid);
  const open = sessions.map((session) => new Terminal(target, session));
  for (const terminal of open) await terminal.sees(prompt);
  const after = await memoryKb(target.pid);
  for (const terminal of open) await terminal.close();
  return (after - before) / sessions.length;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no stdout');
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return String(line);
}

function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

const oursProcess = spawn(process.execPath, ['--import', 'tsx', `${import.meta.dirname}/ours.ts`], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const ours = JSON.parse(await firstLine(oursProcess));
const peerProcess = spawn(process.execPath, [`${import.meta.dirname}/peer.mjs`, ours.container], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const peer = JSON.parse(await firstLine(peerProcess));
  const targets: Target[] = [
    {
      name: 'ours',
      pid: oursProcess.pid ?? 0,
      ack: true,
      open: (session) =>
        new WebSocket(
          `ws://127.0.0.1:${ours.port}/ws/sandboxes/${ours.sandbox}/terminal?session=${session}&cols=80&rows=24`,
          TERMINAL_SUBPROTOCOL,
          { perMessageDeflate: false },
        ),
      payload: (message) => (message[0] === ServerOp.output ? message.subarray(1) : null),
      input: (text) => Buffer.from(frame(ClientOp.input, Buffer.from(text))),
    },
    {
      name: 'node-pty + docker exec',
      pid: peerProcess.pid ?? 0,
      ack: false,
      open: (session) =>
        new WebSocket(`ws://127.0.0.1:${peer.port}/?session=${session}`, { perMessageDeflate: false }),
      payload: (message) => message,
      input: (text) => Buffer.from(text),
    },
  ];
  const results = new Map(
    targets.map((it) => [
      it,
      {
        attach: [] as number[],
        echo: [] as number[],
        bulk: [] as number[],
        interrupt: [] as number[],
        idle: 0,
      },
    ]),
  );
  const [session = '', ...others] = ours.sessions as string[];
  for (const other of [session, ...others.slice(0, IDLE_TERMINALS)]) {
    const [target] = targets;
    if (target) await attachMs(target, other);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    // A B, B A, A B: a drift of the machine hits both.
    for (const target of round % 2 === 0 ? targets : [...targets].reverse()) {
      const result = results.get(target);
      if (!result) continue;
      for (let i = 0; i < 8; i += 1) result.attach.push(await attachMs(target, session));
      result.echo.push(...(await echoMs(target, session)));
      result.bulk.push(await bulkMs(target, session));
      for (let i = 0; i < 3; i += 1) result.interrupt.push(await interruptMs(target, session));
    }
  }
  for (const [target, result] of results) result.idle = await idleKb(target, others.slice(0, IDLE_TERMINALS));
  const [first, second] = [...results.values()];
  if (!first || !second) throw new Error('two targets are needed');
  type Result = typeof first;
  const rows: [string, (it: Result) => number][] = [
    ['echo p50 ms', (it) => quantile(it.echo, 0.5)],
    ['echo p95 ms', (it) => quantile(it.echo, 0.95)],
    ['echo p99 ms', (it) => quantile(it.echo, 0.99)],
    ['seq 1 1000000 ms', (it) => quantile(it.bulk, 0.5)],
    ['attach warm p50 ms', (it) => quantile(it.attach, 0.5)],
    ['Ctrl-C in a flood p50 ms', (it) => quantile(it.interrupt, 0.5)],
    ['Ctrl-C in a flood max ms', (it) => Math.max(...it.interrupt)],
    ['memory per idle terminal kB', (it) => it.idle],
  ];
  process.stdout.write(`| | ours | node-pty + docker exec | ratio |\n| --- | --- | --- | --- |\n`);
  for (const [name, of] of rows) {
    process.stdout.write(
      `| ${name} | ${of(first).toFixed(2)} | ${of(second).toFixed(2)} | ${(of(first) / of(second)).toFixed(2)} |\n`,
    );
  }
  process.stdout.write(`| SSH connection cold ms | ${Number(ours.coldMs).toFixed(0)} | - | - |\n`);
  const load = (await readFile('/proc/loadavg', 'utf8')).split(' ')[0];
  process.stdout.write(`\nload average ${load}\n`);
} finally {
  peerProcess.kill();
  oursProcess.stdin.end();
  await once(oursProcess, 'exit');
}
