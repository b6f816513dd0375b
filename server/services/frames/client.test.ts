import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { readFrames } from './client';

const MINUTES = 10 * 60_000;
let server: Server;
afterEach(() => {
  vi.useRealTimers();
  server.closeAllConnections();
  server.close();
});

/** Frames from a sandboxd that says `first`, and what `later` writes. */
async function open(first: string): Promise<{ lines: AsyncGenerator<string>; response: ServerResponse }> {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const given = { id: 'x', from: 0, follow: true, signal: new AbortController().signal };
  const lines = readFrames(connect(port, '127.0.0.1'), given);
  const asked = once(server, 'request');
  const started = lines.next();
  const [, response] = (await asked) as [unknown, ServerResponse]; // as the event gives them
  response.write(first);
  expect((await started).value).toBe('1');
  return { lines, response };
}

test('a reader may stand still for as long as it likes', async () => {
  const { lines, response } = await open('1\n2\n');
  vi.advanceTimersByTime(MINUTES);
  expect((await lines.next()).value).toBe('2');
  const third = lines.next();
  response.write('3\n');
  expect((await third).value).toBe('3');
  vi.advanceTimersByTime(MINUTES);
  const fourth = lines.next();
  response.end('4\n');
  expect((await fourth).value).toBe('4');
});

test('a sandboxd that says nothing is given up', async () => {
  const { lines } = await open('1\n');
  const second = lines.next();
  const refused = expect(second).rejects.toThrow();
  // The reader waits from its next turn on.
  await new Promise((resolve) => setImmediate(resolve));
  vi.advanceTimersByTime(MINUTES);
  await refused;
});
