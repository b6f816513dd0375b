import { type EgressDns, egressDnsSchema } from '../../shared/egress';

/** Who answers names through a stored way out; null: the resolvers of the host, for `direct` alone. */
export function dnsOf(row: { kind: string; dns: string | null }, otherwise: EgressDns): EgressDns | null {
  if (row.dns !== null) return egressDnsSchema.parse(JSON.parse(row.dns));
  return row.kind === 'direct' ? null : otherwise;
}
