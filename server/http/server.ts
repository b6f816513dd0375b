import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** Requests that are at work at a stop get this long to finish; event streams and idle connections end at once. */
const DRAIN_MS = 3_000;
/** Headers must be here by then; bodies may take as long as an upload takes. */
const HEADERS_TIMEOUT_MS = 20_000;

export interface HttpServer {
  /** Returns the port that was taken. Rejects when the address is in use. */
  listen(port: number, host: string): Promise<number>;
  close(): Promise<void>;
}

export function createHttpServer(handlers: {
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}): HttpServer {
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0 }, handlers.request);
  server.on('upgrade', handlers.upgrade);
  // A second listener would answer what ours has refused.
  server.on('newListener', (event) => {
    if (event === 'upgrade') throw new Error('there is one upgrade listener');
  });
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          // An object for a TCP server.
          resolve((server.address() as AddressInfo).port);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve();
        const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
