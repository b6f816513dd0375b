// Proofs in the laboratory: a real agent, real namespaces, a small Internet with echo services and a DNS echo.
import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentNotice, NetworkSpec, SandboxSpec } from '../../shared/agent-api';
import { LABEL_INSTANCE } from '../../shared/names';
import { openPolicy } from '../../shared/network-policy';
import { type Proof, type ProofCheckName, signedText } from '../../shared/proof';
import { run } from '../apply/run';
import { until } from '../testlab/lab';
import { HOST, HOST_RESOLVER, WEB, ZONE } from '../testlab/machine';
import { createScene, networkOf, type Scene } from '../testlab/scene';
import { LABEL_ROLE, PROBE_ROLE } from './probe-container';

let scene: Scene;
let box: SandboxSpec;
const notices: AgentNotice[] = [];
const unwatch = new AbortController();
let watching: Promise<unknown>;
const probes: NetworkSpec['probes'] = {
  connectUrl: `http://connect.${ZONE}/generate_204`,
  echoUrls: [`http://${WEB[0]}/ip`, `http://${WEB[1]}/json`],
  dnsEcho: { name: `{unique}.who.${ZONE}`, type: 'A' },
  intervalSeconds: 900,
};
const direct = (change: Partial<NetworkSpec> = {}) =>
  networkOf({ kind: 'direct' }, { probes, proof: 'gate', ...change });

beforeAll(async () => {
  scene = await createScene();
  await scene.machine.startNeighbours();
  watching = scene.lab
    .call('watch', {}, { onNotice: (notice) => notices.push(notice), signal: unwatch.signal })
    .catch(() => {});
  box = { ...scene.lab.newSpec(), network: direct() };
});
afterAll(async () => {
  unwatch.abort();
  await watching;
  await scene?.close();
});

const ensure = (network: NetworkSpec) => scene.lab.call('sandbox.ensure', { ...box, network });
const prove = () => scene.lab.call('sandbox.prove', { id: box.id });
const asRoot = (script: string) => scene.lab.inside(box.id, 'root', ['bash', '-c', script]);
const checkOf = (proof: Proof | null, name: ProofCheckName) => proof?.checks.find((it) => it.name === name);
const notPassed = (proof: Proof | null) => proof?.checks.filter((it) => it.result !== 'pass');

test('a direct way out is green before its gate opens, and signed: exit address, resolver, latency, refusals', async () => {
  const { network, released } = await ensure(direct());
  const { proof } = network;
  expect(notPassed(proof)).toEqual([]);
  expect(proof).toMatchObject({
    verdict: 'green',
    cause: 'start',
    reason: null,
    sandboxId: box.id,
    exitAddress: HOST.address,
    resolver: HOST_RESOLVER.from,
    seen: [
      { source: WEB[0], address: HOST.address },
      { source: WEB[1], address: HOST.address },
    ],
  });
  expect(proof?.latencyMs).toBeGreaterThan(0);
  expect([network.gate, released]).toEqual(['open', true]);

  const { proofKeys } = await scene.lab.call('health', {});
  const key = createPublicKey({
    key: Buffer.from(proofKeys[0]?.publicKey ?? '', 'base64'),
    format: 'der',
    type: 'spki',
  });
  if (proof === null) throw new Error('there is no proof');
  expect(proof.keyId).toBe(proofKeys[0]?.keyId);
  expect(verify(null, Buffer.from(signedText(proof)), key, Buffer.from(proof.signature, 'base64'))).toBe(
    true,
  );
});

test('taken again while the sandbox runs it is green too, its name was asked for once, and no probe stays', async () => {
  const proof = await prove();
  expect(notPassed(proof)).toEqual([]);
  expect(Date.parse(proof.finishedAt) - Date.parse(proof.startedAt)).toBeLessThan(8_000);
  const asked = scene.services.events.flatMap((it) => (it.dns?.endsWith(`.who.${ZONE}`) ? [it.dns] : []));
  expect(asked.length).toBeGreaterThanOrEqual(2);
  expect(new Set(asked).size).toBe(asked.length);
  const labels = [`${LABEL_INSTANCE}=${scene.lab.instance}`, `${LABEL_ROLE}=${PROBE_ROLE}`];
  const filters = labels.flatMap((it) => ['--filter', `label=${it}`]);
  expect((await run(['docker', 'ps', '-aq', ...filters])).stdout).toBe('');
});

describe('root of the sandbox cannot make another colour of it', () => {
  /** All that root in a sandbox may lay a hand on; what does not work for it must not stop the rest. */
  const tamper = `
    printf '#!/bin/sh\\nexit 0\\n' > /usr/bin/python3.new && chmod 755 /usr/bin/python3.new
    mv -f /usr/bin/python3.new /usr/bin/python3
    printf '#!/bin/sh\\nexit 0\\n' > /usr/local/lib/cloud-claude/probe
    echo "192.0.2.99 connect.${ZONE}" > /etc/hosts
    echo 'nameserver 192.0.2.99' > /etc/resolv.conf
    iptables -F; nft flush ruleset
    ip route add default dev lo; ip link set tun0 down; ip link add dummy0 type dummy; ip addr add 192.0.2.77/32 dev lo
    sysctl -w net.ipv6.conf.all.disable_ipv6=0
    true`;

  test('a green one stays what it is', async () => {
    await asRoot(tamper);
    expect((await asRoot('cat /etc/hosts; python3 -c "print(7)"')).stdout).toMatch(/192\.0\.2\.99[^7]*$/);
    const proof = await prove();
    expect(notPassed(proof)).toEqual([]);
    expect(proof.exitAddress).toBe(HOST.address);
  });

  test('a red one stays red: another exit address is expected, and the sandbox is fenced with what to do', async () => {
    notices.length = 0;
    await scene.lab.call('sandbox.ensure', { ...box, power: 'stopped' });
    await expect(ensure(direct({ expectedAddress: '192.0.2.250' }))).rejects.toMatchObject({
      code: 'proof_failed',
      message: expect.stringMatching(
        /must be 192\.0\.2\.250.*198\.51\.100\.10.*Correct the expected address/,
      ),
    });
    const { network } = await scene.lab.call('sandbox.observe', { id: box.id });
    expect(network).toMatchObject({ gate: 'closed', proof: { verdict: 'red', exitAddress: HOST.address } });
    expect(checkOf(network.proof, 'exit-address')?.result).toBe('fail');
    await until('the notice', async () => notices.some((it) => it.what === 'network.fenced'));
    expect(notices.some((it) => it.what === 'proof.red' && it.sandbox === box.id)).toBe(true);
    expect((await ensure(direct())).network).toMatchObject({ gate: 'open', proof: { verdict: 'green' } });
  });
});

test('a policy that allows no name leaves the proof what it is: it is about the way out', async () => {
  const domains = { mode: 'allow-list' as const, rules: [], bundles: [], learn: false };
  const { network } = await ensure(direct({ policy: { ...openPolicy, domains } }));
  expect(notPassed(network.proof)).toEqual([]);
  expect(network.gate).toBe('open');
});

test('without services it is incomplete and says what is missing; watch goes on, a gate stays closed', async () => {
  const none = { connectUrl: null, echoUrls: [], dnsEcho: null, intervalSeconds: 900 };
  expect((await ensure(direct({ probes: none, proof: 'watch' }))).network.gate).toBe('open');
  const proof = await prove();
  expect(proof.verdict).toBe('incomplete');
  expect(proof.reason).toMatch(/connect, exit-address, dns.*CONNECT_URL/);
  expect(
    proof.checks.filter((it) => it.name.startsWith('refused.')).every((it) => it.result === 'pass'),
  ).toBe(true);
  await scene.lab.call('sandbox.ensure', { ...box, power: 'stopped' });
  await expect(ensure(direct({ probes: none }))).rejects.toMatchObject({ code: 'proof_failed' });
});

test('a link that must not be there is a leak: red, fenced, also in watch', async () => {
  await ensure(direct({ proof: 'watch' }));
  const pid = await scene.lab.pid(box.id);
  const inside = ['nsenter', `--net=/proc/${pid}/ns/net`, '--', 'ip', 'link'];
  await run([...inside, 'add', 'stray0', 'type', 'veth', 'peer', 'name', 'stray1']);
  try {
    // The agent's own look may be faster: either way it is fenced.
    const outcome = await prove().catch((error: Error) => error);
    if (outcome instanceof Error) expect(outcome.message).toContain('stray');
    else expect(outcome).toMatchObject({ verdict: 'red', reason: expect.stringContaining('stray0') });
    await until('the fence', async () => {
      const { network } = await scene.lab.call('sandbox.observe', { id: box.id });
      return network.tunnel === 'fenced' && network.gate === 'closed';
    });
  } finally {
    await run([...inside, 'delete', 'stray0']);
  }
  expect((await ensure(direct())).network.gate).toBe('open');
});

test('an image without the probe says that the sandbox has to be rebuilt', async () => {
  const old = `cloud-claude/sandbox:${'0'.repeat(4)}${scene.lab.instance}`;
  const dockerfile = `FROM ${scene.lab.image}\nRUN rm /usr/local/lib/cloud-claude/probe\n`;
  await run(['docker', 'build', '-q', '-t', old, '-'], { input: dockerfile, timeoutMs: 60_000 });
  try {
    const other = { ...scene.lab.newSpec({ image: old }), network: direct({ proof: 'watch' }) };
    await scene.lab.call('sandbox.ensure', other);
    const proof = await scene.lab.call('sandbox.prove', { id: other.id });
    expect(proof).toMatchObject({
      verdict: 'incomplete',
      reason: expect.stringContaining('rebuild the sandbox'),
    });
    await scene.lab.call('sandbox.remove', { id: other.id, home: true });
  } finally {
    await run(['docker', 'image', 'rm', '-f', old]);
  }
});
