import { randomInt } from 'node:crypto';
import { AppError } from '../../shared/errors';
import { TUN_NAME } from '../../shared/names';
import { type NetworkPolicy, openPolicy } from '../../shared/network-policy';
import { type Namespace, routeOut } from '../apply/netns';
import { listRules, loadRules, type RuleListings, supportsLinkRules } from '../apply/nft';
import { ipv6Links, links, listeningPorts } from '../apply/proc';
import { TUN_ADDRESS } from '../plan/ranges';
import { type Gate, sandboxRules } from '../plan/sandbox-rules';
import { countingAfter, portRules } from '../plan/source-ports';
import type { Surroundings } from '../plan/surroundings';
import type { SurroundingsNow } from './surroundings';

/** Closed first: its text is the same for every policy, so a start needs no listing of its own. */
const GATES: readonly Gate[] = ['closed', 'open', 'proving'];

/** The rules in sandboxes' namespaces: loaded whole, and compared with what was planned. */
export function createGates({ listings, around }: { listings: RuleListings; around: SurroundingsNow }) {
  let linkRules: Promise<boolean> | undefined;
  /** Of any sandbox. Begins anywhere: an agent may take over what another one has just loaded. */
  let loads = randomInt(1 << 16);
  /** Where the host was when a namespace's rules were loaded, by its inode: they are judged by that until loaded anew. */
  const loadedFor = new Map<bigint, Surroundings>();
  const placeOf = async ({ inode }: Namespace) => loadedFor.get(inode) ?? (await around.now());
  /** Rules on the tun itself: since Linux 5.16 (nft(8), the netdev egress hook). */
  const hasLinkRules = () => {
    linkRules ??= supportsLinkRules(listings);
    return linkRules;
  };
  const tunIsThere = async (namespace: Namespace) =>
    (await links(namespace.pid)).some((it) => it.name === TUN_NAME);

  /** Which of our rule sets for this policy is loaded, exactly; null for anything else. */
  async function of(namespace: Namespace, policy: NetworkPolicy = openPolicy): Promise<Gate | null> {
    const loaded = await listRules(namespace);
    const place = await placeOf(namespace);
    const needsLink = (await hasLinkRules()) && (await tunIsThere(namespace));
    for (const gate of GATES) {
      // Closed, the table on the link may be missing: it is loaded with the tun, and what is closed sends nothing.
      const variants = needsLink && gate !== 'closed' ? [true] : [true, false];
      for (const link of variants) {
        if (link && !(await hasLinkRules())) continue;
        const rules = sandboxRules({ gate, policy, around: place, link });
        if (loaded === (await listings.of(portRules() + rules))) return gate;
      }
    }
    return null;
  }

  /** The links alone, which costs no process. Throws with a sentence. */
  async function verifyLinks({ pid }: Namespace): Promise<void> {
    const present = (await links(pid)).map((it) => it.name).sort();
    const extra = present.filter((it) => it !== 'lo' && it !== TUN_NAME);
    if (extra.length > 0) {
      throw new AppError(
        'agent_failed',
        `The sandbox has a network link it must not have: ${extra.join(', ')}.`,
      );
    }
    if (!present.includes(TUN_NAME)) throw new AppError('agent_failed', 'The tunnel interface is not there.');
    const ipv6 = (await ipv6Links(pid)).filter((it) => it !== 'lo');
    if (ipv6.length > 0) {
      throw new AppError('agent_failed', `The sandbox has an IPv6 address on ${ipv6.join(', ')}.`);
    }
  }

  return {
    of,

    /** Asks nft how it prints the rules of a sandbox without a policy of its own, so that the first start does not wait. */
    async warm(): Promise<void> {
      const place = await around.now();
      const ask = (gate: Gate, link: boolean) =>
        listings.of(portRules() + sandboxRules({ gate, policy: openPolicy, around: place, link }));
      await ask('closed', false);
      const link = await hasLinkRules();
      for (const gate of GATES) await ask(gate, link);
    },

    /** One transaction with the flush, which drops tables that are not ours: there is no moment without rules. */
    async load(namespace: Namespace, gate: Gate, policy: NetworkPolicy = openPolicy): Promise<void> {
      const link = (await hasLinkRules()) && (await tunIsThere(namespace));
      const facts = { gate, policy, around: await around.now() };
      const counting = countingAfter(loads, await listeningPorts(namespace.pid, TUN_ADDRESS));
      loads = counting.load;
      const ports = portRules(counting.first);
      const text = (withLink: boolean) =>
        `flush ruleset\n${ports}${sandboxRules({ ...facts, link: withLink })}`;
      try {
        await loadRules(namespace, text(link));
      } catch (error) {
        // The tun may have gone between the look and the load; then nothing can be sent into it.
        if (!link || (await tunIsThere(namespace))) throw error;
        await loadRules(namespace, text(false));
      }
      loadedFor.set(namespace.inode, facts.around);
    },

    /** The host has another address or link since the rules were loaded: right or not, they must be loaded anew. */
    async stale({ inode }: Namespace): Promise<boolean> {
      const then = loadedFor.get(inode);
      return then !== undefined && then !== (await around.now());
    },
    /** The namespace is gone: its inode may be another's. */
    forget({ inode }: Namespace): void {
      loadedFor.delete(inode);
    },

    verifyLinks,

    /**
     * What can be proven without the Internet; throws with a sentence. `routed`: the caller has just looked by which
     * link the namespace sends.
     */
    async verify(namespace: Namespace, policy: NetworkPolicy, { routed = false } = {}): Promise<void> {
      if ((await of(namespace, policy)) === null) {
        throw new AppError(
          'agent_failed',
          'The firewall rules of the sandbox are not the ones that belong there.',
        );
      }
      await verifyLinks(namespace);
      const out = routed ? TUN_NAME : await routeOut(namespace);
      if (out !== TUN_NAME) {
        throw new AppError(
          'agent_failed',
          `The default route of the sandbox is by ${out ?? 'nothing'}, not by the tunnel.`,
        );
      }
    },
  };
}
export type Gates = ReturnType<typeof createGates>;
