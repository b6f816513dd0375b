/** Our terminal path against terminals that others serve to browsers, the same job in one run. See README. */
import { loadAverage, memoryKb, quantile } from './processes';
import { startTargets, type Target, type Wire } from './targets';

const KEYS = 500;
const [rounds = '3', ...names] = process.argv.slice(2);
const ROUNDS = Number(rounds);
const IDLE_TERMINALS = 50;
const DEADLINE_MS = 60_000;
/** What the attach before has left to do (its end; with us also the next channel kept ready) is not this one's. */
const BETWEEN_ATTACHES_MS = 400;
const SETTLE_TURNS = 8;
const SETTLED_KB = 8;

class Terminal {
  readonly target: Target;
  readonly #wire: Wire;
  #seen = '';
  #wake: () => void = () => undefined;
  bytes = 0;

  constructor(target: Target, session: string) {
    this.target = target;
    this.#wire = target.open(session, (data) => {
      this.bytes += data.length;
      this.#seen = (this.#seen + data.toString('latin1')).slice(-65_536);
      this.#wake();
    });
  }
  send(text: string): void {
    this.#wire.send(text);
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
  close(): Promise<void> {
    return this.#wire.close();
  }
}

const PROMPT = '\u276f';
const prompt = Buffer.from(PROMPT).toString('latin1');

async function attachMs(target: Target, session: string): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, BETWEEN_ATTACHES_MS));
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

let bulkRounds = 0;
async function bulkMs(target: Target, session: string): Promise<number> {
  const terminal = new Terminal(target, session);
  await terminal.sees(prompt);
  const started = performance.now();
  // Of this round: an earlier one may still be on the screen.
  bulkRounds += 1;
  terminal.send(`seq 1 1000000; echo bulk""end${bulkRounds}.\r`);
  await terminal.sees(`bulkend${bulkRounds}.`);
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

/** Per terminal, after the same terminals were open once before: kB of all processes, and of JavaScript heap. */
async function idle(target: Target, sessions: string[]): Promise<{ pss: number; heap: number }> {
  const openAll = async () => {
    const open: Terminal[] = [];
    for (const session of sessions) {
      const terminal = new Terminal(target, session);
      await terminal.sees(prompt);
      open.push(terminal);
    }
    return open;
  };
  // What was closed is let go of bit by bit: lingering ptys, closing sockets.
  const measure = async () => {
    let heap = Number.NaN;
    for (let turn = 0; turn < SETTLE_TURNS; turn += 1) {
      const last = heap;
      heap = ((await target.heapBytes?.()) ?? Number.NaN) / 1024;
      if (Math.abs(heap - last) < SETTLED_KB) break;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return { heap, pss: await memoryKb(target.pid) };
  };
  for (const terminal of await openAll()) await terminal.close();
  const before = await measure();
  const open = await openAll();
  const after = await measure();
  for (const terminal of open) await terminal.close();
  const each = (key: 'pss' | 'heap') => (after[key] - before[key]) / sessions.length;
  return { pss: each('pss'), heap: each('heap') };
}

interface Result {
  attach: number[];
  echo: number[];
  bulk: number[];
  interrupt: number[];
  pss: number;
  heap: number;
}

const loadBefore = await loadAverage();
const targets = await startTargets(names);
try {
  const results = new Map<Target, Result>();
  for (const target of targets.all)
    results.set(target, { attach: [], echo: [], bulk: [], interrupt: [], pss: 0, heap: 0 });
  const [session = '', ...others] = targets.sessions;
  const idlers = others.slice(0, IDLE_TERMINALS);
  // Makes the sessions.
  for (const target of targets.all.slice(0, 1))
    for (const each of [session, ...idlers]) await attachMs(target, each);
  for (let round = 0; round < ROUNDS; round += 1) {
    // A B, B A, A B: a drift of the machine hits all.
    for (const target of round % 2 === 0 ? targets.all : [...targets.all].reverse()) {
      const result = results.get(target);
      if (!result) continue;
      for (let i = 0; i < 8; i += 1) result.attach.push(await attachMs(target, session));
      result.echo.push(...(await echoMs(target, session)));
      result.bulk.push(await bulkMs(target, session));
      for (let i = 0; i < 3; i += 1) result.interrupt.push(await interruptMs(target, session));
    }
  }
  for (const [target, result] of results) Object.assign(result, await idle(target, idlers));
  const rows: [string, (it: Result) => number][] = [
    ['echo p50 ms', (it) => quantile(it.echo, 0.5)],
    ['echo p95 ms', (it) => quantile(it.echo, 0.95)],
    ['echo p99 ms', (it) => quantile(it.echo, 0.99)],
    ['seq 1 1000000 ms', (it) => quantile(it.bulk, 0.5)],
    ['attach warm p50 ms', (it) => quantile(it.attach, 0.5)],
    ['Ctrl-C in a flood p50 ms', (it) => quantile(it.interrupt, 0.5)],
    ['Ctrl-C in a flood max ms', (it) => Math.max(...it.interrupt)],
    ['idle terminal, all processes, PSS kB', (it) => it.pss],
    ['idle terminal, heap and buffers, kB', (it) => it.heap],
  ];
  const [ours, ...peers] = [...results];
  if (!ours) throw new Error('nothing was measured');
  const line = (cells: string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
  line(['', 'ours', ...peers.flatMap(([it]) => [it.name, 'ratio'])]);
  line(['---', '---', ...peers.flatMap(() => ['---', '---'])]);
  for (const [name, of] of rows) {
    const mine = of(ours[1]);
    const theirs = peers.flatMap(([, it]) =>
      Number.isNaN(of(it)) ? ['-', '-'] : [of(it).toFixed(2), (mine / of(it)).toFixed(2)],
    );
    line([name, mine.toFixed(2), ...theirs]);
  }
  process.stdout.write(`\nSSH connection cold ${targets.coldMs.toFixed(0)} ms; ${ROUNDS} rounds; `);
  process.stdout.write(`load average before ${loadBefore}, after ${await loadAverage()}\n`);
} finally {
  await targets.close();
}
