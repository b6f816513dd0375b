import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { handOverNextConfig } from '../config';

export interface Pages {
  request(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Hot reload; null in production. */
  upgrade: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | null;
  close(): Promise<void>;
}

/** Starts Next. Imported only when pages are wanted: it is most of the start's time. */
export async function createPages(options: {
  dir: string;
  dev: boolean;
  host: string;
  port: number;
}): Promise<Pages> {
  if (!options.dev) {
    const built = await readFile(join(options.dir, '.next', 'required-server-files.json'), 'utf8');
    handOverNextConfig(JSON.stringify(JSON.parse(built).config));
  }
  const { default: next } = await import('next');
  // Next takes the http server off the first request and adds an upgrade listener of its own, which would answer
  // beside ours; given this one, which never listens, it adds it there.
  const parked = createServer();
  const app = next({
    dev: options.dev,
    dir: options.dir,
    hostname: options.host,
    port: options.port,
    httpServer: parked,
  });
  await app.prepare();
  const request = app.getRequestHandler();
  return {
    request: (incoming, outgoing) => request(incoming, outgoing),
    // What `getUpgradeHandler` gives does nothing in Next 16; without hot reload's socket no page comes alive.
    upgrade: options.dev
      ? (incoming, socket, head) => void (parked.emit('upgrade', incoming, socket, head) || socket.destroy())
      : null,
    close: () => app.close(),
  };
}
