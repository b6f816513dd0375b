import type { EgressOf } from '../../../shared/egress';
import { type Dial, dialled, type SingBoxObject } from './dial';
import { tlsObject } from './tls';

export function socks5Outbound(egress: EgressOf<'socks5'>, dial: Dial): SingBoxObject {
  return { ...dialled('socks', egress.port, dial), version: '5', ...account(egress) };
}

export function httpOutbound(egress: EgressOf<'http'>, dial: Dial): SingBoxObject {
  return {
    ...dialled('http', egress.port, dial),
    ...account(egress),
    ...(egress.tls !== null && { tls: tlsObject(egress.tls, egress.server) }),
  };
}

function account({ username, password }: { username: string | null; password: string | null }) {
  return { ...(username !== null && { username }), ...(password !== null && { password }) };
}
