import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDockerClient } from './docker';

/** What Docker 20.10 with runc says on cgroup v1, shortened. */
const FROZEN = 'Cannot pause container box: OCI runtime pause failed: unable to freeze: unknown';

let folder: string;
let engine: Server;
let asked: string[];
let failures: { status: number; message: string }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccl-docker-'));
  asked = [];
  engine = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const failure = failures.shift();
    response.writeHead(failure?.status ?? 204, { 'Content-Type': 'application/json' });
    response.end(failure && JSON.stringify({ message: failure.message }));
  });
  await new Promise<void>((resolve) => engine.listen(join(folder, 'engine.sock'), resolve));
});
afterEach(async () => {
  await new Promise((resolve) => engine.close(resolve));
  await rm(folder, { recursive: true });
});
const client = () => createDockerClient({ socketPath: join(folder, 'engine.sock') });

test('a container that could not be frozen in time is paused a moment later', async () => {
  failures = [FROZEN, FROZEN].map((message) => ({ status: 500, message }));
  await client().pause('box');
  expect(asked).toEqual(Array(3).fill('POST /containers/box/pause'));
});

test('any other failure is told at once, one that stays after some tries', async () => {
  failures = [{ status: 409, message: 'Container box is not running' }];
  await expect(client().pause('box')).rejects.toThrow('Docker could not pause the container');
  expect(asked).toHaveLength(1);
  failures = Array(20).fill({ status: 500, message: FROZEN });
  await expect(client().pause('box')).rejects.toThrow('unable to freeze');
  expect(asked.length).toBeLessThan(10);
});
