import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { AppError } from '../../shared/errors';
import { answerTo, type EchoZone } from './answer';
import { RATE_KEYS, Rate } from './rate';

/** A resolver that serves many asks often; one address that asks more is answered no more, so that nobody is flooded. */
const QUESTIONS_PER_SECOND = 50;
/** Each waits at most TCP_IDLE_MS. */
const TCP_CONNECTIONS = 64;
const TCP_IDLE_MS = 5_000;
/** A question with the longest name and its options is far below. */
const QUESTION_MAX_BYTES = 1024;
/** A port that the system chose for UDP may be taken for TCP, seldom. */
const CHOSEN_PORT_TRIES = 10;

export interface EchoDns {
  /** Listens on UDP and TCP; gives the port. Throws AppError `unavailable` when the address cannot be taken. */
  start(): Promise<number>;
  close(): Promise<void>;
}

/** Authoritative for one zone, in which every name is the address of who asks; nothing else is answered. */
export function createEchoDns(
  options: EchoZone & { host: string; port: number; log: Logger; perSecond?: number },
): EchoDns {
  const { host, log } = options;
  const perWindow = options.perSecond ?? QUESTIONS_PER_SECOND;
  const rate = new Rate({ perWindow, windowMs: 1000, keys: RATE_KEYS });
  const connections = new Set<Socket>();
  let udp: UdpSocket | undefined;
  let tcp: Server | undefined;

  /** `::ffff:192.0.2.1` is how a dual-stack socket shows an IPv4 peer. */
  const reply = (message: Buffer, from: string | undefined) => {
    const asker = (from ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    return message.length <= QUESTION_MAX_BYTES && rate.allows(asker)
      ? answerTo(message, asker, options)
      : null;
  };

  async function listenUdp(port: number): Promise<number> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    udp = socket;
    socket.on('message', (message, from) => {
      const out = reply(message, from.address);
      // An asker that is gone is no failure of ours.
      if (out) socket.send(out, from.port, from.address, () => {});
    });
    socket.bind(port, host);
    await once(socket, 'listening');
    socket.on('error', (error) => log.warn({ err: error }, 'the DNS echo lost a datagram'));
    return socket.address().port;
  }

  async function listenTcp(port: number): Promise<void> {
    const server = createServer((client) => {
      connections.add(client);
      client.once('close', () => connections.delete(client));
      client.setTimeout(TCP_IDLE_MS, () => client.destroy());
      client.on('error', () => client.destroy());
      serve(client, (message) => reply(message, client.remoteAddress));
    });
    tcp = server;
    server.maxConnections = TCP_CONNECTIONS;
    server.listen(port, host);
    await once(server, 'listening');
    server.on('error', (error) => log.warn({ err: error }, 'the DNS echo lost a connection'));
  }

  async function listen(tries: number): Promise<number> {
    try {
      const port = await listenUdp(options.port);
      await listenTcp(port);
      return port;
    } catch (cause) {
      await close();
      const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
      if (why === 'EADDRINUSE' && tries > 1) return listen(tries - 1);
      const what = `ECHO_DNS_ADDR: ${host}:${options.port} cannot be taken (${why}).`;
      throw new AppError('unavailable', what, { cause });
    }
  }

  async function close(): Promise<void> {
    for (const client of connections) client.destroy();
    const [socket, server] = [udp, tcp];
    udp = undefined;
    tcp = undefined;
    if (socket) await new Promise<void>((resolve) => socket.close(() => resolve()));
    if (server?.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  return {
    async start() {
      const port = await listen(options.port === 0 ? CHOSEN_PORT_TRIES : 1);
      log.info({ host, port, zone: options.zone }, 'the DNS echo listens');
      return port;
    },
    close,
  };
}

/** Messages with a length of two bytes before each (RFC 1035 section 4.2.2), cut anywhere. */
function serve(client: Socket, reply: (message: Buffer) => Buffer | null): void {
  let rest = Buffer.alloc(0);
  client.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2) {
      const length = rest.readUInt16BE(0);
      if (length > QUESTION_MAX_BYTES) return void client.destroy();
      if (rest.length < 2 + length) return;
      const out = reply(rest.subarray(2, 2 + length));
      rest = rest.subarray(2 + length);
      if (!out) return void client.destroy();
      const head = Buffer.alloc(2);
      head.writeUInt16BE(out.length);
      client.write(Buffer.concat([head, out]));
    }
  });
}
