/** Ways out as the API offers them; each file beside this one is one noun of it. */
import type { Proof } from '../../../shared/proof';
import type { EgressServices } from '../../contracts';
import { bind, bindingViews } from './bindings';
import { createEgress, removeEgress, updateEgress, viewOf } from './crud';
import { type EgressParts, requireAdmin } from './parts';
import { poolViews, removePool, savePool } from './pools';
import {
  applySubscription,
  listSubscriptions,
  refreshDue,
  refreshSubscription,
  removeSubscription,
  saveSubscription,
} from './subscriptions';
import { exportText, importEntries, previewImport } from './texts';
import { egressHistory, egressProofs, testEgress, testSaved } from './trials';
import { egressView, servedBy } from './view';
import { newWireguardKey } from './wireguard-keys';

export type EgressService = EgressServices['egress'] & {
  /** Fetches the subscriptions whose time has come. */
  refreshDue(signal: AbortSignal): Promise<void>;
  /** Tests a saved way out without anybody having asked. Throws when it did not come to a proof. */
  testSaved(id: string, signal: AbortSignal): Promise<Proof>;
};

export function createEgressService(parts: EgressParts): EgressService {
  const { db, secrets } = parts;
  return {
    async list(identity) {
      requireAdmin(identity);
      const rows = await db.egress.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });
      const served = await servedBy(db, 'egressId');
      return rows.map((row) => egressView(row, secrets, served.get(row.id) ?? 0));
    },
    async get(identity, id) {
      requireAdmin(identity);
      return viewOf(parts, id);
    },
    create: (identity, input) => createEgress(parts, identity, input),
    update: (identity, input) => updateEgress(parts, identity, input),
    remove: (identity, id) => removeEgress(parts, identity, id),
    newWireguardKey: (identity) => newWireguardKey(parts, identity),
    previewImport: (identity, input) => previewImport(parts, identity, input),
    import: (identity, input) => importEntries(parts, identity, input),
    export: (identity, input) => exportText(parts, identity, input),
    test: (identity, input, signal) => testEgress(parts, identity, { input, signal }),
    history: (identity, id) => egressHistory(parts, identity, id),
    proofs: (identity, input) => egressProofs(parts, identity, input),
    async pools(identity) {
      requireAdmin(identity);
      return poolViews(db);
    },
    savePool: (identity, input) => savePool(parts, identity, input),
    removePool: (identity, id) => removePool(parts, identity, id),
    async bindings(identity) {
      requireAdmin(identity);
      return bindingViews(db);
    },
    bind: (identity, input) => bind(parts, identity, input),
    subscriptions: (identity) => listSubscriptions(parts, identity),
    saveSubscription: (identity, input) => saveSubscription(parts, identity, input),
    refreshSubscription: (identity, id) => refreshSubscription(parts, identity, id),
    applySubscription: (identity, id) => applySubscription(parts, identity, id),
    removeSubscription: (identity, id) => removeSubscription(parts, identity, id),
    refreshDue: (signal) => refreshDue(parts, signal),
    testSaved: (id, signal) => testSaved(parts, id, signal),
  };
}
