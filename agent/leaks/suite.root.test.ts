/**
 * Nothing leaves a sandbox but inside its way out, whatever runs in it and whatever happens around it. The judge sees
 * every frame that leaves the laboratory's host; see docs/leak-lab.md.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxSpec } from '../../shared/agent-api';
import { hostTable } from '../../shared/names';
import { Namespace } from '../apply/netns';
import { run } from '../apply/run';
import { startDaemon } from '../testlab/daemon';
import { type Attacker, attackAll, flood, nameTraps } from '../testlab/flood';
import { answersTo, framesOf, judge } from '../testlab/judge';
import { until } from '../testlab/lab';
import { HOST, HOST_RESOLVER, WEB } from '../testlab/machine';
import type { ProxyServer } from '../testlab/proxies';
import { CUT, createScene, LONG_DOWNLOAD, networkOf, type Scene } from '../testlab/scene';

let scene: Scene;
let box: SandboxSpec;
/** The way out of most tests, and another to switch to. */
let first: ProxyServer;
let second: ProxyServer;

beforeAll(async () => {
  scene = await createScene();
  [first, second] = await Promise.all([
    scene.proxies.open('ss-aead'),
    scene.proxies.open('vless-reality'),
    scene.machine.startNeighbours(),
    nameTraps(scene),
  ]);
  box = { ...scene.lab.newSpec(), network: networkOf(first.egress) };
  await scene.lab.call('sandbox.ensure', box);
});
afterAll(async () => {
  await scene?.close();
});

const ensure = (change: Partial<SandboxSpec> = {}) =>
  scene.lab.call('sandbox.ensure', { ...box, ...change }, {});
const observe = () => scene.lab.call('sandbox.observe', { id: box.id });
const reachesWeb = async () =>
  (await scene.lab.inside(box.id, 'claude', ['curl', '-sS', '-m', '3', `http://${WEB[0]}/`])).code === 0;
const comesBack = () => until('the way out', reachesWeb, 20_000);
async function singBox(): Promise<number> {
  const [pid, ...others] = await scene.lab.singBoxPids();
  if (pid === undefined || others.length > 0) throw new Error('there is not exactly one sing-box');
  return pid;
}
/** A leak is told by its first frames. */
const few = (frames: string[]) => frames.slice(0, 6);
/** Questions of the sandbox that the host, or the host's resolver, passed on. */
const askedByHost = (nonce: string) =>
  scene.services.events.filter(
    (it) => it.dns?.includes(nonce) && (it.from === HOST_RESOLVER.from || it.from === HOST.address),
  );

test('the judge sees what it must see: on the link, and past every local tap', async () => {
  const seen = await judge(scene.machine, [framesOf(first.egress)]);
  const bypass = `import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.sendto(b'x', ('8.8.8.8', 9999))
udp.sendto(b'x', ('169.254.169.254', 9998)); udp.sendto(b'x', ('${first.exit}', 9997))
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); raw.setsockopt(263, 20, 1)
raw.bind(('eth0', 0)); raw.send(b'\\xff' * 12 + b'\\x08\\x00' + b'\\x45' + bytes(59))`;
  await scene.machine.onHost(['python3', '-c', bypass]);
  await until('the last frame', async () => seen.frames.some((it) => it.includes('9997')), 5_000);
  const frames = await seen.verdict();
  for (const place of ['host', 'cable'])
    for (const to of ['8.8.8.8.9999', '169.254.169.254.9998', `${first.exit}.9997`])
      expect(frames.some((it) => it.startsWith(place) && it.includes(to))).toBe(true);
  expect(frames.filter((it) => !/999[789]/.test(it)).map((it) => it.split(':')[0])).toEqual(['cable']);
});

describe.each(['through a proxy', 'through the own uplink'])('running, %s', (way) => {
  const network = () => (way === 'through a proxy' ? networkOf(first.egress) : networkOf({ kind: 'direct' }));
  beforeAll(async () => {
    await ensure({ network: network() });
  });

  test.each<Attacker[]>([['claude', 'root'], ['net-raw'], ['net-admin']])(
    'every way at once, as %s',
    async (...attackers) => {
      const seen = await judge(scene.machine, [framesOf(network().egress), answersTo(first.exit)]);
      const attacks = await Promise.all(attackers.map((it) => attackAll(scene, box, it)));
      const reports = await Promise.all(attacks.map((it) => it.done));
      for (const report of reports) {
        // The public addresses of the host may be asked for by anybody on the Internet, such as the proxy.
        const reached = report.reached.filter((it) => way !== 'through a proxy' || !it.includes(first.exit));
        expect(reached).toEqual([]);
        // It did try.
        expect(report.sent.udp).toBeDefined();
      }
      expect(few(await seen.verdict())).toEqual([]);
      if (way === 'through a proxy') expect(attacks.flatMap((it) => askedByHost(it.nonce))).toEqual([]);
      if (attackers.includes('net-admin')) {
        // It made links: the sandbox is cut off until its namespace is a new one.
        await until('the fence', async () => (await observe()).network.tunnel === 'fenced');
        expect((await observe()).network.reason).toContain('a network link it must not have');
        await ensure({ power: 'stopped' });
        await ensure({ network: network() });
      }
      await comesBack();
    },
  );
});

describe('while something happens', () => {
  beforeAll(async () => {
    await ensure();
  });

  /** Floods, does it, waits for the end of the flood: nothing but the tunnel's frames may have left. */
  async function underFlood(
    seconds: number,
    work: () => Promise<unknown>,
    allowed = [framesOf(first.egress), answersTo(first.exit)],
  ) {
    const seen = await judge(scene.machine, allowed);
    const floods = await flood(scene, box, seconds);
    try {
      await work();
    } finally {
      await Promise.allSettled(floods.map((it) => it.done));
    }
    expect(few(await seen.verdict())).toEqual([]);
    expect(floods.flatMap((it) => askedByHost(it.nonce))).toEqual([]);
  }

  test('sing-box is killed', async () => {
    await underFlood(3, async () => {
      const pid = await singBox();
      process.kill(pid, 'SIGKILL');
      await until('another one', async () => {
        const [now] = await scene.lab.singBoxPids();
        return now !== undefined && now !== pid;
      });
    });
    await comesBack();
  });

  test('sing-box is stopped and goes on', async () => {
    await underFlood(3, async () => {
      const pid = await singBox();
      process.kill(pid, 'SIGSTOP');
      // The agent ends one that hangs; on a slow machine it may be woken before that.
      await reachesWeb();
      if (await exists(pid)) process.kill(pid, 'SIGCONT');
    });
    await comesBack();
  });

  test('sing-box runs out of memory', async () => {
    const group = await memoryGroup(`cc-lab-${scene.lab.instance}`);
    try {
      await underFlood(3, async () => {
        const pid = await singBox();
        await group.take(pid);
        await until('the end of it', async () => !(await exists(pid)));
      });
    } finally {
      await group.remove();
    }
    await comesBack();
  });

  test('the agent is killed and comes back', async () => {
    await underFlood(4, async () => {
      await scene.daemon.kill('SIGKILL');
      await comesBack();
      scene.daemon = await startDaemon(scene.lab, scene.machine);
      await until('the tunnel is known', async () => (await observe()).network.tunnel === 'up');
    });
    await comesBack();
  });

  test('the agent and sing-box are killed together', async () => {
    await underFlood(4, async () => {
      await scene.daemon.kill('SIGKILL');
      process.kill(await singBox(), 'SIGKILL');
      await until('the end of it', async () => (await scene.lab.singBoxPids()).length === 0);
      expect(await reachesWeb()).toBe(false);
      scene.daemon = await startDaemon(scene.lab, scene.machine);
    });
    await comesBack();
  });

  test('somebody flushes the rules of the sandbox: healed within seconds', async () => {
    await underFlood(6, async () => {
      const namespace = await Namespace.ofProcess(await scene.lab.pid(box.id));
      await namespace.run(['nft', 'flush', 'ruleset']);
      await namespace.close();
      await until('the rules', async () => (await observe()).network.rules, 10_000);
    });
    await comesBack();
  });

  test('somebody flushes every rule of the host: healed within seconds', async () => {
    await underFlood(6, async () => {
      await scene.machine.onHost(['nft', 'flush', 'ruleset']);
      await until('the host table', async () => {
        const tables = await scene.machine.onHost(['nft', 'list', 'tables']);
        return tables.includes(hostTable(scene.lab.instance));
      });
    });
    await comesBack();
  });

  test('both tables are flushed', async () => {
    await underFlood(6, async () => {
      const namespace = await Namespace.ofProcess(await scene.lab.pid(box.id));
      await Promise.all([
        namespace.run(['nft', 'flush', 'ruleset']),
        scene.machine.onHost(['nft', 'flush', 'ruleset']),
      ]);
      await namespace.close();
      await until('the rules', async () => (await observe()).network.rules, 10_000);
    });
    await comesBack();
  });

  test('it is paused and goes on', async () => {
    await underFlood(3, async () => {
      await ensure({ power: 'paused' });
      await ensure();
    });
    await comesBack();
  });

  test('its way out is switched: old flows are cut and never go by the new one', async () => {
    const download = ['curl', ...LONG_DOWNLOAD.args, `http://${WEB[1]}${LONG_DOWNLOAD.path}`];
    // The floods before this left as many flows as a sandbox may have (SANDBOX_FLOWS), which the kernel remembers for up
    // to 30 s: until then a new one may be refused.
    let ended = true;
    let flow = Promise.resolve({ code: 0 });
    await until(
      'the flow',
      async () => {
        if (scene.services.events.some((it) => it.http === LONG_DOWNLOAD.path && it.from === first.exit))
          return true;
        if (ended) {
          ended = false;
          flow = scene.lab.inside(box.id, 'claude', download, 60_000).finally(() => {
            ended = true;
          });
        }
        return false;
      },
      45_000,
    );
    const both = [first, second].flatMap((it) => [framesOf(it.egress), answersTo(it.exit)]);
    await underFlood(
      5,
      async () => {
        await ensure({ network: networkOf(second.egress) });
        // A kernel may still say good-bye to the old server; nothing with a payload goes there.
        const goodbye = `dst host ${first.exit} and (tcp[tcpflags] & (tcp-rst|tcp-fin|tcp-ack) != 0) and len <= 80`;
        const after = await judge(scene.machine, [
          framesOf(second.egress),
          answersTo(second.exit),
          `tcp and ${goodbye}`,
        ]);
        expect((await flow).code).toBe(CUT);
        expect(await after.verdict()).toEqual([]);
      },
      both,
    );
    const asked = scene.services.events.filter((it) => it.http === LONG_DOWNLOAD.path);
    expect(asked.map((it) => it.from)).toEqual([first.exit]);
    await ensure();
    await comesBack();
  });

  test('it starts, with a first process that sends at once as root', async () => {
    const lib = '/usr/local/lib';
    const files = `${scene.lab.folder}/race`;
    await mkdir(files, { recursive: true });
    const { attackArgument, attackProgram } = await import('../testlab/flood');
    const init = `#!/bin/sh
python3 ${lib}/attacks.py '${attackArgument('flood', 'start', 0)}' > /var/raced
while ! [ -e /run/cloud-claude-release ]; do
  python3 ${lib}/attacks.py '${attackArgument('flood', 'start', 0.1)}' > /dev/null
done
exec ${lib}/cloud-claude/init.real
`;
    await writeFile(`${files}/init`, init, { mode: 0o755 });
    const container = scene.lab.name(box.id);
    await scene.lab.inside(box.id, 'root', [
      ...['cp', `${lib}/cloud-claude/init`, `${lib}/cloud-claude/init.real`],
    ]);
    await ensure({ power: 'stopped' });
    await run(['docker', 'cp', `${files}/init`, `${container}:${lib}/cloud-claude/init`]);
    await run(['docker', 'cp', attackProgram, `${container}:${lib}/attacks.py`]);
    // What the case before was receiving by the other way still arrives, and the host's kernel says that it is over.
    const over = `(${framesOf(second.egress)}) and tcp[tcpflags] & tcp-rst != 0 and ip[2:2] <= 60`;
    const seen = await judge(scene.machine, [framesOf(first.egress), answersTo(first.exit), over]);
    const everything = await judge(scene.machine, []);
    let beforeRelease: string[] | undefined;
    await scene.lab.call('sandbox.ensure', box, {
      onStep: (step) => {
        if (step.step === 'container.release' && step.state === 'started')
          beforeRelease = everything.frames.filter((it) => /\.9999[: ]/.test(it));
      },
    });
    await everything.verdict();
    expect(beforeRelease).toEqual([]);
    expect(few(await seen.verdict())).toEqual([]);
    expect((await scene.lab.inside(box.id, 'root', ['cat', '/var/raced'])).stdout).toContain('"sent"');
    await scene.lab.inside(box.id, 'root', [
      ...['mv', `${lib}/cloud-claude/init.real`, `${lib}/cloud-claude/init`],
    ]);
    await comesBack();
  });
});

async function exists(pid: number): Promise<boolean> {
  const { code } = await run(['ps', '-o', 'stat=', '-p', String(pid)], { okCodes: [0, 1] });
  return code === 0;
}

/** A memory group so small that whoever is put in and allocates is ended by the kernel; cgroup v1 or v2. */
async function memoryGroup(name: string) {
  const v1 = '/sys/fs/cgroup/memory';
  const isV1 = await run(['test', '-d', v1], { okCodes: [0, 1] }).then((it) => it.code === 0);
  const folder = `${isV1 ? v1 : '/sys/fs/cgroup'}/${name}`;
  await mkdir(folder);
  await writeFile(`${folder}/${isV1 ? 'memory.limit_in_bytes' : 'memory.max'}`, String(256 * 1024));
  return {
    take: (pid: number) => writeFile(`${folder}/cgroup.procs`, String(pid)),
    remove: () => rm(folder, { recursive: false, force: true }).catch(() => run(['rmdir', folder])),
  };
}
