import { isIPv4 } from 'node:net';

/** More than three are ignored by libc too (resolv.conf(5), MAXNS). */
const RESOLVERS_MAX = 3;

/** The IPv4 name servers of a resolv.conf text, in order. A loopback address (systemd-resolved) is fine. */
export function resolversOf(resolvConf: string): string[] {
  const found: string[] = [];
  for (const line of resolvConf.split('\n')) {
    const [keyword, address] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && address !== undefined && isIPv4(address) && !found.includes(address)) {
      found.push(address);
    }
  }
  return found.slice(0, RESOLVERS_MAX);
}
