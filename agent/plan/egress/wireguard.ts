import type { EgressOf } from '../../../shared/egress';
import { AppError } from '../../../shared/errors';
import { type Dial, OUT_TAG, type SingBoxObject } from './dial';

/** Where the peer's sing-box listens: in a namespace where nobody else is. */
export const LINK_SERVER = { address: '127.0.0.1', port: 1080 } as const;
/** Shadowsocks without its cipher: TCP and UDP on one port, and nothing added but where to. */
export const LINK_PROTOCOL = { type: 'shadowsocks', method: 'none', password: '' } as const;

/**
 * What sing-box in the sandbox's namespace sees of WireGuard: another namespace to dial in, which leads nowhere else.
 * Keys, peer and mark are the business of who is there (../wireguard-link.ts).
 */
export function wireguardOutbound({ mode }: EgressOf<'wireguard'>, dial: Dial): SingBoxObject {
  if (dial.linkNamespace === undefined) {
    throw new AppError('invalid_input', 'A WireGuard egress needs the namespace of its link.');
  }
  const out = { tag: OUT_TAG, netns: dial.linkNamespace };
  if (mode === 'kernel') return { type: 'direct', ...out };
  return { ...LINK_PROTOCOL, ...out, server: LINK_SERVER.address, server_port: LINK_SERVER.port };
}
