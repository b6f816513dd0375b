/**
 * Where the gateway goes when somebody else named the address: public hosts, judged by the address that is really
 * dialled, so that a name which leads inside (now or in a moment) leads nowhere.
 */
import { lookup as lookupDns } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { AppError } from '../../shared/errors';

/** IANA special-purpose registries (RFC 6890): not globally reachable. */
const V4: [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  // Azure's host agent, on an address that looks public.
  ['168.63.129.16', 32],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
/** Those that lead on to IPv4 (mapped, NAT64, 6to4, Teredo) are refused whole: nobody publishes them. */
const V6: [string, number][] = [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 32],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
];

/** Of those, what no setting opens: this host's name for itself, multicast, and where clouds keep credentials. */
const NEVER_V4: [string, number][] = [
  ['0.0.0.0', 8],
  ['100.100.100.200', 32], // Alibaba
  ['168.63.129.16', 32],
  ['192.0.0.192', 32], // Oracle
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
];
const NEVER_V6: [string, number][] = [
  ['::', 128],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 32],
  ['2001::', 23],
  ['2002::', 16],
  ['fd00:ec2::', 32], // Amazon
  ['fd20:ce::', 32], // Google
  ['fe80::', 9],
  ['ff00::', 8],
];

type Family = 'ipv4' | 'ipv6';
/** One list for each family: Node takes an IPv4 address for its mapped form, which a list of IPv6 networks refuses. */
function listsOf(v4: [string, number][], v6: [string, number][]): Record<Family, BlockList> {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const [net, prefix] of v4) lists.ipv4.addSubnet(net, prefix, 'ipv4');
  for (const [net, prefix] of v6) lists.ipv6.addSubnet(net, prefix, 'ipv6');
  return lists;
}
const special = listsOf(V4, V6);
const never = listsOf(NEVER_V4, NEVER_V6);
const loopback = listsOf([['127.0.0.0', 8]], [['::1', 128]]);

/** Beyond the public ones: `loopback` for tests, `private` for hosts of one's own network. */
export type Reach = 'public' | 'loopback' | 'private';

export function mayReach(address: string, reach: Reach): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  const family: Family = version === 6 ? 'ipv6' : 'ipv4';
  const within = (lists: Record<Family, BlockList>) => lists[family].check(address, family);
  if (!within(special)) return true;
  if (reach === 'loopback') return within(loopback);
  return reach === 'private' && !within(never);
}

/** For `http.request({lookup})`: resolves to addresses that may be reached, and fails when one of them may not. */
export function guardedLookup(reach: Reach): LookupFunction {
  return (hostname, options, callback) => {
    lookupDns(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const [first] = addresses;
      const bad = addresses.find((it) => !mayReach(it.address, reach));
      if (!first || bad) return callback(new AddressRefused(), '', 0);
      if (options.all) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

export class AddressRefused extends Error {
  readonly code = 'EREFUSED';
  constructor() {
    super('the name leads to an address that is not public');
  }
}

/** A literal address is dialled without a lookup. Throws AddressRefused. */
export function refuseLiteral(url: URL, reach: Reach): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !mayReach(host, reach)) throw new AddressRefused();
}

/**
 * Judges an address that somebody gives, where it is given; each request judges it again. Throws `invalid_input` with
 * `field`. Plain http only where private or loopback hosts are allowed, and only to them.
 */
export async function checkAddress(given: {
  url: string;
  reach: Reach;
  field: string;
  /** How an administrator opens more. */
  setting?: string;
}): Promise<void> {
  const { reach, field } = given;
  const refuse = (message: string) => new AppError('invalid_input', message, { field });
  let url: URL;
  try {
    url = new URL(given.url);
  } catch {
    throw refuse('This is no address.');
  }
  if (url.username !== '' || url.password !== '') throw refuse('An address has no password in it.');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && reach !== 'public'))
    throw refuse('Give an https:// address.');
  const hint = given.setting ? ` An administrator can allow it by ${given.setting}.` : '';
  const addresses = await addressesOf(url, reach).catch((error: unknown) => {
    if (error instanceof AddressRefused) throw refuse(`This host is not on the public Internet.${hint}`);
    throw refuse('The name of this host is not known.');
  });
  if (url.protocol === 'http:' && !addresses.every((it) => !mayReach(it, 'public')))
    throw refuse('Give an https:// address for a host on the public Internet.');
}

async function addressesOf(url: URL, reach: Reach): Promise<string[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) {
    refuseLiteral(url, reach);
    return [host];
  }
  return new Promise((resolve, reject) => {
    guardedLookup(reach)(host, { all: true }, (error, found) => {
      if (error) return reject(error);
      resolve(typeof found === 'string' ? [found] : found.map((it) => it.address));
    });
  });
}
