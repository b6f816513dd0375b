/** Who is measured: our path and the peers that are here, each behind the same few calls. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { WebSocket } from 'ws';
import { TERMINAL_ACK_BYTES } from '../shared/limits';
import { ClientOp, encodeAck, frame, ServerOp, TERMINAL_SUBPROTOCOL } from '../shared/terminal-frames';
import { type Program, source, startProgram, startServer } from './processes';

export const COLS = 80;
export const ROWS = 24;
const LISTEN_MS = 20_000;

export interface Wire {
  send(text: string): void;
  close(): Promise<void>;
}
export interface Target {
  name: string;
  pid: number;
  /** Bytes of JavaScript heap and buffers after a collection; null where nobody can be asked. */
  heapBytes: (() => Promise<number>) | null;
  open(session: string, onBytes: (bytes: Buffer) => void): Wire;
}
export interface Targets {
  all: Target[];
  sessions: string[];
  coldMs: number;
  close(): Promise<void>;
}

type Programs = { close(): Promise<void> }[];
/** Null: it is not on this machine. */
const peers: Record<string, (ours: Ours, programs: Programs) => Promise<Target | null>> = {
  'node-pty': ptyTarget,
  wetty: wettyTarget,
  ttyd: ttydTarget,
};

interface Ours {
  port: number;
  container: string;
  sandbox: string;
  sessions: string[];
  coldMs: number;
}

/** `names`: the peers to measure with; none means all that are here. */
export async function startTargets(names: readonly string[]): Promise<Targets> {
  const programs: Programs = [];
  const close = async () => {
    for (const it of programs.reverse()) await it.close();
  };
  try {
    const profile = process.env.BENCH_PROFILE;
    const flags = ['--expose-gc', ...(profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [])];
    const us = await startProgram(source(join(import.meta.dirname, 'ours.ts'), ...flags));
    programs.push(us);
    const ours = us.ready as unknown as Ours; // what ours.ts says
    const all = [oursTarget(us, ours)];
    for (const [name, make] of Object.entries(peers)) {
      const target = names.length === 0 || names.includes(name) ? await make(ours, programs) : null;
      if (target) all.push(target);
    }
    return { all, sessions: ours.sessions, coldMs: ours.coldMs, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function attach(container: string, session: string): string[] {
  const command = ['/usr/local/lib/cloud-claude/session', 'attach', session, 'shell'];
  const place = ['/home/claude/workspace', 'bypassPermissions', String(COLS), String(ROWS)];
  return ['exec', '-it', '-u', 'claude', container, ...command, ...place];
}

function wire(socket: WebSocket, encode: (text: string) => Buffer | string): Wire {
  return {
    send: (text) => socket.send(encode(text)),
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

const heapOf = (program: Program) => async () => {
  const { heapUsed, external } = await program.ask('memory');
  return Number(heapUsed) + Number(external);
};

function oursTarget(program: Program, ours: Ours): Target {
  return {
    name: 'ours',
    pid: program.pid,
    heapBytes: heapOf(program),
    open(session, onBytes) {
      const query = `session=${session}&cols=${COLS}&rows=${ROWS}`;
      const address = `ws://127.0.0.1:${ours.port}/ws/sandboxes/${ours.sandbox}/terminal?${query}`;
      const socket = new WebSocket(address, TERMINAL_SUBPROTOCOL, { perMessageDeflate: false });
      let unacked = 0;
      socket.on('message', (message: Buffer) => {
        if (message[0] !== ServerOp.output) return;
        onBytes(message.subarray(1));
        unacked += message.length - 1;
        // As the browser does.
        if (unacked < TERMINAL_ACK_BYTES) return;
        socket.send(encodeAck(unacked));
        unacked = 0;
      });
      return wire(socket, (text) => Buffer.from(frame(ClientOp.input, Buffer.from(text))));
    },
  };
}

async function ptyTarget({ container }: Ours, programs: Programs): Promise<Target> {
  const program = await startProgram([
    process.execPath,
    '--expose-gc',
    join(import.meta.dirname, 'peer.mjs'),
  ]);
  programs.push(program);
  return {
    name: 'node-pty',
    pid: program.pid,
    heapBytes: heapOf(program),
    open(session, onBytes) {
      const query = new URLSearchParams({
        token: String(program.ready.token),
        cols: String(COLS),
        rows: String(ROWS),
        args: JSON.stringify(attach(container, session)),
      });
      const socket = new WebSocket(`ws://127.0.0.1:${program.ready.port}/?${query}`, {
        perMessageDeflate: false,
      });
      socket.on('message', (message: Buffer) => onBytes(message));
      return wire(socket, (text) => text);
    },
  };
}

/** Its command is fixed at its start: every terminal shows the same session. */
async function wettyTarget(ours: Ours, programs: Programs): Promise<Target | null> {
  const main = join(import.meta.dirname, 'node_modules/wetty/build/main.js');
  if (!existsSync(main)) return null;
  const port = await freePort();
  const command = ['docker', ...attach(ours.container, ours.sessions[0] ?? '')].join(' ');
  const listen = ['--host', '127.0.0.1', '--port', String(port), '--ssh-host', 'localhost'];
  const args = [main, ...listen, '--base', '/', '--log-level', 'error', '--command', command];
  const server = startServer([process.execPath, ...args]);
  programs.push(server);
  await listening(port);
  return {
    name: 'wetty',
    pid: server.pid,
    heapBytes: null,
    open(_session, onBytes) {
      const address = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`;
      const socket = new WebSocket(address, { perMessageDeflate: false });
      const event = (...it: unknown[]) => `42${JSON.stringify(it)}`;
      // Engine.IO 4: 0 open, 2 ping, 3 pong, 4 message; Socket.IO 5 inside a message: 0 connect, 2 event.
      socket.on('message', (message: Buffer) => {
        const text = message.toString();
        if (text.startsWith('0')) socket.send('40');
        else if (text === '2') socket.send('3');
        else if (text.startsWith('40')) socket.send(event('resize', { cols: COLS, rows: ROWS }));
        else if (text.startsWith('42["data"')) {
          const [, data]: [string, string] = JSON.parse(text.slice(2));
          onBytes(Buffer.from(data));
          socket.send(event('commit', data.length));
        }
      });
      return wire(socket, (text) => event('input', text));
    },
  };
}

/** As wetty: one command. Its protocol is that of ttyd 1.7. */
async function ttydTarget(ours: Ours, programs: Programs): Promise<Target | null> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const file = folders.map((it) => join(it, 'ttyd')).find((it) => existsSync(it));
  if (!file) return null;
  const port = await freePort();
  const command = ['docker', ...attach(ours.container, ours.sessions[0] ?? '')];
  const server = startServer([file, '-i', '127.0.0.1', '-p', String(port), '-W', '-d', '1', ...command]);
  programs.push(server);
  await listening(port);
  return {
    name: 'ttyd',
    pid: server.pid,
    heapBytes: null,
    open(_session, onBytes) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, 'tty', { perMessageDeflate: false });
      socket.on('open', () =>
        socket.send(Buffer.from(JSON.stringify({ AuthToken: '', columns: COLS, rows: ROWS }))),
      );
      socket.on('message', (message: Buffer) => {
        if (message[0] === 0x30) onBytes(message.subarray(1));
      });
      return wire(socket, (text) => Buffer.from(`0${text}`));
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}

async function listening(port: number): Promise<void> {
  for (const end = Date.now() + LISTEN_MS; ; ) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    if (Date.now() > end) throw new Error(`nobody listens on ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
