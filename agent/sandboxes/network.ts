import type { Logger } from 'pino';
import type { NetworkSpec } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { hostTable, TUN_NAME, uplinkNamespace } from '../../shared/names';
import { attachUplink, lanSubnets, type Namespace, removeNamespace, routeOut } from '../apply/netns';
import {
  listHostTable,
  listRules,
  loadHostRules,
  loadRules,
  RuleListings,
  removeHostTable,
} from '../apply/nft';
import { ipv6Links, links } from '../apply/proc';
import { hostRules } from '../plan/host-rules';
import { type Gate, sandboxRules } from '../plan/sandbox-rules';
import { singBoxConfig } from '../plan/singbox';
import type { Notices } from './notices';
import type { Records } from './records';
import { Tunnel } from './tunnel';

export type Network = ReturnType<typeof createNetwork>;

export interface NetworkOptions {
  instance: string;
  resolvers: readonly string[];
  records: Records;
  notices: Notices;
  log: Logger;
}

/** Everything about packets: the host's table, each sandbox's table, each sandbox's tunnel. */
export function createNetwork(options: NetworkOptions) {
  const { instance, resolvers, records, notices, log } = options;
  const listings = new RuleListings(`${uplinkNamespace(instance)}-plan`);
  const planned = { open: sandboxRules('open'), closed: sandboxRules('closed') };
  const tunnels = new Map<string, Tunnel>();

  /** Which of our two rule sets is loaded, exactly; null for anything else. */
  async function gateOf(namespace: Namespace): Promise<Gate | null> {
    const [loaded, open, closed] = await Promise.all([
      listRules(namespace),
      listings.of(planned.open),
      listings.of(planned.closed),
    ]);
    return loaded === open ? 'open' : loaded === closed ? 'closed' : null;
  }

  /** What can be proven without the Internet; throws with a sentence. */
  async function verify(namespace: Namespace): Promise<void> {
    if ((await gateOf(namespace)) === null) {
      throw new AppError(
        'agent_failed',
        'The firewall rules of the sandbox are not the ones that belong there.',
      );
    }
    const present = (await links(namespace.pid)).map((it) => it.name).sort();
    const extra = present.filter((it) => it !== 'lo' && it !== TUN_NAME);
    if (extra.length > 0) {
      throw new AppError(
        'agent_failed',
        `The sandbox has a network link it must not have: ${extra.join(', ')}.`,
      );
    }
    if (!present.includes(TUN_NAME)) throw new AppError('agent_failed', 'The tunnel interface is not there.');
    const ipv6 = (await ipv6Links(namespace.pid)).filter((it) => it !== 'lo');
    if (ipv6.length > 0) {
      throw new AppError('agent_failed', `The sandbox has an IPv6 address on ${ipv6.join(', ')}.`);
    }
    const out = await routeOut(namespace);
    if (out !== TUN_NAME) {
      throw new AppError(
        'agent_failed',
        `The default route of the sandbox is by ${out ?? 'nothing'}, not by the tunnel.`,
      );
    }
  }

  async function hostText(): Promise<string> {
    return hostRules({ instance, resolvers, neighbours: await lanSubnets() });
  }

  return {
    gateOf,
    verify,

    /** Loads the sandbox's rules unless they are there; says whether it had to. */
    async ensureRules(namespace: Namespace, gate: Gate): Promise<boolean> {
      if ((await gateOf(namespace)) === gate) return false;
      // One transaction with the flush, which drops tables that are not ours: there is no moment without rules.
      await loadRules(namespace, `flush ruleset\n${planned[gate]}`);
      if ((await gateOf(namespace)) !== gate) {
        throw new AppError(
          'agent_failed',
          'The firewall rules of the sandbox could not be loaded as planned.',
        );
      }
      return true;
    },

    /** The host's own side: the name of its namespace and its table. Says whether the table had to be loaded. */
    async ensureHost(): Promise<boolean> {
      await attachUplink(uplinkNamespace(instance));
      const text = await hostText();
      const [loaded, expected] = await Promise.all([listHostTable(hostTable(instance)), listings.of(text)]);
      if (loaded === expected) return false;
      await loadHostRules(text);
      return true;
    },
    /** When no sandbox is left that could send. */
    async removeHost(): Promise<void> {
      await removeHostTable(hostTable(instance));
      await removeNamespace(uplinkNamespace(instance));
    },

    config: (spec: NetworkSpec) => singBoxConfig({ instance, egress: spec.egress, resolvers }),

    tunnel(id: string): Tunnel {
      const existing = tunnels.get(id);
      if (existing) return existing;
      const tunnel = new Tunnel({
        id,
        records,
        log,
        verify,
        onDown: (reason) => notices.emit(id, 'tunnel.down', reason),
        onBack: () => notices.emit(id, 'tunnel.up', 'The tunnel is up again and verified.'),
      });
      tunnels.set(id, tunnel);
      return tunnel;
    },
    /** After the sandbox was removed. */
    async forget(id: string): Promise<void> {
      await tunnels.get(id)?.down();
      tunnels.delete(id);
    },
    /** Lets every tunnel run on without this agent. */
    async release(): Promise<void> {
      await Promise.all([...tunnels.values()].map((it) => it.release()));
    },
  };
}
