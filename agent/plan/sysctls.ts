import { LOCAL_PORTS } from './ranges';

/** With these no link of a namespace gets an IPv6 address from then on. */
export const NO_IPV6 = {
  'net.ipv6.conf.all.disable_ipv6': '1',
  'net.ipv6.conf.default.disable_ipv6': '1',
} as const;

/** Of a sandbox's namespace, before a tun gets an address and sing-box a port. */
export const SANDBOX_SYSCTLS = {
  ...NO_IPV6,
  'net.ipv4.ip_local_port_range': `${LOCAL_PORTS.first} ${LOCAL_PORTS.last}`,
} as const;
