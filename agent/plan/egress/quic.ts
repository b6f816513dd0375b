import type { EgressOf } from '../../../shared/egress';
import { type Dial, dialled, type SingBoxObject } from './dial';
import { quicTlsObject } from './tls';

export function hysteria2Outbound(egress: EgressOf<'hysteria2'>, dial: Dial): SingBoxObject {
  return {
    ...dialled('hysteria2', egress.port, dial),
    // With `server_ports` sing-box no longer looks at `server_port`; a single port is written as a range.
    ...(egress.hopPorts.length > 0 && {
      server_ports: [String(egress.port), ...egress.hopPorts].map((it) =>
        it.includes(':') ? it : `${it}:${it}`,
      ),
    }),
    password: egress.password,
    ...(egress.obfsPassword !== null && { obfs: { type: 'salamander', password: egress.obfsPassword } }),
    ...(egress.upMbps !== null && { up_mbps: egress.upMbps }),
    ...(egress.downMbps !== null && { down_mbps: egress.downMbps }),
    tls: quicTlsObject(egress.tls, egress.server),
  };
}

/** QUIC needs an ALPN; hysteria2 sets `h3` by itself, tuic servers expect the same. */
const TUIC_ALPN = ['h3'];

export function tuicOutbound(egress: EgressOf<'tuic'>, dial: Dial): SingBoxObject {
  return {
    ...dialled('tuic', egress.port, dial),
    uuid: egress.uuid,
    password: egress.password,
    congestion_control: egress.congestion,
    udp_relay_mode: egress.udpRelayMode,
    tls: { alpn: TUIC_ALPN, ...quicTlsObject(egress.tls, egress.server) },
  };
}
