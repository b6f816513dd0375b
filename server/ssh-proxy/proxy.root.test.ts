// The real OpenSSH client through the proxy into a real sandbox.
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import { identity, SANDBOX_ID } from '../gateway/testing/gateway';
import { until } from '../gateway/testing/until';
import { call, type Scene, startScene } from './testing/scene';

const scope = new Scope();
let scene: Scene;
let keyId: string;
beforeAll(async () => {
  scene = await startScene(scope);
  keyId = await scene.addKey();
});
afterAll(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
});

test('a command: both outputs, its input to the end, its exit code', async () => {
  const ran = await scene.ssh(['cat; echo heard >&2; echo "$USER $LC_TEST"; exit 7'], 'said\n');
  expect(ran).toMatchObject({ code: 7, stderr: 'heard\n' });
  expect(ran.stdout.toString()).toBe('said\nclaude \n');
});
