import type { Egress } from '../../shared/egress';
import { AppError } from '../../shared/errors';
import { TUN_NAME, uplinkNamespace } from '../../shared/names';
import { routingMark } from './mark';
import { REFUSED_IPV4, TUN_ADDRESS, TUN_PREFIX } from './ranges';

export interface TunnelFacts {
  instance: string;
  egress: Egress;
  /** The host's resolvers in order; the first is asked (sing-box has no fallback among servers). */
  resolvers: readonly string[];
}

/** The tun writes whole packets into user space: a large MTU means fewer of them (sing-box's own default). */
const TUN_MTU = 9000;

/** A question comes with the connection; whatever does not is hijacked all the same. */
const SNIFF_TIMEOUT = '300ms';

/** sing-box's configuration as JSON text, the same for the same facts. */
export function singBoxConfig(facts: TunnelFacts): string {
  const out = wayOut(facts);
  const resolver = facts.resolvers[0];
  const config = {
    log: { level: 'warn', timestamp: true },
    dns: {
      servers: [
        resolver === undefined
          ? { type: 'local', tag: 'resolver' }
          : { type: 'udp', tag: 'resolver', server: resolver, detour: out.tag },
      ],
      // Without a resolver no question may fall back on something else: each is refused.
      rules: resolver === undefined ? [{ action: 'reject' }] : [],
      final: 'resolver',
      // The sandbox has no IPv6: an AAAA answer would only make programs try and fail.
      strategy: 'ipv4_only',
    },
    inbounds: [
      {
        type: 'tun',
        tag: 'tun',
        interface_name: TUN_NAME,
        address: [`${TUN_ADDRESS}/${TUN_PREFIX}`],
        mtu: TUN_MTU,
        auto_route: true,
        strict_route: true,
        stack: 'system',
      },
    ],
    outbounds: [out],
    route: {
      rules: [
        // Sniffing makes sing-box wait for the first packet before it hijacks. Without it the two race, and one
        // question in twenty was lost (measured with 1.12.12): the program asks again only after seconds.
        { port: 53, action: 'sniff', sniffer: ['dns'], timeout: SNIFF_TIMEOUT },
        { port: 53, action: 'hijack-dns' },
        { ip_version: 6, action: 'reject' },
        { ip_cidr: REFUSED_IPV4, action: 'reject' },
      ],
      final: out.tag,
      default_domain_resolver: 'resolver',
    },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function wayOut({ instance, egress }: TunnelFacts) {
  switch (egress.kind) {
    case 'direct':
      return {
        type: 'direct',
        tag: 'out',
        netns: uplinkNamespace(instance),
        routing_mark: routingMark(instance),
      };
    default:
      throw new AppError('unavailable', `The egress kind ${egress.kind} is not there yet.`);
  }
}
