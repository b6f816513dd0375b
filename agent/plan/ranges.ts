/**
 * Destinations that no sandbox may reach through any way out: they belong to the host's own neighbourhood, not
 * to the Internet. Used in three places that do not trust each other: the sandbox's nft table, sing-box's route
 * rules and the host's nft table.
 *
 * The documentation ranges (RFC 5737) are left out on purpose: nothing of value lives there and laboratories
 * use them as public addresses.
 */
export const REFUSED_IPV4 = [
  '0.0.0.0/8', // RFC 1122: this network; Linux takes 0.0.0.0 for itself
  '10.0.0.0/8', // RFC 1918
  '100.64.0.0/10', // RFC 6598 carrier-grade NAT; holds Alibaba's metadata 100.100.100.200
  '127.0.0.0/8', // RFC 1122 loopback
  '168.63.129.16/32', // Azure's host agent answers on this public-looking address
  '169.254.0.0/16', // RFC 3927 link-local; holds the metadata service 169.254.169.254
  '172.16.0.0/12', // RFC 1918
  '192.0.0.0/24', // RFC 6890 protocol assignments; holds Oracle's metadata 192.0.0.192
  '192.168.0.0/16', // RFC 1918
  '198.18.0.0/15', // RFC 2544 benchmarks; holds our own tun
  '224.0.0.0/4', // RFC 5771 multicast
  '240.0.0.0/4', // RFC 1112 reserved, and 255.255.255.255
] as const;

/**
 * Of these what no grant opens, in the words of shared/policy-guards.ts, which tells people: a machine there is this
 * host, everybody at once, or gives out credentials.
 */
export const NEVER_GRANTED_IPV4 = [
  '0.0.0.0/8',
  '100.100.100.200/32',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const;

/**
 * The tun's two addresses. From the benchmark range (RFC 2544): not routed on the Internet and hardly ever used
 * on a LAN, so it hides nothing that somebody could want to reach. The peer is not a machine: it stands for
 * sing-box, which answers DNS for it and uses it as the far end of redirected TCP.
 */
export const TUN_ADDRESS = '198.18.0.1';
export const TUN_PEER = '198.18.0.2';
export const TUN_PREFIX = 30;
/** Written to the sandbox's resolv.conf: goes into the tun, where port 53 is hijacked whatever the address is. */
export const SANDBOX_RESOLVER = TUN_PEER;
/**
 * Stand-in addresses for names, where the policy judges by name: sing-box gives each name one and takes it back when
 * a connection comes. They exist between a sandbox and its sing-box only.
 */
export const FAKE_RANGE = '198.19.0.0/16';

/**
 * Ports that the kernel gives out in a sandbox's namespace, also to sing-box's own listener there. They are above those
 * that are counted as source ports of connections into the tun (source-ports.ts).
 */
export const LOCAL_PORTS = { first: 45_000, last: 65_535 } as const;
