import type { EgressOf } from '../../../shared/egress';

/** As wg-quick reads it. What the format has no word for (reserved bytes, mode) is not in it. */
export function wireguardFile(egress: EgressOf<'wireguard'>, label: string): string {
  const lines = [
    `# Name = ${label.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')}`,
    '[Interface]',
    `PrivateKey = ${egress.privateKey ?? ''}`,
    `Address = ${egress.addresses.join(', ')}`,
    `MTU = ${egress.mtu}`,
    '',
    '[Peer]',
    `PublicKey = ${egress.peerPublicKey}`,
    ...(egress.presharedKey === null ? [] : [`PresharedKey = ${egress.presharedKey}`]),
    'AllowedIPs = 0.0.0.0/0',
    `Endpoint = ${egress.server}:${egress.port}`,
    `PersistentKeepalive = ${egress.keepalive === 0 ? 'off' : egress.keepalive}`,
  ];
  return `${lines.join('\n')}\n`;
}
