/**
 * Firewall marks on everything that an instance's sing-box processes send in the host's namespace: which instance,
 * which sandbox (its slot), and whether by the egress or by a grant. The host table judges by them.
 *
 * Other software tests single bits: kube-proxy 0x4000 and 0x8000, Tailscale 0xff0000. So only the top byte and
 * the lowest 14 bits are used: 1, seven bits of the instance; three more bits of it, one for grants, ten of the slot.
 * Two instances with the same ten bits (one pair in 1,024) would refuse each other's packets: `markClash` tells.
 */
const GRANT_BIT = 0x400;
/** Sandboxes that one host can serve at a time; slot 0 is nobody's. */
export const SLOTS_MAX = 1023;
/** The bits that name the instance. */
export const MARK_MASK = 0xff003800;

export type MarkPurpose = 'egress' | 'grant';

export function markPrefix(instance: string): number {
  const bits = Number.parseInt(instance, 16) & 0x3ff;
  return (0x80000000 + ((bits >> 3) << 24) + ((bits & 0x7) << 11)) >>> 0;
}

export function routingMark(instance: string, slot: number, purpose: MarkPurpose = 'egress'): number {
  if (!Number.isInteger(slot) || slot < 1 || slot > SLOTS_MAX) throw new RangeError(`no such slot: ${slot}`);
  return markPrefix(instance) + slot + (purpose === 'grant' ? GRANT_BIT : 0);
}

export const hex = (mark: number): string => `0x${mark.toString(16).padStart(8, '0')}`;

/** Another instance on this host whose marks are the same as ours. */
export function markClash(instance: string, others: readonly string[]): string | null {
  return others.find((it) => it !== instance && markPrefix(it) === markPrefix(instance)) ?? null;
}
