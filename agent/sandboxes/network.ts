import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import type { NetworkSpec } from '../../shared/agent-api';
import { hostTable, uplinkNamespace } from '../../shared/names';
import { createNameResolver } from '../apply/names';
import { RuleListings } from '../apply/nft';
import { watchRules } from '../apply/nft-monitor';
import type { Prover } from '../proof/contract';
import type { TrafficWatch } from '../traffic/traffic';
import { checkKernelMode } from '../wireguard/kernel';
import type { WireguardKeys } from '../wireguard/keys';
import { createGates } from './gates';
import { createHostTable } from './host-table';
import type { Notices } from './notices';
import { createProofs } from './proofs';
import type { Records } from './records';
import { createSlots } from './slots';
import { createSurroundings } from './surroundings';
import { WayOut } from './way-out';

export type Network = ReturnType<typeof createNetwork>;

export interface NetworkOptions {
  instance: string;
  resolvers: readonly string[];
  records: Records;
  notices: Notices;
  log: Logger;
  /** Null: proofs cannot be taken; `direct` in mode `off` or `watch` still works. */
  prover: Prover | null;
  traffic: TrafficWatch;
  wireguard: WireguardKeys;
  /** In place of the interval that each sandbox's proofs have. */
  proofEveryMs?: number | undefined;
  /** In place of the time after which names of ways out are resolved again. */
  namesEveryMs?: number | undefined;
}

/** Everything about packets: the host's table, and each sandbox's way out. */
export function createNetwork(options: NetworkOptions) {
  const { instance, resolvers, records, notices, log, prover, wireguard, traffic } = options;
  const listings = new RuleListings(`${uplinkNamespace(instance)}-plan`);
  const around = createSurroundings();
  const host = createHostTable({ instance, listings, around, log });
  const gates = createGates({ listings, around });
  const slots = createSlots(records);
  const proofs = createProofs(records);
  const ways = new Map<string, WayOut>();
  const changed = new EventEmitter();
  const parts = {
    proofEveryMs: options.proofEveryMs,
    namesEveryMs: options.namesEveryMs,
    rulesChanged: (id: string) => void changed.emit('rules', id),
    ...{ instance, resolvers, records, notices, log, host, gates, around, slots, proofs, prover, traffic },
    resolve: createNameResolver(resolvers),
    wireguardKey: (keyId: string) => wireguard.privateKey(keyId),
    checkKind: async ({ egress }: NetworkSpec) => {
      if (egress.kind === 'wireguard' && egress.mode === 'kernel') await checkKernelMode(instance, egress);
    },
  };

  return {
    gates,
    proofs,
    around,
    /** Tells of changed rules soon: of the sandbox with that id, or of the host's table (null). */
    onRulesChanged(listener: (id: string | null) => void): { close(): Promise<void> } {
      changed.on('rules', listener);
      const onChange = () => listener(null);
      const host = watchRules({ namespace: null, about: hostTable(instance), onChange });
      return {
        async close() {
          changed.off('rules', listener);
          await host.close();
        },
      };
    },

    /** Loads the host's table when it is not as planned. True when somebody else had changed it. */
    checkHost: (what?: 'all' | 'table') => host.check(what),
    /** When no sandbox is left that could send. */
    removeHost: () => host.remove(),

    way(id: string): WayOut {
      const existing = ways.get(id);
      if (existing) return existing;
      const way = new WayOut(id, parts);
      ways.set(id, way);
      return way;
    },
    /** After the sandbox was removed. */
    async forget(id: string): Promise<void> {
      await ways.get(id)?.retire();
      ways.delete(id);
      await traffic.forget(id);
      await slots.free(id);
      proofs.forget(id);
    },
    /** Lets every tunnel run on without this agent. */
    async release(): Promise<void> {
      await Promise.all([...ways.values()].map((it) => it.release()));
      await listings.close();
    },
  };
}
