import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { directNetwork, type NetworkSpec } from '../../shared/agent-api';
import { type ProofCheck, proofChecks } from '../../shared/proof';
import { inWords } from './error-words';
import { conclude, type JudgeFacts, judge } from './judge';
import type { Attempt, Observation } from './observation';

const probes = {
  connectUrl: 'http://check.test/generate_204',
  echoUrls: ['http://a.test/', 'http://b.test/', 'http://c.test/'],
  dnsEcho: { name: '{unique}.echo.test', type: 'A' },
  intervalSeconds: 900,
} as const;
const socks: NetworkSpec['egress'] = {
  kind: 'socks5',
  server: '192.0.2.7',
  port: 1080,
  username: null,
  password: null,
};
function facts(change: Partial<NetworkSpec> = {}): JudgeFacts {
  const network = {
    ...directNetwork,
    egress: socks,
    proof: 'gate' as const,
    probes: { ...probes, echoUrls: [...probes.echoUrls] },
    ...change,
  };
  return { network, hostResolvers: ['198.51.100.53', '198.51.100.1'], host: ['198.51.100.1', '172.17.0.1'] };
}
const none = { connectUrl: null, echoUrls: [], dnsEcho: null, intervalSeconds: 900 };
const echoes = (...addresses: (string | null)[]): Observation => ({
  check: 'exit-address',
  ms: 5,
  answers: addresses.map((address, at) => ({
    url: probes.echoUrls[at] ?? 'http://d.test/',
    address,
    error: address === null ? 'no answer in time' : null,
  })),
});
const attempt = (outcome: Attempt['outcome'], way = 'tcp', to = '10.255.255.254:80'): Attempt => ({
  to,
  way,
  outcome,
  error: outcome === 'refused' ? 'EPERM' : null,
});

describe('exit-address', () => {
  const exit = '192.0.2.7';
  const cases: [string, (string | null)[], Partial<NetworkSpec>, ProofCheck['result'], RegExp][] = [
    ['two agree', [exit, exit, null], {}, 'pass', /a\.test saw 192\.0\.2\.7/],
    ['all agree with the expected one', [exit, exit, exit], { expectedAddress: exit }, 'pass', /c\.test/],
    [
      'all agree, another is expected',
      [exit, exit],
      { expectedAddress: '192.0.2.8' },
      'fail',
      /must be 192\.0\.2\.8/,
    ],
    [
      'one of three differs from the expected one',
      [exit, exit, '192.0.2.9'],
      { expectedAddress: exit },
      'fail',
      /192\.0\.2\.9/,
    ],
    ['one of three differs, nothing is expected', [exit, exit, '192.0.2.9'], {}, 'pass', /192\.0\.2\.9/],
    ['one alone, and wrong', ['192.0.2.9', null, null], { expectedAddress: exit }, 'fail', /must be/],
    ['one alone, and right', [exit, null, null], { expectedAddress: exit }, 'unknown', /two must agree/],
    ['no two agree', ['192.0.2.1', '192.0.2.2', '192.0.2.3'], {}, 'fail', /do not agree/],
    ['two against two', [exit, exit, '192.0.2.9', '192.0.2.9'], {}, 'fail', /do not agree/],
    ["the host's own uplink is seen", [exit, exit, '198.51.100.1'], {}, 'fail', /passed by/],
    [
      "the host's own uplink is seen, direct",
      ['198.51.100.1', '198.51.100.1'],
      { egress: { kind: 'direct' } },
      'pass',
      /saw/,
    ],
    ['none answers, gate', [null, null, null], {}, 'fail', /None of 3/],
    ['none answers, watch', [null, null, null], { proof: 'watch' }, 'unknown', /None of 3/],
    ['none is set', [], { probes: none }, 'unknown', /ECHO_URLS/],
  ];
  test.each(cases)('%s', (_what, addresses, change, result, detail) => {
    const check = judge(echoes(...addresses), facts(change));
    expect(check).toMatchObject({ name: 'exit-address', result, detail: expect.stringMatching(detail) });
  });
});

describe('connect', () => {
  const cases: [number | null, string | null, ProofCheck['result'], RegExp][] = [
    [204, null, 'pass', /after 12 ms/],
    [200, null, 'pass', /check\.test/],
    [302, null, 'fail', /status 302/],
    [null, 'ECONNREFUSED', 'fail', /not reached: the connection was refused/],
  ];
  test.each(cases)('%s %s', (status, error, result, detail) => {
    const check = judge({ check: 'connect', ms: 30, status, error, latencyMs: 12 }, facts());
    expect(check).toMatchObject({ result, detail: expect.stringMatching(detail) });
  });
  test('without an address it is not judged', () => {
    const seen: Observation = { check: 'connect', ms: 0, status: null, error: null, latencyMs: null };
    expect(judge(seen, facts({ probes: none })).result).toBe('unknown');
  });
});

describe('dns', () => {
  const cases: [string, string[], Partial<NetworkSpec>, ProofCheck['result']][] = [
    ['a resolver behind the egress', ['192.0.2.53'], {}, 'pass'],
    ["the host's own resolver", ['198.51.100.53'], {}, 'fail'],
    ["one of two is the host's uplink", ['192.0.2.53', '198.51.100.1'], {}, 'fail'],
    ["direct asks the host's resolver", ['198.51.100.53'], { egress: { kind: 'direct' } }, 'pass'],
    ['no answer is no leak', [], {}, 'unknown'],
    ['nothing is set', [], { probes: none }, 'unknown'],
  ];
  test.each(cases)('%s', (_what, resolvers, change, result) => {
    expect(judge({ check: 'dns', ms: 3, resolvers, error: null }, facts(change)).result).toBe(result);
  });
});

describe('what must be refused', () => {
  const cases: [string, Attempt[], string[], ProofCheck['result'], RegExp][] = [
    [
      'refused at once',
      [attempt('refused'), attempt('refused', 'udp')],
      [],
      'pass',
      /2 tries.*a firewall refused it: 2/,
    ],
    ['swallowed', [attempt('timeout')], [], 'pass', /got no answer: 1/],
    ['taken by the tunnel, then closed', [attempt('closed')], [], 'pass', /was taken and closed: 1/],
    [
      'a byte came back',
      [attempt('refused'), attempt('answered')],
      [],
      'fail',
      /10\.255\.255\.254:80 by tcp answered/,
    ],
    ['taken and held open', [attempt('silent')], [], 'fail', /held open/],
    ['a datagram was let out', [attempt('sent', 'udp')], [], 'fail', /let out/],
    ['a ping was let out', [attempt('sent', 'icmp')], [], 'fail', /icmp was let out/],
    ['IPv6 was let out', [attempt('sent', 'udp6')], [], 'fail', /udp6 was let out/],
    ['a raw frame ends in the tunnel', [attempt('sent', 'frame on tun0')], [], 'pass', /was let out: 1/],
    ['a raw frame is answered', [attempt('answered', 'frame on tun0')], [], 'fail', /answered/],
    ['a datagram on lo comes back to lo', [attempt('sent', 'udp on lo')], [], 'pass', /was let out: 1/],
    ['a link that must not be', [attempt('refused')], ['network link eth0'], 'fail', /network link eth0/],
    ['nothing to try', [], [], 'pass', /nothing to try/],
  ];
  test.each(cases)('%s', (_what, attempts, found, result, detail) => {
    const check = judge({ check: 'refused.tcp', ms: 4, attempts, found }, facts());
    expect(check).toMatchObject({ result, detail: expect.stringMatching(detail) });
  });
});

describe('the verdict', () => {
  const all = (change: Partial<Record<ProofCheck['name'], ProofCheck['result']>> = {}) =>
    proofChecks.map(
      (name): ProofCheck => ({ name, result: change[name] ?? 'pass', detail: `It is ${name}.`, ms: 1 }),
    );

  test('all passed: green, without a reason', () => {
    expect(conclude(all(), 'socks5')).toMatchObject({ verdict: 'green', reason: null });
  });
  test('one failed: red, with what to do, and the leak first', () => {
    const { verdict, reason } = conclude(
      all({ connect: 'fail', 'refused.host': 'fail', dns: 'unknown' }),
      'socks5',
    );
    expect(verdict).toBe('red');
    expect(reason).toMatch(/^It is refused\.host\. Stop the sandbox.* Failed as well: connect\.$/);
  });
  test('what to do: at the egress, or on the host where there is none', () => {
    const failed = all({ connect: 'fail' });
    expect(conclude(failed, 'socks5').reason).toContain('Test the egress');
    expect(conclude(failed, 'direct').reason).toBe(
      'It is connect. Look at the uplink, the name server and the firewall of this host.',
    );
  });
  test('none failed, some not judged: incomplete, and which', () => {
    expect(conclude(all({ 'exit-address': 'unknown', dns: 'unknown' }), 'socks5')).toMatchObject({
      verdict: 'incomplete',
      reason: expect.stringContaining('exit-address, dns'),
    });
  });
  test('what the probe did not get to is unknown, never passed', () => {
    const { checks, verdict } = conclude(all().slice(0, 3), 'socks5');
    expect(verdict).toBe('incomplete');
    expect(checks.map((it) => it.name)).toEqual([...proofChecks]);
    expect(checks.filter((it) => it.result === 'unknown').length).toBe(proofChecks.length - 3);
  });
});

describe('errors in words', () => {
  test.each([
    ['ECONNREFUSED', 'the connection was refused'],
    [
      'its name was not resolved (NXDOMAIN)',
      'its name was not resolved (the name does not exist or is not allowed)',
    ],
    ['TLS failed (WRONG_VERSION_NUMBER)', 'the TLS handshake failed'],
    ['certificate not valid (certificate has expired)', 'certificate not valid (certificate has expired)'],
    ['ENOTHEARDOF', 'it failed for another reason'],
    ['IncompleteRead', 'IncompleteRead'],
    ['gaierror: RuntimeError', 'gaierror: it failed for another reason'],
  ])('%s', (error, want) => {
    expect(inWords(error)).toBe(want);
  });

  test('no code of the kernel reaches a person', () => {
    for (const code of Object.keys(constants.errno)) expect(inWords(code), code).not.toMatch(/\bE[A-Z]/);
    const refused: Observation = {
      ...{ check: 'refused.tcp', ms: 1, found: [] },
      attempts: [
        { to: 'a', way: 'tcp', outcome: 'refused', error: 'EACCES' },
        { to: 'b', way: 'tcp', outcome: 'timeout', error: null },
      ],
    };
    expect(judge(refused, facts()).detail).toBe(
      '2 tries, none got anywhere (a firewall refused it: 1, got no answer: 1).',
    );
  });
});
