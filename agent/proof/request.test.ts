import { expect, test } from 'vitest';
import { directNetwork } from '../../shared/agent-api';
import { openPolicy } from '../../shared/network-policy';
import { probeHosts } from './contract';
import { markCapabilities } from './probe-container';
import { probeRequest } from './request';

const facts = {
  network: directNetwork,
  host: ['198.51.100.1', '172.17.0.1'],
  neighbours: ['192.168.7.1'],
  canary: null,
  unique: 'abcdef',
};

test('what is granted is not tried, all else is', () => {
  const grants = [
    { type: 'ip', value: '169.254.169.254' },
    { type: 'cidr', value: '198.51.100.0/24' },
  ] as const;
  const policy = { ...openPolicy, presets: ['lan' as const], grants: [...grants] };
  const granted = probeRequest({ ...facts, network: { ...directNetwork, policy } });
  // A range that holds the host is no grant of the host.
  expect(granted.host).toEqual(facts.host);
  expect(granted.neighbours).toEqual([]);
  expect(granted.refused).toEqual(['100.127.255.254', '240.0.0.1', '224.0.0.251', '255.255.255.255']);
  expect(granted.metadata).not.toContain('2852039166');
  expect(granted.metadata).toContain('100.100.100.200');
  const plain = probeRequest(facts);
  expect(plain.host).toEqual(facts.host);
  expect(plain.metadata).toContain('2852039166');
  expect(plain.refused).toContain('10.255.255.254');
});

test('the unique label takes its place', () => {
  const probes = {
    connectUrl: 'https://check.test/x',
    echoUrls: ['https://echo.test/ip', 'https://check.test/ip'],
    dnsEcho: { name: '{unique}.dns.test', type: 'TXT' as const },
    intervalSeconds: 60,
  };
  const request = probeRequest({ ...facts, network: { ...directNetwork, probes } });
  expect(request.dns).toEqual({ name: 'abcdef.dns.test', type: 'TXT' });
  expect(probeHosts(probes)).toEqual(['check.test', 'echo.test', 'dns.test']);
});

test('NET_ADMIN is given only where the kernel asks for it', () => {
  expect(markCapabilities('6.18.44-fc')).toEqual(['NET_RAW']);
  expect(markCapabilities('5.17.0')).toEqual(['NET_RAW']);
  expect(markCapabilities('5.4.0-150-generic')).toEqual(['NET_RAW', 'NET_ADMIN']);
});

test('the addresses of the host are tried by every way out, public or not', () => {
  const socks = { kind: 'socks5', server: '192.0.2.7', port: 1080, username: null, password: null } as const;
  const policy = { ...openPolicy, grants: [{ type: 'ip' as const, value: '172.17.0.1' }] };
  expect(probeRequest({ ...facts, network: { ...directNetwork, egress: socks } })).toMatchObject({
    host: facts.host,
    neighbours: facts.neighbours,
  });
  // But one that is granted as such.
  expect(probeRequest({ ...facts, network: { ...directNetwork, policy } }).host).toEqual(['198.51.100.1']);
});
