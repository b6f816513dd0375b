import { BlockList, isIPv4 } from 'node:net';
import type { NetworkSpec } from '../../shared/agent-api';
import { TUN_NAME } from '../../shared/names';
import { grantedRanges } from '../plan/policy';
import { SANDBOX_RESOLVER } from '../plan/ranges';
import { grantedHost } from '../plan/surroundings';
import { PROBE_MARK } from './contract';
import type { ProbeRequest } from './observation';

/** A person waits for the start of a sandbox: a service that has not answered by then did not answer. */
export const PROBE_SECONDS = 9;
/** Each address is tried on several ports at once; more would make the probe slow and show nothing new. */
const TARGETS_MAX = 8;

/** Machines that answer everywhere; they are only tried by ways that must not exist. */
const OUTSIDE = ['1.1.1.1', '9.9.9.9'];
const OUTSIDE_IPV6 = ['2606:4700:4700::1111', '2001:4860:4860::8888'];
/** One of each refused range in plan/ranges.ts that may hold a machine. Never one that a laboratory may use. */
const REFUSED = [
  '10.255.255.254',
  '100.127.255.254',
  '172.31.255.254',
  '192.168.255.254',
  '240.0.0.1',
  '224.0.0.251',
  '255.255.255.255',
];
/** Cloud metadata, in the spellings that have passed filters elsewhere (decimal, octal, hexadecimal, mapped). */
const METADATA = [
  { address: '169.254.169.254', spelled: '169.254.169.254' },
  { address: '169.254.169.254', spelled: '2852039166' },
  { address: '169.254.169.254', spelled: '0251.0376.0251.0376' },
  { address: '169.254.169.254', spelled: '0xa9fea9fe' },
  { address: '169.254.169.254', spelled: '::ffff:169.254.169.254' },
  { address: '169.254.169.254', spelled: '::ffff:a9fe:a9fe' },
  { address: '169.254.170.2', spelled: '169.254.170.2' },
  { address: '100.100.100.200', spelled: '100.100.100.200' },
  { address: '168.63.129.16', spelled: '168.63.129.16' },
  { address: '192.0.0.192', spelled: '192.0.0.192' },
  { address: 'fd00:ec2::254', spelled: 'fd00:ec2::254' },
];
/** What a host or a neighbour most likely has open: SSH, web, Docker, Kubernetes, this gateway, databases. */
const PORTS = [22, 80, 443, 2375, 5432, 6379, 8080, 10250];

export interface RequestFacts {
  network: NetworkSpec;
  host: readonly string[];
  neighbours: readonly string[];
  canary: ProbeRequest['canary'];
  /** A label that no resolver has seen: 16 or more lower-case letters and digits. */
  unique: string;
}

/** What the probe is to try. Addresses that the policy grants are left out: to reach those is right. */
export function probeRequest({ network, host, neighbours, canary, unique }: RequestFacts): ProbeRequest {
  const { probes } = network;
  const meant = grantedHost(network.policy, { own: host });
  const granted = listOf(grantedRanges(network.policy));
  const refused = (addresses: readonly string[]) =>
    [...new Set(addresses)].filter((it) => !isIPv4(it) || !granted.check(it));
  return {
    mark: PROBE_MARK,
    resolver: SANDBOX_RESOLVER,
    tun: TUN_NAME,
    deadline: PROBE_SECONDS,
    connect: probes.connectUrl,
    echo: probes.echoUrls,
    dns: probes.dnsEcho && {
      name: probes.dnsEcho.name.replace('{unique}', unique),
      type: probes.dnsEcho.type,
    },
    outside: OUTSIDE,
    refused: refused(REFUSED),
    metadata: METADATA.filter((it) => refused([it.address]).length > 0).map((it) => it.spelled),
    ipv6: OUTSIDE_IPV6,
    host: host.filter((it) => !meant.includes(it)).slice(0, TARGETS_MAX),
    neighbours: refused(neighbours).slice(0, TARGETS_MAX),
    ports: PORTS,
    canary,
  };
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    if (bits === undefined) list.addAddress(address);
    else list.addSubnet(address, Number(bits));
  }
  return list;
}
