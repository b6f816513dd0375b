/** Turns a way out into the sing-box objects that dial it; pure. Field meanings: sing-box 1.12.12, `option/*.go`. */
import type { Egress } from '../../../shared/egress';
import { anytlsOutbound } from './anytls';
import type { Dial, SingBoxObject } from './dial';
import { directOutbound } from './direct';
import { httpOutbound, socks5Outbound } from './proxy';
import { hysteria2Outbound, tuicOutbound } from './quic';
import { shadowsocksOutbound } from './shadowsocks';
import { sshOutbound } from './ssh';
import { trojanOutbound, vlessOutbound, vmessOutbound } from './v2ray';
import { wireguardOutbound } from './wireguard';

/**
 * The outbound with the tag `out`, which leads through this egress. Multiplexing is never switched on: it would let one
 * blocked stream hold up all others of a sandbox.
 */
export function egressOutbound(egress: Egress, dial: Dial): SingBoxObject {
  switch (egress.kind) {
    case 'direct':
      return directOutbound(dial);
    case 'socks5':
      return socks5Outbound(egress, dial);
    case 'http':
      return httpOutbound(egress, dial);
    case 'shadowsocks':
      return shadowsocksOutbound(egress, dial);
    case 'vmess':
      return vmessOutbound(egress, dial);
    case 'vless':
      return vlessOutbound(egress, dial);
    case 'trojan':
      return trojanOutbound(egress, dial);
    case 'hysteria2':
      return hysteria2Outbound(egress, dial);
    case 'tuic':
      return tuicOutbound(egress, dial);
    case 'anytls':
      return anytlsOutbound(egress, dial);
    case 'ssh':
      return sshOutbound(egress, dial);
    case 'wireguard':
      return wireguardOutbound(egress, dial);
  }
}
