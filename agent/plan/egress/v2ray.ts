import type { EgressOf } from '../../../shared/egress';
import type { EgressTls, EgressTransport } from '../../../shared/egress-transport';
import { type Dial, dialled, type SingBoxObject } from './dial';
import { quicTlsObject, tlsObject } from './tls';
import { transportObject } from './transport';

export function vmessOutbound(egress: EgressOf<'vmess'>, dial: Dial): SingBoxObject {
  return {
    ...dialled('vmess', egress.port, dial),
    uuid: egress.uuid,
    security: egress.security,
    ...(egress.alterId > 0 && { alter_id: egress.alterId }),
    ...(egress.packetEncoding !== 'none' && { packet_encoding: egress.packetEncoding }),
    ...carrier(egress),
  };
}

export function vlessOutbound(egress: EgressOf<'vless'>, dial: Dial): SingBoxObject {
  return {
    ...dialled('vless', egress.port, dial),
    uuid: egress.uuid,
    ...(egress.flow !== null && { flow: egress.flow }),
    // Left out it means xudp here, unlike in vmess.
    packet_encoding: egress.packetEncoding === 'none' ? '' : egress.packetEncoding,
    ...carrier(egress),
  };
}

export function trojanOutbound(egress: EgressOf<'trojan'>, dial: Dial): SingBoxObject {
  return { ...dialled('trojan', egress.port, dial), password: egress.password, ...carrier(egress) };
}

function carrier(egress: { server: string; tls: EgressTls | null; transport: EgressTransport }) {
  const { tls, transport: way, server } = egress;
  const transport = transportObject(way, tls?.sni ?? server);
  const toTls = way.type === 'quic' ? quicTlsObject : tlsObject;
  return {
    ...(tls !== null && { tls: toTls(tls, server) }),
    ...(transport !== null && { transport }),
  };
}
