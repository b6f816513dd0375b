/**
 * Claude's API on loopback: every connection is joined, byte for byte, to the gateway's socket (a streamlocal
 * forward of its SSH connection), or with Claude's own log-in to Anthropic itself (api-direct.ts). HTTP is spoken here only to say that the gateway is not there. An observer looks at
 * the bytes as they pass; it changes none, delays none and is dropped when it throws.
 */
import { connect, createServer, type Socket } from 'node:net';
import { ANTHROPIC, type DirectTarget, dialDirect, isDirect, passRequests } from './api-direct';

/** Connections at once: Claude opens a handful per session; SSH carries each as a channel of one connection. */
export const API_CONNECTIONS_MAX = 256;
/** How long a refused client may go on sending its request before it is cut, so that it can read the answer first. */
const REFUSED_LINGER_MS = 2_000;
/**
 * A gateway that is started again is back within seconds: a request waits for it. What waits longer is told so, and
 * Claude Code tries ten times more with longer and longer pauses, minutes in all.
 */
const AWAY_MAX_MS = 5_000;
const LOOK_AGAIN_MS = 100;

/** What looks at one connection. It is called before the bytes go on, so that a frame is there before Claude acts. */
export interface ConnectionObserver {
  request(data: Buffer): void;
  response(data: Buffer): void;
  /** Neither side says more. */
  closed(): void;
}

export interface ApiTap {
  /** The port really listened on. */
  readonly port: number;
  /** Ends all connections and stops listening. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1:`port` (0 = any). Rejects when the port is taken. */
export async function startApiTap(options: {
  port: number;
  gatewaySocket: string;
  /** Another one in tests. */
  direct?: DirectTarget;
  observe?: () => ConnectionObserver;
  onObserverError?: (error: unknown) => void;
}): Promise<ApiTap> {
  const open = new Set<Socket>();
  // allowHalfOpen: a client may end its request and still wait for the whole answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    open.add(client);
    client.on('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    if (open.size > API_CONNECTIONS_MAX) refuse(client, 'The sandbox has too many API connections open.');
    else route(client, options);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the API port has no address');
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** The observer behind a fence: what it throws ends the looking and nothing else. */
function watch(options: Parameters<typeof startApiTap>[0]): ConnectionObserver {
  let observer = options.observe?.();
  const guarded = (use: (observer: ConnectionObserver) => void) => {
    if (!observer) return;
    try {
      use(observer);
    } catch (error) {
      const failed = observer;
      observer = undefined;
      options.onObserverError?.(error);
      try {
        failed.closed();
      } catch {
        // Said already.
      }
    }
  };
  return {
    request: (data) => guarded((it) => it.request(data)),
    response: (data) => guarded((it) => it.response(data)),
    closed: () => guarded((it) => it.closed()),
  };
}

/** The first bytes say where a connection goes. */
function route(client: Socket, options: Parameters<typeof startApiTap>[0]): void {
  let start = Buffer.alloc(0);
  const look = (data: Buffer) => {
    start = Buffer.concat([start, data]);
    const direct = isDirect(start);
    if (direct === undefined) return;
    client.off('data', look);
    client.off('end', closed);
    client.pause();
    client.unshift(start);
    if (direct) joinDirect(client, options);
    else join(client, options.gatewaySocket, () => watch(options));
  };
  const closed = () => client.destroy();
  client.on('data', look);
  client.on('end', closed);
}

function joinDirect(client: Socket, options: Parameters<typeof startApiTap>[0]): void {
  const target = options.direct ?? ANTHROPIC;
  const upstream = dialDirect(target);
  let joined = false;
  upstream.once('secureConnect', () => {
    joined = true;
    const observer = watch(options);
    const pass = passRequests(client, upstream, target.host);
    client.on('data', (data) => {
      observer.request(data);
      try {
        pass(data);
      } catch {
        client.destroy();
      }
    });
    client.once('end', () => upstream.end());
    client.resume();
    upstream.on('data', observer.response);
    upstream.once('close', observer.closed);
    upstream.pipe(client);
  });
  upstream.on('error', (error) => {
    if (joined) client.destroy();
    else refuse(client, `The sandbox does not reach ${target.host}: ${error.message}`);
  });
  upstream.on('close', () => {
    if (joined && !client.writableEnded) client.destroy();
  });
  client.on('close', () => upstream.destroy());
}

function join(
  client: Socket,
  path: string,
  startWatch: () => ConnectionObserver,
  until = Date.now() + AWAY_MAX_MS,
): void {
  const gateway = connect({ path, allowHalfOpen: true });
  let joined = false;
  gateway.once('connect', () => {
    joined = true;
    const observer = startWatch();
    // Before pipe(), as listeners are called in the order they came.
    client.on('data', observer.request);
    gateway.on('data', observer.response);
    gateway.once('close', observer.closed);
    // pipe() carries back-pressure and, as both sides are half-open, one side's end as that side's end only.
    client.pipe(gateway);
    gateway.pipe(client);
  });
  const left = () => gateway.destroy();
  client.on('close', left);
  gateway.on('error', () => {
    if (joined) return void client.destroy();
    client.off('close', left);
    if (client.destroyed) return;
    if (Date.now() < until) setTimeout(() => join(client, path, startWatch, until), LOOK_AGAIN_MS);
    else refuse(client, 'The Cloud Claude gateway is not connected to this sandbox right now.');
  });
  gateway.on('close', () => {
    // An orderly end has been passed on by pipe; what is left then is only the client's own half.
    if (joined && !client.writableEnded) client.destroy();
  });
}

function refuse(client: Socket, message: string): void {
  // Not `overloaded_error`, which Claude Code asks again only three times, and without `retry-after`, which it would
  // keep to instead of its own longer and longer pauses.
  const body = JSON.stringify({ type: 'error', error: { type: 'api_error', message } });
  client.end(
    [
      'HTTP/1.1 503 Service Unavailable',
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  // Unread bytes at close would turn into a reset, and the answer might be lost with it.
  client.resume();
  const timer = setTimeout(() => client.destroy(), REFUSED_LINGER_MS);
  client.on('close', () => clearTimeout(timer));
}
