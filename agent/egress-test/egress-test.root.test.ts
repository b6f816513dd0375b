// Tests of ways out that are bound to nothing, through real proxies, and documents fetched through them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentCheck, AgentInput } from '../../shared/agent-api';
import type { Egress } from '../../shared/egress';
import { LABEL_INSTANCE } from '../../shared/names';
import type { Proof } from '../../shared/proof';
import { run } from '../apply/run';
import { startDaemon } from '../testlab/daemon';
import { framesOf, judge, questions } from '../testlab/judge';
import { until } from '../testlab/lab';
import { HOST, LAN_HTTP_PORT, METADATA, PUBLIC_RESOLVER, WEB, ZONE } from '../testlab/machine';
import type { ProxyServer } from '../testlab/proxies';
import { createScene, type Scene } from '../testlab/scene';

let scene: Scene;
let proxy: ProxyServer;
const dns = { server: PUBLIC_RESOLVER.address, transport: 'tcp' as const, name: null };

beforeAll(async () => {
  scene = await createScene();
  [proxy] = await Promise.all([scene.proxies.open('socks5'), scene.machine.startNeighbours()]);
  await scene.services.name(`proxy.${ZONE}`, proxy.exit);
});
afterAll(async () => {
  await scene?.close();
});

type TestInput = AgentInput<'egress.test'>;
const input = (egress: Egress, change: Partial<TestInput> = {}): TestInput => ({
  egressId: 'e1',
  egress,
  dns: egress.kind === 'direct' ? null : dns,
  expectedAddress: null,
  probes: {
    connectUrl: `http://connect.${ZONE}/generate_204`,
    echoUrls: [`http://${WEB[0]}/ip`, `http://${WEB[1]}/json`],
    dnsEcho: { name: `{unique}.who.${ZONE}`, type: 'TXT' },
    intervalSeconds: 900,
  },
  ...change,
});
async function tried(asked: TestInput): Promise<{ proof: Proof | Error; checks: AgentCheck[] }> {
  const checks: AgentCheck[] = [];
  const proof = await scene.lab
    .call('egress.test', asked, { onCheck: (it) => checks.push(it) })
    .catch((error: Error) => error);
  return { proof, checks };
}
/** `stage state` as they came; the nine checks of `refused` come in any order. */
const told = (checks: AgentCheck[]) =>
  checks
    .filter((it) => !(it.stage === 'refused' && it.state === 'started'))
    .map((it) => `${it.stage} ${it.state}`);
async function leftovers(): Promise<string[]> {
  const label = `label=${LABEL_INSTANCE}=${scene.lab.instance}`;
  const { stdout } = await run(['docker', 'ps', '-aq', '--filter', label]);
  return [...stdout.split('\n').filter(Boolean), ...(await scene.lab.singBoxPids()).map(String)];
}

describe('a test', () => {
  test('of a proxy given by name tells each stage and ends green; nothing else left the host, nothing stays', async () => {
    const egress = { ...proxy.egress, server: `proxy.${ZONE}` } as Egress;
    const leaks = await judge(scene.machine, [framesOf(egress, proxy.exit), questions]);
    const { proof, checks } = await tried(input(egress, { expectedAddress: proxy.exit }));
    expect(proof).toMatchObject({
      verdict: 'green',
      cause: 'test',
      sandboxId: null,
      egressId: 'e1',
      exitAddress: proxy.exit,
      resolver: PUBLIC_RESOLVER.from,
    });
    const stages = told(checks);
    expect(stages.slice(0, 5)).toEqual([
      'resolve started',
      'resolve done',
      'connect started',
      'connect done',
      'handshake started',
    ]);
    for (const it of ['handshake', 'exit-address', 'dns', 'refused']) expect(stages).toContain(`${it} done`);
    expect(checks.find((it) => it.stage === 'resolve' && it.state === 'done')?.message).toContain(proxy.exit);
    expect(checks.filter((it) => it.check?.name.startsWith('refused.')).length).toBe(9);
    expect(await leaks.verdict()).toEqual([]);
    expect(await leftovers()).toEqual([]);
  });

  test('of a direct way out is green', async () => {
    const { proof } = await tried(input({ kind: 'direct' }));
    expect(proof).toMatchObject({ verdict: 'green', exitAddress: HOST.address });
  });

  test('with a wrong expected address is red and says what was seen', async () => {
    const { proof } = await tried(input(proxy.egress, { expectedAddress: '192.0.2.250' }));
    expect(proof).toMatchObject({
      verdict: 'red',
      exitAddress: proxy.exit,
      expectedAddress: '192.0.2.250',
      reason: expect.stringContaining('must be 192.0.2.250'),
    });
  });

  test('with a wrong password fails at the handshake, with the reason', async () => {
    const egress = { ...proxy.egress, password: 'wrong' } as Egress;
    const { proof, checks } = await tried(input(egress));
    expect(told(checks)).toContain('connect done');
    expect(told(checks)).toContain('handshake failed');
    expect(proof).toMatchObject({ verdict: 'red', reason: expect.stringMatching(/user name|password/) });
  });

  test('of a closed port fails at connect, of an unknown name at resolve', async () => {
    const closed = await tried(input({ ...proxy.egress, port: 9 } as Egress));
    expect(told(closed.checks).at(-1)).toBe('connect failed');
    expect(closed.proof).toMatchObject({
      code: 'egress_failed',
      message: expect.stringContaining('nothing listens'),
    });
    const unknown = await tried(input({ ...proxy.egress, server: 'no.such.invalid' } as Egress));
    expect(told(unknown.checks).at(-1)).toMatch(/resolve failed|connect failed/);
    expect(unknown.proof).toBeInstanceOf(Error);
    expect(await leftovers()).toEqual([]);
  });

  test('can be given up, and takes everything with it', async () => {
    const gone = new AbortController();
    const running = scene.lab.call('egress.test', input(proxy.egress), {
      signal: gone.signal,
      onCheck: (it) => it.stage === 'handshake' && gone.abort(),
    });
    await expect(running).rejects.toThrow();
    await until('nothing left', async () => (await leftovers()).length === 0);
  });

  /** Resolves when the test is in the middle of it. */
  const begun = () =>
    new Promise<void>((resolve) => {
      const onCheck = (it: AgentCheck) => it.stage === 'refused' && resolve();
      scene.lab.call('egress.test', input(proxy.egress), { onCheck }).catch(() => {});
    });

  test('is taken away by an agent that is stopped', async () => {
    await begun();
    expect(await scene.daemon.kill('SIGTERM')).toBe(0);
    expect(await leftovers()).toEqual([]);
    scene.daemon = await startDaemon(scene.lab, scene.machine);
  });

  test('that the agent did not survive is swept by the next one', async () => {
    await begun();
    await scene.daemon.kill('SIGKILL');
    expect(await leftovers()).not.toEqual([]);
    scene.daemon = await startDaemon(scene.lab, scene.machine);
    expect(await leftovers()).toEqual([]);
  });
});

describe('a fetch', () => {
  const fetch = (url: string, egress: Egress = proxy.egress) =>
    scene.lab.call('egress.fetch', {
      egress,
      dns: egress.kind === 'direct' ? null : dns,
      url,
      userAgent: 'test/1',
    });

  test('comes from the exit of the egress', async () => {
    expect(await fetch(`http://sub.${ZONE}/ip`)).toMatchObject({ status: 200, body: `${proxy.exit}\n` });
  });
  test('follows a redirect to http', async () => {
    const to = encodeURIComponent(`http://other.${ZONE}/ip`);
    expect(await fetch(`http://sub.${ZONE}/redirect?to=${to}`)).toMatchObject({
      status: 200,
      body: `${proxy.exit}\n`,
    });
  });
  test('takes up to 4 MiB and no more', async () => {
    expect((await fetch(`http://${WEB[0]}/bytes/4194304`)).status).toBe(200);
    await expect(fetch(`http://${WEB[0]}/bytes/4194305`)).rejects.toMatchObject({ code: 'too_large' });
  });
  test.each([
    ['the metadata service', `http://${METADATA}/`],
    ['the host itself', `http://${HOST.lan}:${LAN_HTTP_PORT}/`],
    ['the host by its public address', `http://${HOST.address}:${LAN_HTTP_PORT}/`],
    ['a redirect to metadata', `http://${WEB[0]}/redirect?to=${encodeURIComponent(`http://${METADATA}/`)}`],
    ['a redirect to a file', `http://${WEB[0]}/redirect?to=${encodeURIComponent('file:///etc/passwd')}`],
    ['a name that means the host', `http://inward.${ZONE}:${LAN_HTTP_PORT}/`],
  ])('of %s is refused, also for direct', async (_what, url) => {
    await scene.services.name(`inward.${ZONE}`, HOST.lan);
    await expect(fetch(url, { kind: 'direct' })).rejects.toMatchObject({ code: 'egress_failed' });
  });
  test('four at a time wait for their turn and do not meet', async () => {
    const all = await Promise.all([1, 2, 3, 4].map((n) => fetch(`http://n${n}.${ZONE}/json`)));
    expect(all.map((it) => JSON.parse(it.body))).toEqual(all.map(() => ({ ip: proxy.exit })));
    expect(await leftovers()).toEqual([]);
  });
});
