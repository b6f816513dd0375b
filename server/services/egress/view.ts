/** Ways out as administrators see them: every secret masked. */
import { z } from 'zod';
import type { Egress as EgressRow } from '../../../prisma/generated/client';
import { carriesUdp, type Egress, egressDnsSchema, egressEndpoint, maskEgress } from '../../../shared/egress';
import type { EgressView } from '../../../shared/egress-views';
import { proofModeSchema } from '../../../shared/proof';
import type { DbOrTx } from '../../contracts';
import type { EgressSecrets } from '../../egress/secrets';

const verdictSchema = z.enum(['green', 'red', 'incomplete']);
/** Sandboxes in these states have no packets to send. */
const restingStates = ['stopped', 'error', 'deleting'];

export function healthOf(
  row: Pick<EgressRow, 'verdict' | 'provenAt' | 'verdictReason' | 'exitAddress' | 'country' | 'latencyMs'>,
): EgressView['health'] {
  return {
    verdict: row.verdict === null ? null : verdictSchema.parse(row.verdict),
    at: row.provenAt?.toISOString() ?? null,
    reason: row.verdictReason,
    exitAddress: row.exitAddress,
    country: row.country,
    latencyMs: row.latencyMs,
  };
}

export function egressView(row: EgressRow, secrets: EgressSecrets, sandboxes: number): EgressView {
  const egress = secrets.open(row.config);
  return {
    id: row.id,
    label: row.label,
    kind: egress.kind,
    endpoint: row.endpoint,
    settings: maskEgress(egress),
    publicKey: row.publicKey,
    expectedAddress: row.expectedAddress,
    dns: row.dns === null ? null : egressDnsSchema.parse(JSON.parse(row.dns)),
    proof: proofModeSchema.parse(row.proof),
    enabled: row.enabled,
    subscriptionId: row.subscriptionId,
    warnings: warningsOf(egress, row),
    health: healthOf(row),
    sandboxes,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** How many live sandboxes each serves. */
export async function servedBy(db: DbOrTx, by: 'egressId' | 'poolId'): Promise<Map<string, number>> {
  const rows = await db.sandbox.groupBy({
    by: [by],
    _count: true,
    where: { state: { notIn: restingStates } },
  });
  return new Map(rows.flatMap((it) => (it[by] === null ? [] : [[it[by], it._count]])));
}

/** `host:port`, empty for direct. */
export function endpointText(egress: Egress): string {
  const endpoint = egressEndpoint(egress);
  return endpoint === null || egress.kind === 'direct' ? '' : `${endpoint.host}:${egress.port}`;
}

function warningsOf(egress: Egress, row: Pick<EgressRow, 'proof' | 'vanishedAt'>): string[] {
  const warnings: string[] = [];
  if ('tls' in egress && egress.tls?.insecure)
    warnings.push('Certificates are not checked: anybody on the path may read and change what passes.');
  if (egress.kind === 'ssh' && egress.hostKeys.length === 0)
    warnings.push('Any host key is taken: anybody on the path may be the server. Give its host keys.');
  if (
    (egress.kind === 'socks5' || (egress.kind === 'http' && egress.tls === null)) &&
    egress.password !== null
  )
    warnings.push('User name and password travel in the clear to this proxy.');
  if (egress.kind === 'shadowsocks' && egress.method === 'none')
    warnings.push('Nothing is encrypted on the way to this server.');
  if (!carriesUdp(egress)) warnings.push('It carries no UDP: QUIC and other UDP is refused in the sandbox.');
  if (egress.kind !== 'direct' && row.proof !== 'gate')
    warnings.push('A sandbox starts before this way out is proven.');
  if (row.vanishedAt !== null)
    warnings.push('Its subscription does not list it any more. It is kept because it is in use.');
  return warnings;
}
