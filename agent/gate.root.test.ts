/** What opens and closes a sandbox's way out: proofs, switches, sing-box that falls or hangs, an agent that dies. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentCheck, AgentNotice, NetworkSpec, SandboxSpec } from '../shared/agent-api';
import type { ProbeSettings, Proof } from '../shared/proof';
import { Namespace } from './apply/netns';
import { run } from './apply/run';
import { startDaemon } from './testlab/daemon';
import { framesOf, judge } from './testlab/judge';
import { until } from './testlab/lab';
import { WEB, ZONE } from './testlab/machine';
import type { ProxyServer } from './testlab/proxies';
import { createScene, networkOf, type Scene } from './testlab/scene';

let scene: Scene;
let box: SandboxSpec;
let first: ProxyServer;
let second: ProxyServer;
let notices: AgentNotice[] = [];
const unwatch = new AbortController();

beforeAll(async () => {
  scene = await createScene();
  [first, second] = await Promise.all([scene.proxies.open('trojan'), scene.proxies.open('socks5')]);
  watch();
  box = { ...scene.lab.newSpec(), network: proven(first) };
});
afterAll(async () => {
  unwatch.abort();
  await scene?.close();
});

function watch(): void {
  const options = { onNotice: (it: AgentNotice) => notices.push(it), signal: unwatch.signal };
  scene.lab.call('watch', {}, options).catch(() => {});
}
const probes: ProbeSettings = {
  connectUrl: `http://${WEB[0]}/generate_204`,
  echoUrls: [`http://${WEB[0]}/ip`, `http://${WEB[1]}/json`],
  dnsEcho: { name: `{unique}.who.${ZONE}`, type: 'A' },
  intervalSeconds: 900,
};
/** A way out that must be proven; by whose address it must leave is the server's unless said otherwise. */
const proven = (proxy: ProxyServer, change: Partial<NetworkSpec> = {}): NetworkSpec =>
  networkOf(proxy.egress, {
    ...{ egressId: proxy.name, proof: 'gate', probes, expectedAddress: proxy.exit },
    ...change,
  });
async function ensure(network: NetworkSpec, power: SandboxSpec['power'] = 'running') {
  return scene.lab.call('sandbox.ensure', { ...box, power, network });
}
const observe = () => scene.lab.call('sandbox.observe', { id: box.id });
const noticed = (what: AgentNotice['what']) =>
  until(what, async () => notices.find((it) => it.what === what) ?? null, 30_000);
async function exitAddress(): Promise<string> {
  const { stdout } = await scene.lab.inside(box.id, 'claude', [
    'curl',
    '-sS',
    '-m',
    '3',
    `http://${WEB[0]}/ip`,
  ]);
  return stdout.trim();
}
const singBox = () => scene.lab.singBoxPids();

describe('a way out that must be proven', () => {
  test('is not opened, and the sandbox not released, by an exit address that is another one', async () => {
    const seen = await judge(scene.machine, [framesOf(first.egress)]);
    await expect(ensure(proven(first, { expectedAddress: '192.0.2.99' }))).rejects.toThrow(first.exit);
    expect(await observe()).toMatchObject({
      released: false,
      network: {
        gate: 'closed',
        tunnel: 'fenced',
        egressId: 'trojan',
        proof: { verdict: 'red', cause: 'start' },
      },
    });
    expect((await noticed('network.fenced')).detail).toContain(first.exit);
    expect(await exitAddress()).toBe('');
    expect(await singBox()).toEqual([]);
    expect(await seen.verdict()).toEqual([]);
  });

  test('is opened by a green one', async () => {
    notices = [];
    const seen = await ensure(proven(first));
    expect(seen).toMatchObject({
      released: true,
      network: {
        gate: 'open',
        tunnel: 'up',
        rules: true,
        proof: { verdict: 'green', exitAddress: first.exit },
      },
    });
    await noticed('network.unfenced');
    expect(await exitAddress()).toBe(first.exit);
  });

  test('a proof that is asked for tells its checks, and is kept', async () => {
    const checks: AgentCheck[] = [];
    const proof: Proof = await scene.lab.call(
      'sandbox.prove',
      { id: box.id },
      { onCheck: (it) => checks.push(it) },
    );
    expect(proof).toMatchObject({ cause: 'asked', verdict: 'green' });
    expect(checks.filter((it) => it.check !== null).length).toBe(proof.checks.length);
    const kept = await scene.lab.call('sandbox.proofs', { id: box.id, after: null });
    expect(kept.map((it) => [it.cause, it.verdict])).toEqual([
      ['start', 'red'],
      ['start', 'green'],
      ['asked', 'green'],
    ]);
    expect(
      await scene.lab.call('sandbox.proofs', { id: box.id, after: kept[1]?.finishedAt ?? null }),
    ).toEqual([proof]);
  });

  test('sing-box falls: closed until it is proven again', async () => {
    notices = [];
    const [pid = 0] = await singBox();
    process.kill(pid, 'SIGKILL');
    await noticed('tunnel.down');
    await until('open again', async () => (await observe()).network.gate === 'open');
    expect((await observe()).network.proof).toMatchObject({ cause: 'tunnel', verdict: 'green' });
    expect(await exitAddress()).toBe(first.exit);
  });

  test('sing-box hangs: it is ended and comes back', async () => {
    notices = [];
    const [pid = 0] = await singBox();
    process.kill(pid, 'SIGSTOP');
    expect((await noticed('tunnel.down')).detail).toContain('signal');
    await until('open again', async () => (await observe()).network.gate === 'open');
    expect(await exitAddress()).toBe(first.exit);
  });

  test('sing-box has no memory left: it ends and comes back', async () => {
    notices = [];
    const [pid = 0] = await singBox();
    await run(['prlimit', '--pid', String(pid), '--data=1048576']);
    // Each connection takes memory.
    const many = ['curl', '-sS', '-Z', '--parallel-max', '100', '-m', '3', '-o', '/dev/null'];
    await until('it ended', async () => {
      await scene.lab.inside(box.id, 'claude', [...many, `http://${WEB[0]}/ip?[1-100]`]);
      return notices.some((it) => it.what === 'tunnel.down');
    });
    expect(notices.find((it) => it.what === 'tunnel.down')?.detail).toContain('memory');
    await until('open again', async () => (await observe()).network.gate === 'open');
    expect(await exitAddress()).toBe(first.exit);
  });

  test('resumed, nothing passes before it is proven', async () => {
    await ensure(proven(first), 'paused');
    expect(await ensure(proven(first))).toMatchObject({
      network: { gate: 'open', proof: { cause: 'resume', verdict: 'green' } },
    });
    expect(await exitAddress()).toBe(first.exit);
  });

  test('switched to one that is not what it should be: cut off, but alive; then to a good one', async () => {
    notices = [];
    const container = await scene.lab.pid(box.id);
    await expect(ensure(proven(second, { expectedAddress: first.exit }))).rejects.toThrow(second.exit);
    expect((await observe()).network).toMatchObject({ gate: 'closed', tunnel: 'fenced', egressId: 'socks5' });
    expect(await scene.lab.pid(box.id)).toBe(container);
    expect(await exitAddress()).toBe('');
    (await scene.lab.openSsh(box.id)).destroy();
    expect(await ensure(proven(second))).toMatchObject({
      network: { gate: 'open', egressId: 'socks5', proof: { cause: 'switch', verdict: 'green' } },
    });
    expect(await exitAddress()).toBe(second.exit);
  });

  test('the server is gone: a proof fences, with a reason for people; back again, it is opened by itself', async () => {
    notices = [];
    await second.stop();
    const proof = await scene.lab.call('sandbox.prove', { id: box.id });
    expect(proof.verdict).toBe('red');
    expect((await noticed('network.fenced')).detail).not.toBe('');
    expect((await observe()).network).toMatchObject({ gate: 'closed', tunnel: 'fenced' });
    await second.start();
    expect(await scene.lab.call('sandbox.prove', { id: box.id })).toMatchObject({ verdict: 'green' });
    expect((await observe()).network).toMatchObject({ gate: 'open', tunnel: 'up' });
  });
});

describe('an agent that dies', () => {
  const again = async () => {
    scene.daemon = await startDaemon(scene.lab, scene.machine);
    watch();
  };

  test('leaves the proven way out, and the next agent takes it over as it is', async () => {
    const before = await singBox();
    await scene.daemon.kill('SIGKILL');
    expect(await exitAddress()).toBe(second.exit);
    await again();
    await until('taken over', async () => (await observe()).network.tunnel === 'up');
    expect((await observe()).network).toMatchObject({ gate: 'open', rules: true });
    expect(await singBox()).toEqual(before);
    expect(await exitAddress()).toBe(second.exit);
  });

  test('in the middle of a switch: the next one finishes, and never are both open', async () => {
    for (const step of ['network.tunnel', 'network.proof', 'container.release'] as const) {
      const [from, to] = step === 'network.proof' ? [second, first] : [first, second];
      await ensure(proven(from));
      const seen = await judge(scene.machine, [framesOf(first.egress), framesOf(second.egress)]);
      const work = scene.lab.call(
        'sandbox.ensure',
        { ...box, network: proven(to) },
        {
          onStep: (it) => {
            if (it.step === step && it.state === 'started') void scene.daemon.kill('SIGKILL');
          },
        },
      );
      await expect(work, step).rejects.toThrow();
      // Nobody watches: it is the old one whole, or nothing.
      expect(['', from.exit, to.exit], step).toContain(await exitAddress());
      await again();
      await until(`finished after ${step}`, async () => (await exitAddress()) === to.exit, 40_000);
      expect((await observe()).network, step).toMatchObject({
        gate: 'open',
        tunnel: 'up',
        egressId: to.name,
      });
      expect(await seen.verdict(), step).toEqual([]);
    }
  });

  test('while it was fenced: the next one does not open it without a better proof', async () => {
    await expect(ensure(proven(first, { expectedAddress: '192.0.2.99' }))).rejects.toThrow('192.0.2.99');
    await scene.daemon.kill('SIGKILL');
    notices = [];
    await again();
    await noticed('proof.red');
    await until('fenced', async () => (await observe()).network.tunnel === 'fenced');
    expect((await observe()).network.gate).toBe('closed');
    expect(await exitAddress()).toBe('');
    await ensure(proven(first));
    expect(await exitAddress()).toBe(first.exit);
  });
});

test('raw frames into the tun are judged too', async () => {
  const raw = `
import socket, time
def ip(proto, dst): 
    head = bytes([0x45,0,0,28, 0,1,0,0, 64,proto,0,0]) + socket.inet_aton('198.18.0.1') + socket.inet_aton(dst)
    s = 0
    for i in range(0, 20, 2): s += (head[i] << 8) + head[i+1]
    s = (s >> 16) + (s & 0xffff); s = ~(s + (s >> 16)) & 0xffff
    return head[:10] + s.to_bytes(2, 'big') + head[12:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('tun0', 0x0800))
udp = (9).to_bytes(2,'big')*2 + (8).to_bytes(2,'big') + b'\\0\\0'
taken = lambda: int(open('/proc/net/dev').read().split('tun0:')[1].split()[9])
public = ip(17,'${WEB[0]}')+udp
refused = [ip(17,'10.0.0.1')+udp, ip(1,'${WEB[0]}')+b'\\x08\\0\\xf7\\xff\\0\\0\\0\\0', ip(17,'169.254.169.254')+udp, b'\\x45'+b'\\0'*60]
start = taken()
for frame in [public, *refused, public]:
    try: s.send(frame)
    except OSError: pass
# The tun keeps the order: when the last one was taken, all before it were judged.
end = time.time() + 5
while taken() < start + 2 and time.time() < end: pass
print(taken() - start)
`;
  // As the host's root in the sandbox's namespace: what a sandbox has no right to do.
  const namespace = await Namespace.ofProcess(await scene.lab.pid(box.id));
  const { stdout } = await namespace.run(['python3', '-c', raw]);
  await namespace.close();
  expect(stdout).toBe('2\n');
});
