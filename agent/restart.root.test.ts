import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureSteps, type SandboxSpec } from '../shared/agent-api';
import { run } from './apply/run';
import { startAgent } from './start';
import { AGENT_PROGRAM } from './testlab/daemon';
import { createLab, type Lab, quietLog, until } from './testlab/lab';
import { createWorld, type World } from './testlab/world';

let lab: Lab;
let world: World;
let box: SandboxSpec;
let child: ChildProcess | undefined;

/** The daemon as it really runs: its own process, ready when it says so. */
async function startDaemon(): Promise<ChildProcess> {
  const flags = ['--instance', lab.instance, '--data', lab.dataDir, '--socket', lab.socket, '--owner', '0:0'];
  const daemon = spawn(process.execPath, [AGENT_PROGRAM, ...flags, '--resolver', world.address], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  daemon.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await new Promise<void>((resolve, reject) => {
    daemon.once('exit', (code) => reject(new Error(`the agent ended with ${code}: ${said}`)));
    daemon.stdout.on('data', (chunk: Buffer) => {
      if (JSON.parse(chunk.toString()).ready === true) resolve();
    });
  });
  child = daemon;
  return daemon;
}
async function kill(daemon: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(daemon, 'exit');
  daemon.kill(signal);
  const [code] = await ended;
  return code;
}
const reachesWeb = async () =>
  (await lab.inside(box.id, 'claude', ['curl', '-sS', '-m', '3', `http://${world.address}/`])).code === 0;
const container = async () =>
  (await run(['docker', 'inspect', '-f', '{{.Id}} {{.State.StartedAt}}', lab.name(box.id)])).stdout;

beforeAll(async () => {
  lab = await createLab();
  world = await createWorld(lab.instance);
  box = lab.newSpec();
  await startDaemon();
  await lab.call('sandbox.ensure', box);
});
afterAll(async () => {
  if (child && child.exitCode === null && child.signalCode === null) await kill(child, 'SIGKILL');
  await lab?.clean();
  await world?.close();
});

test('killed and started again, the agent finds sandbox and tunnel as they were', async () => {
  const before = { container: await container(), tunnel: await lab.singBoxPids() };
  if (!child) throw new Error('no agent runs');
  await kill(child, 'SIGKILL');
  // Nobody watches now: the way out stands, with its rules.
  expect(await reachesWeb()).toBe(true);
  await startDaemon();
  await until('the tunnel is known', async () => {
    return (await lab.call('sandbox.observe', { id: box.id })).network.tunnel === 'up';
  });
  expect({ container: await container(), tunnel: await lab.singBoxPids() }).toEqual(before);
  expect(await lab.call('sandbox.observe', { id: box.id })).toMatchObject({
    power: 'running',
    released: true,
    network: { rules: true, restarts: 0 },
  });
});

test('what died while the agent was dead is made anew: an adopted tunnel, then one that was killed meanwhile', async () => {
  const [adopted] = await lab.singBoxPids();
  if (adopted === undefined || !child) throw new Error('nothing runs');
  process.kill(adopted, 'SIGKILL');
  await until('a new tunnel', async () => {
    const [now] = await lab.singBoxPids();
    return now !== undefined && now !== adopted && reachesWeb();
  });
  await kill(child, 'SIGKILL');
  for (const pid of await lab.singBoxPids()) process.kill(pid, 'SIGKILL');
  expect(await reachesWeb()).toBe(false);
  await startDaemon();
  await until('the way out', reachesWeb);
});

test('a tunnel whose sandbox is gone is ended at the next start', async () => {
  if (!child) throw new Error('no agent runs');
  await kill(child, 'SIGKILL');
  await run(['docker', 'kill', lab.name(box.id)]);
  expect((await lab.singBoxPids()).length).toBe(1);
  await startDaemon();
  expect(await lab.singBoxPids()).toEqual([]);
  await lab.call('sandbox.ensure', box);
  expect(await reachesWeb()).toBe(true);
});

test('a second agent on the same folder says that one runs, and changes nothing', async () => {
  const first = child;
  await expect(startDaemon()).rejects.toThrow('Another agent already runs for this data folder');
  child = first;
  expect((await lab.call('sandbox.observe', { id: box.id })).network.tunnel).toBe('up');
});

test('killed at any step, the next agent brings it to the end', async () => {
  for (const step of ensureSteps.slice(1, 8)) {
    const spec = lab.newSpec();
    const daemon = child;
    if (!daemon) throw new Error('no agent runs');
    const ended = once(daemon, 'exit');
    await lab
      .call('sandbox.ensure', spec, {
        onStep: (it) => {
          if (it.step === step && it.state === 'started') daemon.kill('SIGKILL');
        },
      })
      .catch(() => {});
    await ended;
    await startDaemon();
    const seen = await lab.call('sandbox.ensure', spec);
    expect(seen, step).toMatchObject({
      power: 'running',
      released: true,
      network: { rules: true, tunnel: 'up' },
    });
    await lab.call('sandbox.remove', { id: spec.id, home: true });
  }
  expect((await lab.singBoxPids()).length).toBe(1);
});

test('two instances side by side do not disturb each other', async () => {
  const other = await createLab();
  const agent = await startAgent({
    instance: other.instance,
    dataDir: other.dataDir,
    socket: other.socket,
    owner: { uid: 0, gid: 0 },
    log: quietLog,
    resolvers: [world.privateAddress],
  });
  try {
    const twin = { ...box, image: other.image };
    await other.call('sandbox.ensure', twin);
    expect((await other.call('sandbox.list', {})).map((it) => it.id)).toEqual([twin.id]);
    const dig = (it: Lab) => it.inside(box.id, 'claude', ['dig', '+short', '+time=2', '+tries=1', 'x.test']);
    expect((await dig(other)).stdout.trim()).toBe(world.address);
    expect((await dig(lab)).stdout.trim()).toBe(world.address);
    await other.call('sandbox.remove', { id: twin.id, home: true });
    expect(await reachesWeb()).toBe(true);
    expect((await lab.call('sandbox.observe', { id: box.id })).network).toMatchObject({
      rules: true,
      tunnel: 'up',
    });
  } finally {
    await agent.close();
    await other.clean();
  }
});

test('an orderly stop leaves the sandbox and its way out', async () => {
  if (!child) throw new Error('no agent runs');
  expect(await kill(child, 'SIGTERM')).toBe(0);
  expect(await reachesWeb()).toBe(true);
});
