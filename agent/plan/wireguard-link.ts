import type { EgressOf } from '../../shared/egress';
import { AppError } from '../../shared/errors';
import { wireguardLink, wireguardNamespace } from '../../shared/names';
import { LINK_PROTOCOL, LINK_SERVER } from './egress/wireguard';
import { hex, routingMark } from './mark';
import type { SingBoxRule } from './singbox-names';

/** A namespace that leads to one peer and nowhere else, and who makes it so. */
export type LinkPlan = { namespace: string } & (SingBoxLink | KernelLink);

/** A sing-box in the host's namespace, which listens in this one. `config` is its configuration, with the private key. */
export interface SingBoxLink {
  by: 'sing-box';
  config: string;
}
export interface KernelLink {
  by: 'kernel';
  name: string;
  addresses: readonly string[];
  mtu: number;
  /** For `wg setconf`, wg(8), less where the peer is: that may change while it runs. With the private key. */
  config: string;
  peer: {
    publicKey: string;
    /** As the egress has it, and what that means. */
    server: string;
    address: string;
    port: number;
  };
}

export interface LinkFacts {
  instance: string;
  slot: number;
  /** What the peer's name means, or that itself where it is an address. */
  address: string;
  /** The key that the agent made, where the egress names one by `keyId`. */
  privateKey?: string | undefined;
  /** Who answers names for whoever asks sing-box by name; its detour is LINK_TAG. */
  resolver: SingBoxRule;
}

export const LINK_TAG = 'link';

/** Throws AppError `invalid_input` where it cannot be made. */
export function linkPlan(egress: EgressOf<'wireguard'>, facts: LinkFacts): LinkPlan {
  const namespace = wireguardNamespace(facts.instance, facts.slot);
  if (egress.mode === 'kernel') return { namespace, ...kernelLink(egress, facts) };
  return { namespace, by: 'sing-box', config: linkConfig(egress, facts, namespace) };
}

/**
 * It takes from the sandbox's sing-box and gives to the peer; whatever the peer begins is refused. Made in the host's
 * namespace, its socket is WireGuard's own with many datagrams a call, which a detour's is not (1.12.12).
 */
function linkConfig(egress: EgressOf<'wireguard'>, facts: LinkFacts, namespace: string): string {
  const { address, port } = LINK_SERVER;
  const config = {
    // At `debug` it tells of handshakes (agent/wireguard/complaint.ts).
    log: { level: 'debug', timestamp: true },
    dns: { servers: [facts.resolver], strategy: 'ipv4_only' },
    inbounds: [{ ...LINK_PROTOCOL, tag: 'in', listen: address, listen_port: port, netns: namespace }],
    endpoints: [
      {
        ...wireguardEndpoint(egress, { tag: LINK_TAG, address: facts.address, privateKey: facts.privateKey }),
        routing_mark: routingMark(facts.instance, facts.slot),
      },
    ],
    route: { rules: [{ inbound: ['in'], outbound: LINK_TAG }, { action: 'reject' }] },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** What is sing-box's own, whoever dials it. */
export function wireguardEndpoint(
  egress: EgressOf<'wireguard'>,
  { tag, address, privateKey }: { tag: string; address: string; privateKey?: string | undefined },
) {
  return {
    ...{ type: 'wireguard', tag, system: false, mtu: egress.mtu, address: egress.addresses },
    private_key: privateKeyOf(egress, privateKey),
    peers: [
      {
        address,
        port: egress.port,
        public_key: egress.peerPublicKey,
        ...(egress.presharedKey !== null && { pre_shared_key: egress.presharedKey }),
        allowed_ips: ['0.0.0.0/0'],
        ...(egress.keepalive > 0 && { persistent_keepalive_interval: egress.keepalive }),
        ...(egress.reserved !== null && { reserved: egress.reserved }),
      },
    ],
  };
}

function kernelLink(egress: EgressOf<'wireguard'>, facts: LinkFacts): KernelLink {
  const { instance, slot, address } = facts;
  const lines = [
    '[Interface]',
    `PrivateKey = ${privateKeyOf(egress, facts.privateKey)}`,
    // On what it sends itself, in the namespace it is born in: the host's chain of the sandbox judges it.
    `FwMark = ${hex(routingMark(instance, slot))}`,
    '[Peer]',
    `PublicKey = ${egress.peerPublicKey}`,
    ...(egress.presharedKey === null ? [] : [`PresharedKey = ${egress.presharedKey}`]),
    'AllowedIPs = 0.0.0.0/0',
    ...(egress.keepalive > 0 ? [`PersistentKeepalive = ${egress.keepalive}`] : []),
  ];
  return {
    by: 'kernel',
    name: wireguardLink(instance, slot),
    addresses: egress.addresses,
    mtu: egress.mtu,
    config: `${lines.join('\n')}\n`,
    peer: { publicKey: egress.peerPublicKey, server: egress.server, address, port: egress.port },
  };
}

/** Missing where the gateway's data moved to another host. */
export const NO_PRIVATE_KEY =
  'This host does not have the private key of the WireGuard egress; make a new key and give the peer its public half.';
function privateKeyOf(egress: EgressOf<'wireguard'>, ofAgent: string | undefined): string {
  const key = egress.privateKey ?? ofAgent;
  if (key === undefined) throw new AppError('invalid_input', NO_PRIVATE_KEY);
  return key;
}

const FIRST_PORT = 1024;
/** All of them: nothing listens there. */
const PORTS = 65_536 - FIRST_PORT;

/**
 * nft text for the namespace of a link of the kernel's. Nobody begins anything from the peer's side. Each new connection
 * gets the next port: a peer that ends TCP itself by gVisor, as sing-box does, takes none from a port for a minute after
 * it closed the last one from there, and the kernel takes ports again sooner (measured: some hang from 300 a minute on).
 */
export function linkRules([address]: readonly string[]): string {
  const own = address?.split('/')[0];
  return `table ip cloud_claude_wireguard {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
  }
  chain ports {
    type nat hook postrouting priority 100; policy accept;
    meta l4proto tcp snat to ${own}:numgen inc mod ${PORTS} offset ${FIRST_PORT}
  }
}
`;
}
