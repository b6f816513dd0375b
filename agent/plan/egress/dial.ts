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
  /** WireGuard: the key that the agent made, where the egress names one by `keyId`. Base64. */
  privateKey?: string;
  /** WireGuard in mode `kernel`: the interface that was made outside and stands in sing-box's own namespace. */
  interface?: string;
}

export interface EgressOutbound {
  outbounds: SingBoxObject[];
  endpoints: SingBoxObject[];
  /** Tag of the outbound or endpoint that routes name. */
  tag: 'out';
}

/** The head of an outbound that dials its server itself. `routing_mark` takes a number in 1.12. */
export function dialled(type: string, port: number, dial: Dial): SingBoxObject {
  return {
    type,
    tag: 'out',
    netns: dial.netns,
    routing_mark: dial.routingMark,
    ...dial.fields,
    server: dial.server,
    server_port: port,
  };
}
