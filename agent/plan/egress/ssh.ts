import type { EgressOf } from '../../../shared/egress';
import { type Dial, dialled, type SingBoxObject } from './dial';

/** TCP only: SSH has no datagrams. Without host keys sing-box takes any. */
export function sshOutbound(egress: EgressOf<'ssh'>, dial: Dial): SingBoxObject {
  return {
    ...dialled('ssh', egress.port, dial),
    user: egress.user,
    ...(egress.password !== null && { password: egress.password }),
    ...(egress.privateKey !== null && { private_key: [egress.privateKey] }),
    ...(egress.passphrase !== null && { private_key_passphrase: egress.passphrase }),
    ...(egress.hostKeys.length > 0 && { host_key: egress.hostKeys }),
  };
}
