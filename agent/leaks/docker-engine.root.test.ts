/** The Docker Engine under a sandbox is killed and started again: nothing leaves, and the sandbox comes back. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxSpec } from '../../shared/agent-api';
import { createDockerEngine, type DockerEngine } from '../testlab/docker-engine';
import { attackArgument, attackProgram } from '../testlab/flood';
import { answersTo, framesOf, judge } from '../testlab/judge';
import { newestImage, until } from '../testlab/lab';
import { WEB } from '../testlab/machine';
import type { ProxyServer } from '../testlab/proxies';
import { createScene, networkOf, type Scene } from '../testlab/scene';

let engine: DockerEngine;
let scene: Scene;
let proxy: ProxyServer;
let box: SandboxSpec;

beforeAll(async () => {
  engine = await createDockerEngine(await newestImage());
  scene = await createScene({ dockerSocket: engine.socket });
  proxy = await scene.proxies.open('ss-aead');
  box = { ...scene.lab.newSpec(), network: networkOf(proxy.egress) };
  await scene.lab.call('sandbox.ensure', box);
});
afterAll(async () => {
  await scene?.daemon.kill('SIGTERM');
  await engine?.close();
  await scene?.close();
});

const inside = (command: readonly string[]) => engine.docker(['exec', scene.lab.name(box.id), ...command]);
const reachesWeb = () =>
  inside(['curl', '-sS', '-m', '2', `http://${WEB[0]}/`]).then(
    () => true,
    () => false,
  );

test('the Docker Engine is killed and comes back', async () => {
  expect(await reachesWeb()).toBe(true);
  const seen = await judge(scene.machine, [framesOf(proxy.egress), answersTo(proxy.exit)]);
  const program = await readFile(attackProgram, 'utf8');
  const name = scene.lab.name(box.id);
  await engine.docker(['exec', '-d', name, 'python3', '-c', program, attackArgument('flood', 'engine', 15)]);
  await engine.kill();
  await engine.start();
  // An engine that was killed ends the containers it finds; the agent says so and takes their way out down.
  await until('the end of the tunnel', async () => (await scene.lab.singBoxPids()).length === 0);
  await until(
    'the sandbox',
    () =>
      scene.lab.call('sandbox.ensure', box).then(
        () => true,
        () => false,
      ),
    30_000,
  );
  await until('the way out', reachesWeb, 15_000);
  expect((await seen.verdict()).slice(0, 6)).toEqual([]);
});
