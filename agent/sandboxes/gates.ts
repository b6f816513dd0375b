import { AppError } from '../../shared/errors';
import { TUN_NAME } from '../../shared/names';
import { type NetworkPolicy, openPolicy } from '../../shared/network-policy';
import { type Namespace, routeOut } from '../apply/netns';
import { listRules, loadRules, type RuleListings, supportsLinkRules } from '../apply/nft';
import { ipv6Links, links } from '../apply/proc';
import { type Gate, sandboxRules } from '../plan/sandbox-rules';

/** Closed first: its text is the same for every policy, so a start needs no listing of its own. */
const GATES: readonly Gate[] = ['closed', 'open', 'proving'];

/** The rules in sandboxes' namespaces: loaded whole, and compared with what was planned. */
export function createGates(listings: RuleListings) {
  let linkRules: Promise<boolean> | undefined;
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
    const needsLink = (await hasLinkRules()) && (await tunIsThere(namespace));
    for (const gate of GATES) {
      // Closed, the table on the link may be missing: it is loaded with the tun, and what is closed sends nothing.
      const variants = needsLink && gate !== 'closed' ? [true] : [true, false];
      for (const link of variants) {
        if (link && !(await hasLinkRules())) continue;
        if (loaded === (await listings.of(sandboxRules({ gate, policy, link })))) return gate;
      }
    }
    return null;
  }

  return {
    of,

    /** Asks nft how it prints the rules of a sandbox without a policy of its own, so that the first start does not wait. */
    async warm(): Promise<void> {
      const variants = (await hasLinkRules()) ? [true, false] : [false];
      for (const gate of GATES) {
        for (const link of variants) await listings.of(sandboxRules({ gate, policy: openPolicy, link }));
      }
    },

    /** One transaction with the flush, which drops tables that are not ours: there is no moment without rules. */
    async load(namespace: Namespace, gate: Gate, policy: NetworkPolicy = openPolicy): Promise<void> {
      const link = (await hasLinkRules()) && (await tunIsThere(namespace));
      try {
        await loadRules(namespace, `flush ruleset\n${sandboxRules({ gate, policy, link })}`);
      } catch (error) {
        // The tun may have gone between the look and the load; then nothing can be sent into it.
        if (!link || (await tunIsThere(namespace))) throw error;
        await loadRules(namespace, `flush ruleset\n${sandboxRules({ gate, policy, link: false })}`);
      }
    },

    /** What can be proven without the Internet; throws with a sentence. */
    async verify(namespace: Namespace, policy: NetworkPolicy): Promise<void> {
      if ((await of(namespace, policy)) === null) {
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
      if (!present.includes(TUN_NAME))
        throw new AppError('agent_failed', 'The tunnel interface is not there.');
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
    },
  };
}
export type Gates = ReturnType<typeof createGates>;
