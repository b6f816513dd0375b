/** Lines as sing-box 1.12.12 wrote them in the laboratory, entries as Linux 6.18 did. */
import { describe, expect, test } from 'vitest';
import { directNetwork } from '../../shared/agent-api';
import { type NetworkPolicy, openPolicy } from '../../shared/network-policy';
import { TRAFFIC_EPOCH } from '../../shared/traffic';
import { PROBE_MARK } from '../proof/contract';
import { trackedOf } from './conntrack';
import { createJudge } from './judge';
import { Ledger, OPEN_TOLD } from './ledger';
import { parseLine } from './log-line';
import { RING_MAX, Ring } from './ring';
import { triedOf } from './tried';

const judge = (policy: NetworkPolicy = openPolicy) => createJudge({ policy, probes: directNetwork.probes });
const allowList = (learn = false): NetworkPolicy => ({
  ...openPolicy,
  domains: { mode: 'allow-list', rules: [{ type: 'suffix', value: 'good.test' }], bundles: [], learn },
});
/** With the present second, as a line that is far off is taken for now. */
const stamp = () => `+0000 ${new Date().toISOString().slice(0, 19).replace('T', ' ')}`;
function feed(ledger: Ledger, text: string): void {
  for (const line of text.trim().split('\n')) ledger.line(`${stamp()} ${line}`);
}
const entry = (
  port: number,
  to: string,
  bytes: { tx: number; rx: number; state?: string; network?: 'tcp' | 'udp' },
) => {
  const [address, toPort] = to.split(':');
  const { tx, rx, state = 'ESTABLISHED', network = 'tcp' } = bytes;
  const head = network === 'tcp' ? `tcp      6 119 ${state}` : 'udp      17 29';
  return `ipv4     2 ${head} src=198.18.0.1 dst=${address} sport=${port} dport=${toPort} packets=6 bytes=${tx} src=${address} dst=198.18.0.1 sport=${toPort} dport=${port} packets=4 bytes=${rx} [ASSURED] mark=0 zone=0 use=2`;
};
const count = (ledger: Ledger, lines: string[], now = Date.now()) =>
  ledger.count(trackedOf(lines.join('\n')), now);

const byName = `
INFO [1 0ms] inbound/tun[tun]: inbound packet connection from 198.18.0.1:53391
INFO [1 0ms] inbound/tun[tun]: inbound packet connection to 198.18.0.2:53
DEBUG [1 0ms] router: match[0] port=53 => sniff(dns,300ms)
DEBUG [1 0ms] router: sniffed packet protocol: dns
DEBUG [1 0ms] router: match[1] port=53 => hijack-dns
DEBUG [1 0ms] dns: exchange www.good.test. IN AAAA
DEBUG [1 0ms] dns: strategy rejected
DEBUG [1 0ms] dns: exchange www.good.test. IN A
INFO [1 0ms] outbound/shadowsocks[out]: outbound connection to 1.1.1.1:53
DEBUG [1 7ms] dns: exchanged www.good.test NOERROR 60
INFO [1 7ms] dns: exchanged CNAME www.good.test. 60 IN CNAME edge.cdn.test.
INFO [1 7ms] dns: exchanged A edge.cdn.test. 60 IN A 192.0.2.80
INFO [2 0ms] inbound/tun[tun]: inbound connection from 198.18.0.1:42698
INFO [2 0ms] inbound/tun[tun]: inbound connection to 192.0.2.80:443
INFO [2 0ms] outbound/shadowsocks[out]: outbound connection to 192.0.2.80:443
TRACE [2 1.50s] connection: connection download closed
DEBUG [2 1.50s] connection: connection upload finished`;

test('a question, its answer, and the connection that followed, with its bytes', () => {
  const ledger = new Ledger(judge());
  feed(ledger, byName);
  count(ledger, [
    entry(42698, '192.0.2.80:443', { tx: 396, rx: 3570, state: 'TIME_WAIT' }),
    entry(53391, '198.18.0.2:53', { tx: 118, rx: 147, network: 'udp' }),
    // The same connection again, as sing-box's stack brings it back.
    entry(10001, '198.18.0.1:35353', { tx: 3570, rx: 396 }).replaceAll('src=198.18.0.1', 'src=198.18.0.2'),
  ]);
  const { ended, questions, rxBytes, txBytes, missed } = ledger.since(0);
  expect(questions).toMatchObject([
    { name: 'www.good.test', type: 'AAAA', outcome: 'answered', answer: null },
    { name: 'www.good.test', type: 'A', outcome: 'answered', answer: '192.0.2.80' },
  ]);
  expect(ended).toMatchObject([
    {
      ...{ network: 'tcp', host: 'www.good.test', address: '192.0.2.80', port: 443, rule: 'egress' },
      ...{ verdict: 'allowed', rxBytes: 3570, txBytes: 396 },
    },
  ]);
  expect(Date.parse(ended[0]?.endedAt ?? '') - Date.parse(ended[0]?.startedAt ?? '')).toBe(1500);
  expect({ rxBytes, txBytes, missed }).toEqual({ rxBytes: 3717, txBytes: 514, missed: 0 });
});

test('what a proof sent is told as its own, and what it asked not at all', () => {
  const ledger = new Ledger(judge());
  feed(ledger, byName);
  const mark = `mark=${PROBE_MARK}`;
  count(ledger, [
    entry(42698, '192.0.2.80:443', { tx: 396, rx: 3570, state: 'TIME_WAIT' }).replace('mark=0', mark),
    entry(53391, '198.18.0.2:53', { tx: 118, rx: 147, network: 'udp' }).replace('mark=0', mark),
  ]);
  expect(ledger.since(0)).toMatchObject({
    questions: [],
    ended: [{ host: 'www.good.test', rule: 'proof', verdict: 'allowed', rxBytes: 3570 }],
    rxBytes: 3717,
  });
});

test('questions that were not answered', () => {
  const ledger = new Ledger(judge(allowList()));
  feed(
    ledger,
    `
DEBUG [1 0ms] dns: exchange bad.test. IN AAAA
DEBUG [1 0ms] dns: exchange bad.test. IN A
DEBUG [1 0ms] dns: match[1] !(domain=good.test domain_suffix=.good.test) => predefined(NXDOMAIN)
DEBUG [1 0ms] dns: match[1] !(domain=good.test domain_suffix=.good.test) => predefined(NXDOMAIN)
DEBUG [2 0ms] dns: exchange slow.good.test. IN A
ERROR [2 10.0s] dns: exchange failed for slow.good.test. IN A: context deadline exceeded
DEBUG [3 0ms] dns: exchange none.good.test. IN TXT
DEBUG [3 1ms] dns: exchanged none.good.test NXDOMAIN 60
DEBUG [4 0ms] dns: exchange lost.good.test. IN A`,
  );
  count(ledger, [], Date.now() + 60_000);
  expect(ledger.since(0).questions.map((it) => [it.name, it.type, it.outcome, it.answer])).toEqual([
    ['bad.test', 'AAAA', 'denied', null],
    ['bad.test', 'A', 'denied', null],
    ['slow.good.test', 'A', 'failed', null],
    ['none.good.test', 'TXT', 'answered', 'NXDOMAIN'],
    ['lost.good.test', 'A', 'failed', null],
  ]);
});

const connect = (id: number, port: number, to: string) => `
INFO [${id} 0ms] inbound/tun[tun]: inbound connection from 198.18.0.1:${port}
INFO [${id} 0ms] inbound/tun[tun]: inbound connection to ${to}`;

describe('connections', () => {
  test('bytes go to the one that has the ports now, and none is counted twice', () => {
    const ledger = new Ledger(judge());
    // The kernel was asked before the log said so.
    count(ledger, [entry(5000, '192.0.2.1:80', { tx: 100, rx: 50 })]);
    feed(ledger, connect(1, 5000, '192.0.2.1:80'));
    count(ledger, [entry(5000, '192.0.2.1:80', { tx: 300, rx: 150 })]);
    expect(ledger.since(0).open).toMatchObject([{ txBytes: 300, rxBytes: 150, endedAt: null }]);
    feed(ledger, 'DEBUG [1 5ms] connection: connection upload finished');
    feed(ledger, 'TRACE [1 5ms] connection: connection download closed');
    feed(ledger, connect(2, 5000, '192.0.2.1:80'));
    count(ledger, [entry(5000, '192.0.2.1:80', { tx: 60, rx: 40 })]);
    const { ended, open, txBytes, rxBytes } = ledger.since(0);
    expect(ended).toMatchObject([{ id: '1', txBytes: 300, rxBytes: 150 }]);
    expect(open).toMatchObject([{ id: '2', txBytes: 60, rxBytes: 40 }]);
    expect([txBytes, rxBytes]).toEqual([360, 190]);
  });

  test('one whose end is not in the log ends when the kernel has closed it', () => {
    const ledger = new Ledger(judge());
    feed(ledger, connect(1, 5000, '192.0.2.1:80'));
    const now = Date.now();
    count(ledger, [entry(5000, '192.0.2.1:80', { tx: 1, rx: 1 })], now);
    count(ledger, [entry(5000, '192.0.2.1:80', { tx: 1, rx: 1, state: 'TIME_WAIT' })], now + 2000);
    expect(ledger.since(0).open).toHaveLength(1);
    count(ledger, [], now + 20_000);
    expect(ledger.since(0)).toMatchObject({ open: [], ended: [{ id: '1' }], missed: 0 });
  });

  test('one that the kernel never had was made up: it is not told', () => {
    const ledger = new Ledger(judge());
    const { cursor } = ledger.since(0);
    feed(ledger, connect(1, 5000, '192.0.2.1:80'));
    feed(
      ledger,
      'ERROR [1 0ms] connection: open connection to 192.0.2.1:80 using outbound/socks[out]: refused',
    );
    count(ledger, []);
    expect(ledger.since(cursor)).toMatchObject({ open: [], ended: [], missed: 1 });
    // Where the kernel does not tell there is nothing to compare with.
    feed(ledger, connect(2, 5000, '192.0.2.1:80'));
    feed(ledger, 'ERROR [2 0ms] router: outbound not found');
    ledger.count(null, Date.now());
    expect(ledger.since(cursor).ended).toMatchObject([{ id: '2', rxBytes: 0 }]);
  });

  test('all end with their sing-box; the newest are told', () => {
    const ledger = new Ledger(judge());
    const many = Array.from({ length: OPEN_TOLD + 5 }, (_, it) => it + 1000);
    for (const it of many) feed(ledger, connect(it, it, '192.0.2.1:80'));
    const entries = many.map((it) => entry(it, '192.0.2.1:80', { tx: 1, rx: 1 }));
    count(ledger, entries);
    expect(ledger.since(0).open).toHaveLength(OPEN_TOLD);
    expect(ledger.since(0).open.at(-1)?.id).toBe(String(OPEN_TOLD + 1004));
    ledger.endAll(Date.now());
    count(ledger, entries);
    expect(ledger.since(0)).toMatchObject({ open: [] });
    expect(ledger.since(0).ended).toHaveLength(many.length);
  });
});

describe('refusals', () => {
  const rejected = (condition: string, named = '') => {
    const ledger = new Ledger(judge(allowList()));
    feed(ledger, connect(1, 5000, '198.19.0.3:80'));
    feed(ledger, 'DEBUG [1 0ms] router: found fakeip domain: www.good.test');
    if (named !== '') feed(ledger, `DEBUG [1 1ms] router: sniffed protocol: http, domain: ${named}`);
    feed(ledger, `DEBUG [1 2ms] router: match[8] ${condition} => reject`);
    count(ledger, [entry(5000, '198.19.0.3:80', { tx: 1, rx: 1, state: 'CLOSE' })]);
    return ledger.since(0).ended[0];
  };
  test('the rule behind a rejection', () => {
    const allowed = '!(domain=good.test domain_suffix=.good.test)';
    expect(rejected(allowed, 'evil.test')).toMatchObject({ host: 'evil.test', rule: 'allow-list' });
    expect(rejected('ip_cidr=[0.0.0.0/8 10.0.0.0/8 100.64.0.0/10...]')).toMatchObject({
      ...{ host: 'www.good.test', rule: 'refused-range', verdict: 'denied', address: null },
    });
    expect(rejected('ip_cidr=0.0.0.0/0')).toMatchObject({ rule: 'address-without-name' });
    expect(rejected('port=853')).toMatchObject({ rule: 'dns-over-tls' });
  });

  test('what was tried and never came to a connection, once for each time it was looked at', () => {
    const ledger = new Ledger(judge(allowList()));
    const tried = (packets: number) =>
      triedOf(
        JSON.stringify({
          nftables: [
            { metainfo: { version: '1.0.6' } },
            {
              set: {
                ...{ name: 'tried', elem: ['new shape'] },
                elem: [
                  element('192.168.77.20', 'tcp', 8080, packets),
                  element('192.0.2.80', 17, 443, 1),
                  element('192.0.2.81', 'sctp', 443, 1),
                ],
              },
            },
          ],
        }),
      );
    ledger.tried(tried(1), Date.now());
    ledger.tried(tried(1), Date.now());
    ledger.tried(tried(3), Date.now());
    expect(ledger.since(0).ended.map((it) => [it.host, it.network, it.port, it.rule])).toEqual([
      ['192.168.77.20', 'tcp', 8080, 'refused-range'],
      ['192.0.2.80', 'udp', 443, 'address-without-name'],
      ['192.168.77.20', 'tcp', 8080, 'refused-range'],
    ]);
  });

  test('while learning nothing is denied for its name', () => {
    const learning = judge(allowList(true));
    expect(learning.ofName('bad.test')).toEqual({ rule: 'allow-list', verdict: 'would-deny' });
    expect(learning.ofHost('192.0.2.1')).toEqual({ rule: 'address-without-name', verdict: 'would-deny' });
    expect(learning.ofAttempt('192.0.2.1', 443, undefined)).toBeNull();
    expect(learning.ofAttempt('10.0.0.1', 443, undefined)).toMatchObject({ verdict: 'denied' });
    expect(judge().ofName('anything.test')).toBeNull();
  });
});

const element = (address: string, protocol: string | number, port: number, packets: number) => ({
  elem: { val: { concat: [address, protocol, port] }, expires: 59, counter: { packets, bytes: 60 } },
});

describe('lines', () => {
  test('times in any zone, ages in all forms', () => {
    const at = (line: string) => parseLine(line);
    const tail = 'connection: packet upload closed';
    expect(at(`+0130 2026-11-21 10:30:00 TRACE [7 2m3s] ${tail}`)).toEqual({
      ...{ at: Date.parse('2026-11-21T09:00:00Z'), id: '7', ageMs: 123_000 },
      told: { kind: 'ended', half: null },
    });
    expect(at(`-0800 2026-11-21 01:00:00 TRACE [7 371ms] ${tail}`)).toMatchObject({
      ...{ at: Date.parse('2026-11-21T09:00:00Z'), ageMs: 371 },
    });
  });

  test('what tells of no connection is nothing', () => {
    const nothing = [
      '',
      'panic: runtime error',
      '+0000 2026-11-21 09:10:07 INFO sing-box started (0.00s)',
      '+0000 2026-11-21 09:10:09 DEBUG router: pre-match[5] ip_cidr=0.0.0.0/0 => reject',
      '+0000 2026-11-21 09:10:07 INFO [1 0ms] outbound/direct[out]: outbound connection to 1.1.1.1:53',
      '+0000 2026-11-21 09:10:07 INFO [1 0ms] prototype: x',
      '+0000 2026-11-21 09:10:07 INFO [1 0ms] constructor: x',
    ];
    for (const line of nothing) expect(parseLine(line)).toBeNull();
  });
});

describe('the ring', () => {
  const flow = (id: number) => ({
    ...{ id: String(id), network: 'tcp' as const, host: 'a', address: null, port: 1, rule: 'egress' },
    ...{ verdict: 'allowed' as const, startedAt: '', endedAt: '', rxBytes: 0, txBytes: 0 },
  });
  test('each thing once, and how many were gone before they were read', () => {
    const ring = new Ring();
    const start = ring.since(0).cursor;
    for (let it = 0; it < 10; it++) ring.flow(flow(it));
    const first = ring.since(start);
    expect(first.ended.map((it) => it.id)).toEqual('0123456789'.split(''));
    expect(ring.since(first.cursor)).toEqual({ cursor: first.cursor, missed: 0, ended: [], questions: [] });
    for (let it = 0; it < 3 * RING_MAX; it++) ring.flow(flow(it));
    const late = ring.since(first.cursor);
    expect([late.missed, late.ended.length]).toEqual([2 * RING_MAX, RING_MAX]);
    ring.lose();
    expect(ring.since(late.cursor)).toMatchObject({ missed: 1, ended: [] });
    expect(ring.since(0).missed).toBe(0);
  });

  test('a cursor of an earlier or a later agent asks for all there is', () => {
    const ring = new Ring(1_790_000_000_000);
    ring.flow(flow(1));
    for (const cursor of [5, 1_790_000_000 * TRAFFIC_EPOCH - 1, 1_790_000_000 * TRAFFIC_EPOCH + 99]) {
      expect(ring.since(cursor)).toMatchObject({ missed: 0, ended: [{ id: '1' }] });
    }
    expect(Number.isSafeInteger(2_100_000_000 * TRAFFIC_EPOCH)).toBe(true);
  });
});
