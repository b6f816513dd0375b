/** How sing-box reaches an egress's server, whatever the kind. */

export type SingBoxObject = Record<string, unknown>;

export interface Dial {
  /** Named network namespace that the packets leave by. */
  netns: string;
  /** Firewall mark of those packets. */
  routingMark: number;
  /** What stands in `server`: the egress's server name, or an IPv4 address it was resolved to. */
  server: string;
  /** More dial fields, such as `domain_resolver`. */
  fields: SingBoxObject;
  /** WireGuard: the named network namespace that leads to its peer (../wireguard-link.ts). */
  linkNamespace?: string;
}

/** Tag of the outbound that routes name. */
export const OUT_TAG = 'out';

/** The head of an outbound that dials its server itself. `routing_mark` takes a number in 1.12. */
export function dialled(type: string, port: number, dial: Dial): SingBoxObject {
  return {
    type,
    tag: OUT_TAG,
    netns: dial.netns,
    routing_mark: dial.routingMark,
    ...dial.fields,
    server: dial.server,
    server_port: port,
  };
}
