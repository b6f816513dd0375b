import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { TERMINAL_ACK_BYTES } from '../../shared/limits';
import { decodeClient, frame, ServerOp, type TerminalStatus } from '../../shared/terminal-frames';
import { TerminalSocket } from './terminal-socket';
import { RESYNC_QUIET_MS, type TerminalState } from './terminal-state';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const it of cleanups.splice(0).reverse()) await it();
});
const until = (check: () => boolean) =>
  vi.waitFor(() => expect(check()).toBe(true), { timeout: 40_000, interval: 5 });

/** A real WebSocket server that speaks the protocol and keeps, as the gateway does, a ledger per client. */
class FakeGateway {
  readonly server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  readonly ledger = new Map<string, number>();
  readonly typed: number[] = [];
  readonly acks: number[] = [];
  readonly sizes: string[] = [];
  attaches = 0;
  silent = false;
  /** Attaches that come while this is pending are answered after it. */
  hold: Promise<unknown> | null = null;
  /** Cuts a connection after so many input bytes, wherever in a message that falls. */
  cutAfter: (() => number) | null = null;

  constructor() {
    cleanups.push(() => {
      for (const it of this.server.clients) it.terminate();
      return new Promise((done) => this.server.close(done));
    });
    this.server.on('connection', (socket, request) =>
      this.#serve(socket, new URL(request.url ?? '/', 'http://x')),
    );
  }

  static async start(): Promise<FakeGateway> {
    const gateway = new FakeGateway();
    await once(gateway.server, 'listening');
    return gateway;
  }

  say(socket: WebSocket, status: TerminalStatus) {
    socket.send(frame(ServerOp.status, new TextEncoder().encode(JSON.stringify(status))));
  }

  async #serve(socket: WebSocket, url: URL) {
    await this.hold;
    const client = url.searchParams.get('client') ?? '';
    const known = this.ledger.get(client) ?? Number(url.searchParams.get('offset'));
    this.ledger.set(client, known);
    this.sizes.push(`${url.searchParams.get('cols')}x${url.searchParams.get('rows')}`);
    socket.send(frame(ServerOp.history, new TextEncoder().encode('\x1bchistory\r\n')));
    this.say(socket, { type: 'attached', sessionId: 's', viewers: 1, inputBytes: known });
    this.attaches++;
    let left = this.cutAfter?.() ?? Number.POSITIVE_INFINITY;
    socket.on('message', (data: Buffer) => {
      const message = decodeClient(data);
      if (message?.op === 'ack') this.acks.push(message.bytes);
      if (message?.op === 'resize') this.sizes.push(`${message.cols}x${message.rows}`);
      if (message?.op === 'ping' && !this.silent) socket.send(frame(ServerOp.pong, message.data));
      if (message?.op !== 'input' || left <= 0) return;
      const taken = message.data.subarray(0, left);
      left -= taken.length;
      this.typed.push(...taken);
      const total = (this.ledger.get(client) ?? 0) + taken.length;
      this.ledger.set(client, total);
      if (left <= 0) socket.terminate();
      else if (Math.random() < 0.5) this.say(socket, { type: 'input', bytes: total });
    });
  }

  connect(on: { output?: (bytes: Uint8Array, parsed: () => void) => void } = {}) {
    const states: TerminalState[] = [];
    const screen: string[] = [];
    const { port } = this.server.address() as AddressInfo; // a TCP server's address is never a string
    const socket = new TerminalSocket({
      open: (query, protocol) => {
        const search = new URLSearchParams(
          Object.entries(query).map(([name, value]) => [name, String(value)]),
        );
        return new WebSocket(`ws://127.0.0.1:${port}/?${search}`, protocol);
      },
      client: crypto.randomUUID(),
      size: { cols: 80, rows: 24 },
      onState: (state) => states.push(state),
      onOutput: on.output ?? ((_bytes, parsed) => parsed()),
      onHistory: (bytes) => screen.push(new TextDecoder().decode(bytes)),
    });
    cleanups.push(() => socket.close());
    socket.connect();
    return { socket, states, screen };
  }
}

describe('TerminalSocket', () => {
  test('nothing typed is lost or doubled while the connection is cut again and again', async () => {
    const gateway = await FakeGateway.start();
    gateway.cutAfter = () =>
      gateway.attaches < 12 ? 1 + Math.floor(Math.random() * 400) : Number.POSITIVE_INFINITY;
    const { socket } = gateway.connect();
    const sent: number[] = [];
    for (let at = 0; at < 400; at++) {
      const bytes = Uint8Array.from({ length: 1 + (at % 17) }, (_, more) => (at * 31 + more) & 0xff);
      sent.push(...bytes);
      expect(socket.send(bytes)).toBe(true);
      if (at % 10 === 0) await new Promise((go) => setImmediate(go));
      // The button: no test waits for the back-off.
      if (socket.state.kind === 'reconnecting' && socket.state.retryAt) socket.connect();
    }
    await until(() => {
      if (socket.state.kind === 'reconnecting' && socket.state.retryAt) socket.connect();
      return gateway.typed.length >= sent.length;
    });
    expect(gateway.typed).toEqual(sent);
    expect(gateway.attaches).toBeGreaterThan(5);
  });

  test('what is typed before the first answer waits for it, and confirmed bytes are forgotten', async () => {
    const gateway = await FakeGateway.start();
    const { socket, states } = gateway.connect();
    socket.send(new TextEncoder().encode('early'));
    expect(socket.unconfirmedBytes).toBe(5);
    await until(() => gateway.typed.length === 5);
    const [client] = gateway.server.clients;
    if (client) gateway.say(client as WebSocket, { type: 'input', bytes: 5 });
    await until(() => socket.unconfirmedBytes === 0);
    expect(states.map((it) => it.kind)).toEqual(['connecting', 'connected']);
  });

  test('a second `attached` on one socket does not send input again', async () => {
    const gateway = await FakeGateway.start();
    const { socket } = gateway.connect();
    await until(() => socket.state.kind === 'connected');
    socket.send(new TextEncoder().encode('abc'));
    await until(() => gateway.typed.length === 3);
    const [client] = gateway.server.clients as Set<WebSocket>;
    if (!client) throw new Error('no client');
    gateway.say(client, { type: 'reconnecting', reason: 'The sandbox does not answer.' });
    await until(() => socket.state.kind === 'reconnecting');
    socket.send(new TextEncoder().encode('d'));
    gateway.say(client, { type: 'attached', sessionId: 's', viewers: 2, inputBytes: 3 });
    await until(() => socket.state.kind === 'connected' && gateway.typed.length === 4);
    expect(Buffer.from(gateway.typed).toString()).toBe('abcd');
  });

  test('only what was parsed is acknowledged, in steps', async () => {
    const gateway = await FakeGateway.start();
    const parsed: (() => void)[] = [];
    const { socket } = gateway.connect({ output: (_bytes, done) => parsed.push(done) });
    await until(() => socket.state.kind === 'connected');
    const [client] = gateway.server.clients;
    for (let at = 0; at < 4; at++)
      client?.send(frame(ServerOp.output, new Uint8Array(TERMINAL_ACK_BYTES / 2)));
    await until(() => parsed.length === 4);
    expect(gateway.acks).toEqual([]);
    for (const it of parsed) it();
    await until(() => gateway.acks.length === 2);
    expect(gateway.acks).toEqual([TERMINAL_ACK_BYTES, TERMINAL_ACK_BYTES]);
  });

  test('the loss shows at once, and after a reconnect the history comes again', async () => {
    const gateway = await FakeGateway.start();
    const { socket, states, screen } = gateway.connect();
    await until(() => socket.state.kind === 'connected');
    for (const it of gateway.server.clients) it.terminate();
    const before = Date.now();
    await until(() => states.some((it) => it.kind === 'reconnecting'));
    expect(Date.now() - before).toBeLessThan(500);
    socket.resize(100, 30);
    socket.connect();
    await until(() => socket.state.kind === 'connected');
    expect(screen).toEqual(['\x1bchistory\r\n', '\x1bchistory\r\n']);
    expect(gateway.sizes.at(-1)).toBe('100x30');
  });

  test('a resync brings the history again without a word, and no byte typed meanwhile is lost or doubled', async () => {
    const gateway = await FakeGateway.start();
    const { socket, states, screen } = gateway.connect();
    expect(socket.resync()).toBe(false);
    await until(() => socket.state.kind === 'connected');
    const sent: number[] = [];
    for (let at = 0; at < 200; at++) {
      const bytes = Uint8Array.of(at, at ^ 0xff);
      sent.push(...bytes);
      socket.send(bytes);
      if (at % 20 === 10) {
        await until(() => socket.resync());
        expect(socket.resync()).toBe(false);
      }
    }
    await until(() => gateway.typed.length >= sent.length);
    expect(gateway.typed).toEqual(sent);
    await until(() => screen.length === gateway.attaches);
    expect(screen.length).toBeGreaterThan(5);
    expect(new Set(states.map((it) => it.kind))).toEqual(new Set(['connecting', 'connected']));
    await until(() => gateway.server.clients.size === 1);
  });

  test('a resync that takes long, or fails, shows as a reconnect', async () => {
    const gateway = await FakeGateway.start();
    const { socket, states } = gateway.connect();
    await until(() => socket.state.kind === 'connected');
    let answer = () => {};
    gateway.hold = new Promise<void>((done) => {
      answer = done;
    });
    const before = Date.now();
    socket.resync();
    await until(() => socket.state.kind === 'reconnecting');
    expect(Date.now() - before).toBeGreaterThanOrEqual(RESYNC_QUIET_MS - 5);
    answer();
    await until(() => socket.state.kind === 'connected');
    gateway.hold = new Promise(() => {});
    socket.resync();
    await until(() => gateway.server.clients.size > 0);
    for (const it of gateway.server.clients) it.terminate();
    await until(() => socket.state.kind === 'reconnecting');
    expect(states.map((it) => it.kind)).toEqual([
      'connecting',
      'connected',
      'reconnecting',
      'connected',
      'reconnecting',
    ]);
  });

  test('a connection that went silent is replaced', async () => {
    const gateway = await FakeGateway.start();
    const { socket, states } = gateway.connect();
    await until(() => socket.state.kind === 'connected');
    gateway.silent = true;
    await until(() => states.some((it) => it.kind === 'reconnecting' && /silent/.test(it.reason)));
    await until(() => gateway.attaches === 2);
  });

  test.each([
    [4401, '', 'unauthenticated'],
    [4404, '', 'not_found'],
    [4410, '', 'gone'],
  ])('close %i is final', async (code) => {
    const gateway = await FakeGateway.start();
    const { socket } = gateway.connect();
    await until(() => socket.state.kind === 'connected');
    for (const it of gateway.server.clients) it.close(code);
    await until(() => socket.state.kind === 'refused');
    expect(socket.state).toMatchObject({ kind: 'refused', close: code });
    socket.wake();
    expect(socket.state.kind).toBe('refused');
  });

  test('an ended session is not reconnected; closing frees everything', async () => {
    const gateway = await FakeGateway.start();
    const { socket } = gateway.connect();
    await until(() => socket.state.kind === 'connected');
    const [client] = gateway.server.clients as Set<WebSocket>;
    if (client) gateway.say(client, { type: 'ended', exitCode: 3, reason: 'It exited.' });
    await until(() => socket.state.kind === 'ended');
    if (client && client.readyState !== WebSocket.CLOSED) await once(client, 'close');
    socket.wake();
    expect(socket.state).toEqual({ kind: 'ended', exitCode: 3, reason: 'It exited.' });
    expect(gateway.server.clients.size).toBe(0);
  });
});
