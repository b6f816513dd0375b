/**
 * Firewall mark on everything that an instance's sing-box processes send in the host's namespace. It differs by
 * instance, since each instance judges only its own packets.
 *
 * Other software tests single bits: kube-proxy 0x4000 and 0x8000, Tailscale 0xff0000. So only the top byte and
 * the lowest 14 bits are used. Two instances that share all 14 bits only share the stricter of their rules.
 */
export function routingMark(instance: string): number {
  return 0xcc000000 + (Number.parseInt(instance, 16) & 0x3fff);
}
