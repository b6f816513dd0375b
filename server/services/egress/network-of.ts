/** A sandbox's way out as the agent gets it: what its bindings choose, what it may reach, how it is proven. */
import type { Sandbox } from '../../../prisma/generated/client';
import type { NetworkSpec } from '../../../shared/agent-api';
import type { EgressDns } from '../../../shared/egress';
import { AppError } from '../../../shared/errors';
import { type ProbeSettings, proofModeSchema } from '../../../shared/proof';
import type { Db, Live } from '../../contracts';
import { dnsOf } from '../../egress/dns-of';
import type { EgressSecrets } from '../../egress/secrets';
import { readEffective } from '../policies/effective-rows';
import { assign } from './assign';

export interface NetworkOfParts {
  db: Db;
  live: Live;
  secrets: EgressSecrets;
  probes: ProbeSettings;
  /** Of the ways out that name no resolver of their own. */
  defaultDns: EgressDns;
}

/**
 * Chooses anew and writes the choice into the row. Throws `egress_failed` for one that is switched off: a sandbox
 * that should go by a way out never goes without it.
 */
export function createNetworkOf(parts: NetworkOfParts): (row: Pick<Sandbox, 'id'>) => Promise<NetworkSpec> {
  const { db, live, secrets, probes } = parts;
  return async ({ id }) => {
    const found = await db.$transaction(async (tx) => {
      await assign({ live }, tx, { id });
      const row = await tx.sandbox.findUnique({ where: { id }, include: { egress: true } });
      if (!row) throw new AppError('not_found', 'The sandbox is gone.');
      return { row, policy: (await readEffective(tx, row)).policy };
    });
    live.flush();
    const { egress } = found.row;
    const common = { policy: found.policy, probes };
    if (!egress)
      return {
        ...common,
        egressId: null,
        egress: { kind: 'direct' },
        dns: null,
        expectedAddress: null,
        proof: 'watch',
      };
    if (!egress.enabled)
      throw new AppError(
        'egress_failed',
        `${egress.label} is switched off. Choose another way out for this sandbox.`,
      );
    return {
      ...common,
      egressId: egress.id,
      egress: secrets.open(egress.config),
      dns: dnsOf(egress, parts.defaultDns),
      expectedAddress: egress.expectedAddress,
      proof: proofModeSchema.parse(egress.proof),
    };
  };
}
