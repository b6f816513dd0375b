import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket as TcpSocket } from 'node:net';

/**
 * A port of the host that surely answers while a probe tries to reach it: "the host is refused" is then no guess
 * about what the host happens to run. It reads nothing, says one random word, and is gone with the probe.
 */
export interface Canary {
  port: number;
  word: string;
  /** Whether a datagram with the word arrived: one that was sent blind brings no answer back. */
  heard(): boolean;
  close(): Promise<void>;
}

/** Of a word in hexadecimal: nobody else sends it by chance. */
const WORD_BYTES = 8;

/** Listens on each of the addresses that can be bound, on one port. Null when there is none. */
export async function openCanary(addresses: readonly string[]): Promise<Canary | null> {
  const word = randomBytes(WORD_BYTES).toString('hex');
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  const clients = new Set<TcpSocket>();
  let port = 0;
  let heard = false;
  for (const address of addresses) {
    const server = createServer({ pauseOnConnect: true }, (client) => {
      clients.add(client);
      client.once('close', () => clients.delete(client));
      client.on('error', () => client.destroy());
      client.end(word);
    });
    const socket = createSocket('udp4', (message, from) => {
      if (message.includes(word)) heard = true;
      socket.send(word, from.port, from.address, () => {});
    });
    try {
      server.listen(port, address);
      await once(server, 'listening');
      // A server on a port has an AddressInfo (Node's net documentation).
      port = (server.address() as AddressInfo).port;
      servers.push(server);
      socket.bind(port, address);
      await once(socket, 'listening');
      socket.on('error', () => {});
      sockets.push(socket);
    } catch {
      // Not an address of ours, or the port is taken there: the others do.
      server.close();
    }
  }
  if (servers.length === 0) return null;
  return {
    port,
    word,
    heard: () => heard,
    async close() {
      for (const socket of sockets) socket.close();
      for (const client of clients) client.destroy();
      await Promise.all(servers.map((it) => new Promise<void>((resolve) => it.close(() => resolve()))));
    },
  };
}
