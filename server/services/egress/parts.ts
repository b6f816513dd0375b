/** What the files of this folder are built from, and what every verb of theirs begins and ends with. */
import { randomUUID } from 'node:crypto';
import type { EgressDns } from '../../../shared/egress';
import { AppError } from '../../../shared/errors';
import type { ProbeSettings } from '../../../shared/proof';
import type { AgentClient, Audit, AuditEntry, Db, DbOrTx, Identity, Live } from '../../contracts';
import type { ProofStore } from '../../egress/proof-store';
import type { EgressSecrets } from '../../egress/secrets';
import type { TaskEngine } from '../../tasks/engine';

export interface EgressParts {
  db: Db;
  live: Live;
  audit: Audit;
  agent: AgentClient;
  engine: TaskEngine;
  secrets: EgressSecrets;
  probes: ProbeSettings;
  /** Of the ways out that name no resolver of their own. */
  defaultDns: EgressDns;
  proofs: ProofStore;
}

export function requireAdmin(identity: Identity): void {
  if (identity.role !== 'admin') throw new AppError('forbidden', 'Only administrators may do this.');
}

export const newId = randomUUID;

/** The audit entry and the live event of one change, in its own transaction. */
export async function told(
  parts: Pick<EgressParts, 'audit' | 'live'>,
  tx: DbOrTx,
  change: AuditEntry & {
    action: 'created' | 'updated' | 'deleted';
    topic?: 'egress' | 'policies';
  },
): Promise<void> {
  const { action, topic = 'egress', ...entry } = change;
  await parts.audit.record(tx, entry);
  await parts.live.record(tx, { topic, action, subject: entry.target?.id ?? '' });
}
