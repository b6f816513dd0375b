import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentStep, ensureSteps, type SandboxSpec } from '../shared/agent-api';
import { containerName, homeVolumeName, LABEL_INSTANCE, LABEL_SANDBOX, tmuxName } from '../shared/names';
import { createDockerClient } from './apply/docker';
import { run } from './apply/run';
import { createSshStreams } from './sandboxes/ssh';
import { startAgent } from './start';
import { createLab, gatewayKey, type Lab, quietLog, until } from './testlab/lab';

let lab: Lab;
let agent: { close(): Promise<void> };
let main: SandboxSpec;

beforeAll(async () => {
  lab = await createLab();
  agent = await startAgent({
    instance: lab.instance,
    dataDir: lab.dataDir,
    socket: lab.socket,
    owner: { uid: 0, gid: 0 },
    log: quietLog,
  });
  main = lab.newSpec();
});
afterAll(async () => {
  await agent?.close();
  await lab?.clean();
});

const ensure = (spec: SandboxSpec) => lab.call('sandbox.ensure', spec);
const readHome = async (id: string) => (await lab.inside(id, 'claude', ['cat', '/home/claude/kept'])).stdout;

/** A real SSH log-in over the agent's stream, with the host key pinned. */
async function sshExec(
  id: string,
  hostKey: string | null,
  command: string,
  options: { early?: boolean } = {},
): Promise<string> {
  const stream = await lab.openSsh(id, options);
  const client = new ssh2.Client();
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject);
      client.connect({
        sock: stream,
        username: 'claude',
        privateKey: gatewayKey.private,
        hostVerifier: (key: Buffer) => key.toString('base64') === hostKey?.split(' ')[1],
      });
    });
    return await new Promise<string>((resolve, reject) => {
      client.exec(command, (error, channel) => {
        if (error) return reject(error);
        let text = '';
        channel.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        channel.on('close', () => resolve(text.trim()));
      });
    });
  } finally {
    client.end();
    stream.destroy();
  }
}
const sshds = async (id: string) => (await lab.inside(id, 'root', ['pgrep', '-c', 'sshd'])).stdout.trim();

test('creates, starts, verifies, releases and answers SSH, telling each step in order', async () => {
  const steps: AgentStep[] = [];
  const seen = await lab.call('sandbox.ensure', main, { onStep: (step) => steps.push(step) });
  expect(seen).toMatchObject({
    power: 'running',
    generation: 1,
    released: true,
    homeExists: true,
    network: { rules: true, tunnel: 'up', reason: null, restarts: 0 },
  });
  const expected = ensureSteps.filter((it) => it !== 'container.stop' && it !== 'container.pause');
  expect(steps.filter((it) => it.state === 'started').map((it) => it.step)).toEqual(expected);
  expect(steps.filter((it) => it.state === 'done').map((it) => it.step)).toEqual(expected);
  expect(await sshExec(main.id, seen.hostKey, 'id -un; hostname; echo $TZ')).toBe(
    'claude\nbox-1\nEurope/Berlin',
  );
});

test('before the release the gateway may log in, and nothing of it is started', async () => {
  const spec = lab.newSpec();
  const stop = new AbortController();
  const cut = lab.call('sandbox.ensure', spec, {
    signal: stop.signal,
    onStep: ({ step, state }) => {
      if (step === 'network.rules' && state === 'started') stop.abort();
    },
  });
  await expect(cut).rejects.toThrow();
  await until(
    'it is cut off',
    async () => (await lab.call('sandbox.observe', { id: spec.id })).power === 'running',
  );
  const { released, hostKey } = await lab.call('sandbox.observe', { id: spec.id });
  expect(released).toBe(false);
  await expect(lab.openSsh(spec.id)).rejects.toThrow('409');
  const said = await sshExec(spec.id, hostKey, 'touch /tmp/mine; echo in', { early: true });
  expect(said).not.toContain('in\n');
  expect((await lab.inside(spec.id, 'root', ['ls', '/tmp/mine'])).code).not.toBe(0);
  await ensure(spec);
  expect(await sshExec(spec.id, hostKey, 'echo in')).toBe('in');
  await lab.call('sandbox.remove', { id: spec.id, home: true });
});

test('opens the first session in the moment of the release, once, and nothing of it before', async () => {
  const spec = lab.newSpec();
  const id = crypto.randomUUID();
  const provider = 'ANTHROPIC_BASE_URL=http://127.0.0.1:7878/x\nANTHROPIC_AUTH_TOKEN=one of its own\n';
  const asked = { ...spec, firstSession: { id, permissionMode: 'plan', cols: 100, rows: 30, provider } };
  const inside = async (...command: string[]) => (await lab.inside(spec.id, 'claude', command)).stdout.trim();
  const stop = new AbortController();
  const cut = lab.call('sandbox.ensure', asked, {
    signal: stop.signal,
    onStep: ({ step, state }) => {
      if (step === 'network.rules' && state === 'started') stop.abort();
    },
  });
  await expect(cut).rejects.toThrow();
  await until(
    'it is cut off',
    async () => (await lab.call('sandbox.observe', { id: spec.id })).power === 'running',
  );
  expect(await inside('pgrep', '-u', 'claude')).toBe('');
  expect(await inside('ls', '/run')).not.toContain('cloud-claude-first');

  await lab.call('sandbox.ensure', asked);
  const tmux = ['tmux', '-S', '/run/cloud-claude/tmux.sock'];
  const panes = () =>
    inside(...tmux, 'list-panes', '-a', '-F', '#{session_name} #{window_width} #{pane_start_command}');
  const pane = await until('its session', async () => (await panes()) || null);
  expect(pane).toContain(`${tmuxName(id)} 100 `);
  expect(pane).toContain('plan');
  expect(await inside('cat', '/home/claude/.cloud-claude/provider.env')).toBe(provider.trim());
  await until(
    'its words are taken away',
    async () => !(await inside('ls', '/run')).includes('cloud-claude-first'),
  );
  // As a command by sshd has it, the time zone too.
  const environment = await inside(...tmux, 'show-environment', '-g');
  expect(environment).toContain('LANG=en_US.UTF-8');
  expect(environment).toContain('TZ=Europe/Berlin');
  expect(environment).toContain('NPM_CONFIG_PREFIX=/home/claude/.local');

  // It is released already: nothing is opened again, and its token is in no record.
  await lab.call('sandbox.ensure', asked);
  expect((await panes()).split('\n')).toHaveLength(1);
  const { stdout } = await run(['grep', '-rlF', 'one of its own', lab.dataDir], { okCodes: [0, 1] });
  expect(stdout).toBe('');
  await lab.call('sandbox.remove', { id: spec.id, home: true });
});

test('an SSH stream leaves no process behind, however it ends', async () => {
  await until('no sshd before', async () => (await sshds(main.id)) === '0');
  const ended = await lab.openSsh(main.id);
  await new Promise((resolve) => ended.once('data', resolve));
  // A client that says nothing more: sshd sees the end of its input.
  ended.end();
  ended.resume();
  await new Promise((resolve) => ended.once('close', resolve));
  const cut = await lab.openSsh(main.id);
  await new Promise((resolve) => cut.once('data', resolve));
  expect(await sshds(main.id)).not.toBe('0');
  cut.destroy();
  await until('no sshd after', async () => (await sshds(main.id)) === '0');
});

test('a stream that waits is ended when nobody comes; one that was taken stays', async () => {
  const docker = createDockerClient();
  const streams = createSshStreams(docker, { parkedMs: 1_500 });
  const container = await docker.inspect(containerName(lab.instance, main.id));
  if (!container) throw new Error('the sandbox has no container');
  const ended = new AbortController();
  const how = { fresh: false, keys: Promise.resolve(), signal: ended.signal };
  await streams.ready(container, how);
  const taken = await streams.open(container);
  const alone = await sshds(main.id);
  // The next one is parked later for as long: at its end the time of the first is over too.
  await streams.ready(container, how);
  expect(await sshds(main.id)).not.toBe(alone);
  await until('the second was ended', async () => (await sshds(main.id)) === alone);
  const answer = new Promise<Buffer>((resolve) => taken.output.on('data', resolve));
  taken.output.resume();
  expect(String(await answer)).toMatch(/^SSH-2\.0-/);
  const more = new Promise<Buffer>((resolve) => taken.output.once('data', resolve));
  taken.input.write('SSH-2.0-test\r\n');
  // sshd's offer of algorithms: it is alive.
  expect((await more).length).toBeGreaterThan(100);
  taken.input.destroy();
  await streams.close();
});

test('ensure again changes nothing', async () => {
  const before = await lab.call('sandbox.observe', { id: main.id });
  const pids = await lab.singBoxPids();
  expect(await ensure(main)).toEqual(before);
  expect(await lab.singBoxPids()).toEqual(pids);
});

test('two ensures at once take turns', async () => {
  const order: string[] = [];
  const run = (mark: string) =>
    lab.call('sandbox.ensure', main, { onStep: (step) => order.push(`${mark} ${step.step} ${step.state}`) });
  await Promise.all([run('a'), run('b')]);
  const marks = order.map((it) => it[0]).join('');
  expect(marks).toMatch(/^(a+b+|b+a+)$/);
});

test('pause, resume, stop, start and rebuild keep the home; limits change live', async () => {
  await lab.inside(main.id, 'claude', ['sh', '-c', 'echo precious > /home/claude/kept']);
  const container = (await run(['docker', 'inspect', '-f', '{{.Id}}', lab.name(main.id)])).stdout;
  const hostKey = (await lab.call('sandbox.observe', { id: main.id })).hostKey;

  const paused = await ensure({ ...main, power: 'paused' });
  expect(paused).toMatchObject({ power: 'paused', released: true, network: { rules: true, tunnel: 'up' } });
  await expect(lab.openSsh(main.id)).rejects.toThrow('409');
  expect((await ensure({ ...main, power: 'paused' })).power).toBe('paused');
  expect((await ensure(main)).power).toBe('running');

  main = { ...main, limits: { cpus: 0.5, memoryMb: 1536, pids: 300, diskGb: null } };
  await ensure(main);
  const limits = [
    '-f',
    '{{.Id}} {{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}',
  ];
  expect((await run(['docker', 'inspect', ...limits, lab.name(main.id)])).stdout.trim()).toBe(
    `${container.trim()} 500000000 ${1536 * 2 ** 20} ${1536 * 2 ** 20} 300`,
  );

  const stopped = await ensure({ ...main, power: 'stopped' });
  expect(stopped).toMatchObject({ power: 'stopped', released: false, network: { tunnel: 'absent' } });
  expect(await lab.singBoxPids()).toEqual([]);
  expect(await ensure(main)).toMatchObject({ power: 'running', released: true, hostKey });
  expect(await readHome(main.id)).toBe('precious\n');

  main = { ...main, generation: 2 };
  expect(await ensure(main)).toMatchObject({ power: 'running', generation: 2, hostKey });
  expect(await readHome(main.id)).toBe('precious\n');
  expect((await run(['docker', 'inspect', '-f', '{{.Id}}', lab.name(main.id)])).stdout).not.toBe(container);
});

test('a new gateway key is let in without a restart', async () => {
  const before = await lab.call('sandbox.observe', { id: main.id });
  const other = ssh2.utils.generateKeyPairSync('ed25519').public.trim();
  await ensure({ ...main, gatewayKey: other });
  await expect(sshExec(main.id, before.hostKey, 'true')).rejects.toThrow(/authentication/i);
  expect((await ensure(main)).startedAt).toBe(before.startedAt);
  expect(await sshExec(main.id, before.hostKey, 'echo in')).toBe('in');
});

test('tells usage', async () => {
  const usage = await lab.call('sandbox.usage', { id: main.id });
  expect(usage.cpuMs).toBeGreaterThan(0);
  expect(usage.memoryBytes).toBeGreaterThan(1_000_000);
  expect(usage.pids).toBeGreaterThan(1);
});

test('root inside cannot touch the network; without sudo nobody becomes root', async () => {
  const commands = ['ip link add dummy0 type dummy', 'ip link set tun0 down', 'ip link set lo down'];
  for (const command of commands) {
    expect((await lab.inside(main.id, 'root', command.split(' '))).code).not.toBe(0);
  }
  expect((await lab.inside(main.id, 'claude', ['sudo', '-n', 'id', '-u'])).stdout.trim()).toBe('0');
  const strict = lab.newSpec({ sudo: false });
  const seen = await ensure(strict);
  expect(await sshExec(strict.id, seen.hostKey, 'sudo -n id -u 2>/dev/null || echo refused')).toBe('refused');
  await lab.call('sandbox.remove', { id: strict.id, home: true });
});

test('cut off after any step, ensure goes on from there', async () => {
  for (const last of ensureSteps.slice(0, 8)) {
    const spec = lab.newSpec();
    const stop = new AbortController();
    const cut = lab.call('sandbox.ensure', spec, {
      signal: stop.signal,
      onStep: (step) => {
        if (step.step === last && step.state === 'started') stop.abort();
      },
    });
    await expect(cut, last).rejects.toThrow();
    const seen = await ensure(spec);
    expect(seen, last).toMatchObject({
      power: 'running',
      released: true,
      network: { rules: true, tunnel: 'up' },
    });
    await lab.call('sandbox.remove', { id: spec.id, home: true });
  }
  expect((await lab.singBoxPids()).length).toBe(1);
});

test('says what is wrong with a spec', async () => {
  await expect(ensure(lab.newSpec({ timezone: 'Mars/Olympus' }))).rejects.toThrow(
    '"Mars/Olympus" is not known',
  );
  await expect(ensure(lab.newSpec({ timezone: 'europe/berlin' }))).rejects.toThrow(
    '"europe/berlin" is not known',
  );
  const image = 'cloud-claude/sandbox:000000000000';
  await expect(ensure(lab.newSpec({ image }))).rejects.toMatchObject({ code: 'image_missing' });
  await expect(lab.call('sandbox.usage', { id: 't000000000000000' })).rejects.toMatchObject({
    code: 'sandbox_not_running',
  });
});

test('lists orphans by label and removes them, with or without the home', async () => {
  const id = `t${lab.instance}orphan0`;
  const volume = homeVolumeName(lab.instance, id);
  const label = ['--label', `${LABEL_INSTANCE}=${lab.instance}`, '--label', `${LABEL_SANDBOX}=${id}`];
  await run(['docker', 'volume', 'create', ...label, volume]);
  const found = async () => (await lab.call('sandbox.list', {})).map((it) => it.id).sort();
  expect(await found()).toEqual([id, main.id].sort());
  await run(['docker', 'create', '--network', 'none', '--name', lab.name(id), ...label, lab.image]);
  expect((await lab.call('sandbox.observe', { id })).power).toBe('stopped');
  await lab.call('sandbox.remove', { id, home: false });
  expect(await lab.call('sandbox.observe', { id })).toMatchObject({ power: 'absent', homeExists: true });
  const steps: string[] = [];
  await lab.call(
    'sandbox.remove',
    { id, home: true },
    { onStep: (it) => steps.push(`${it.step} ${it.state}`) },
  );
  expect(steps.filter((it) => it.endsWith('done'))).toEqual([
    'container.remove done',
    'network.remove done',
    'home.remove done',
  ]);
  expect(await found()).toEqual([main.id]);
  // Again: nothing is there, nothing fails.
  await lab.call('sandbox.remove', { id, home: true });
});

test('a stopped sandbox that was never started exists and waits', async () => {
  const spec = lab.newSpec({ power: 'stopped' });
  expect(await ensure(spec)).toMatchObject({ power: 'stopped', released: false, homeExists: true });
  await lab.call('sandbox.remove', { id: spec.id, home: true });
});

test('health names what is there', async () => {
  const health = await lab.call('health', {});
  expect(health.instance).toBe(lab.instance);
  expect(health.checks.map((it) => it.name)).toEqual([
    'docker',
    'nftables',
    'iproute2',
    'sing-box',
    'resolver',
    'image',
  ]);
  expect(health.checks.filter((it) => !it.ok)).toEqual([]);
  expect(health.image.ref).toMatch(/^cloud-claude\/sandbox:/);
  // Asked for one by name, it says whether that one is there, not whether any is.
  expect((await lab.call('health', { image: lab.image })).image.ref).toBe(lab.image);
  const missing = await lab.call('health', { image: 'cloud-claude/sandbox:000000000000' });
  expect(missing.image.ref).toBeNull();
  expect(missing.checks.find((it) => it.name === 'image')).toMatchObject({
    ok: false,
    detail: 'cloud-claude/sandbox:000000000000 is not on this machine',
  });
});
