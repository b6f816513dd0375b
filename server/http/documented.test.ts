// The examples of docs/api.md, run as they stand; those that need a real sandbox are run by e2e/api.spec.ts.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../db/project-root';
import { type Loopback, startLoopback } from '../gateway/testing/loopback';
import { examplesOf } from './documented';
import { startTestServer, type TestServer } from './testing';
import { addLoopbackBox, BOX } from './testing-box';

const MASTER = 'a-master-token-of-the-tests-0123456789';
let box: Loopback;
let server: TestServer;
beforeAll(async () => {
  box = await startLoopback();
  server = await startTestServer({ CLOUD_CLAUDE_TOKEN: MASTER }, { connections: box.connections });
  await addLoopbackBox(server, box);
  await box.emit(20);
});
afterAll(async () => {
  await server?.stop();
  await box?.close();
});

const examples = await examplesOf(join(projectRoot(), 'docs', 'api.md'));

test('there are some of each kind', () => {
  expect(examples.filter((it) => !it.needsSandbox).length).toBeGreaterThan(12);
  expect(examples.filter((it) => it.needsSandbox).length).toBeGreaterThan(5);
});

test.each(examples.filter((it) => !it.needsSandbox).map((it) => it.command))('%s', async (command) => {
  const { stdout } = await promisify(execFile)('bash', ['-euc', command], {
    env: {
      ...{
        NODE_ENV: 'test' as const,
        PATH: process.env.PATH,
        TOKEN: MASTER,
        SANDBOX: BOX,
        SESSION: box.sessionId,
      },
      URL: `http://127.0.0.1:${server.port}`,
    },
  });
  if (command.includes('/sse/')) expect(stdout).toMatch(/^: connected\n\n(id|event): /);
  else expect(JSON.parse(stdout)).toBeTypeOf('object');
});
