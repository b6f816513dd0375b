import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

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
  if (!options.dev) await handOverConfig(options.dir);
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

/**
 * Hands Next the configuration that the build resolved, as its own standalone `server.js` does: reading
 * next.config.ts would load its compiler into the running gateway (25 MB).
 */
async function handOverConfig(dir: string): Promise<void> {
  const text = await readFile(join(dir, '.next', 'required-server-files.json'), 'utf8');
  process.env.__NEXT_PRIVATE_STANDALONE_CONFIG = JSON.stringify(JSON.parse(text).config);
}
