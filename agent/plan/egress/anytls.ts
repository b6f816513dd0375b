import type { EgressOf } from '../../../shared/egress';
import { type Dial, dialled, type SingBoxObject } from './dial';
import { tlsObject } from './tls';

export function anytlsOutbound(egress: EgressOf<'anytls'>, dial: Dial): SingBoxObject {
  return {
    ...dialled('anytls', egress.port, dial),
    password: egress.password,
    tls: tlsObject(egress.tls, egress.server),
  };
}
