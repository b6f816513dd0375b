import type { EgressOf } from '../../../shared/egress';
import { AppError } from '../../../shared/errors';
import type { Dial, EgressOutbound, SingBoxObject } from './dial';
import { directOutbound } from './direct';

/** Carries WireGuard's own packets: an endpoint's `netns` has no effect in 1.12.12 (measured), a detour's has. */
const UPLINK_TAG = 'out-uplink';

export function wireguardOutbound(egress: EgressOf<'wireguard'>, dial: Dial): EgressOutbound {
  if (egress.mode === 'kernel') return { outbounds: [throughInterface(dial)], endpoints: [], tag: 'out' };
  const { domain_resolver, ...fields } = dial.fields;
  const endpoint = {
    type: 'wireguard',
    tag: 'out',
    system: false,
    detour: UPLINK_TAG,
    // The endpoint, not its detour, resolves the peer's name.
    ...(domain_resolver !== undefined && { domain_resolver }),
    mtu: egress.mtu,
    address: egress.addresses,
    private_key: privateKeyOf(egress, dial),
    peers: [
      {
        address: dial.server,
        port: egress.port,
        public_key: egress.peerPublicKey,
        ...(egress.presharedKey !== null && { pre_shared_key: egress.presharedKey }),
        allowed_ips: ['0.0.0.0/0'],
        ...(egress.keepalive > 0 && { persistent_keepalive_interval: egress.keepalive }),
        ...(egress.reserved !== null && { reserved: egress.reserved }),
      },
    ],
  };
  return { outbounds: [directOutbound({ ...dial, fields }, UPLINK_TAG)], endpoints: [endpoint], tag: 'out' };
}

/** The interface stands in sing-box's own namespace: no `netns`. The mark tells sing-box from the sandbox's user. */
function throughInterface(dial: Dial): SingBoxObject {
  if (dial.interface === undefined) {
    throw new AppError('invalid_input', 'A WireGuard egress in kernel mode needs its interface.');
  }
  return {
    type: 'direct',
    tag: 'out',
    bind_interface: dial.interface,
    routing_mark: dial.routingMark,
    ...dial.fields,
  };
}

function privateKeyOf(egress: EgressOf<'wireguard'>, dial: Dial): string {
  const key = egress.privateKey ?? dial.privateKey;
  if (key === undefined) {
    throw new AppError(
      'invalid_input',
      'This host does not have the private key of the WireGuard egress; make a new key and give the peer its public half.',
    );
  }
  return key;
}
