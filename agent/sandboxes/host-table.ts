import type { Logger } from 'pino';
import { AppError } from '../../shared/errors';
import { hostTable, uplinkNamespace } from '../../shared/names';
import { attachUplink, removeNamespace } from '../apply/netns';
import { hostTables, listHostTable, loadHostRules, type RuleListings, removeHostTable } from '../apply/nft';
import { type HostSandbox, hostRules } from '../plan/host-rules';
import { markClash } from '../plan/mark';
import type { SurroundingsNow } from './surroundings';

/**
 * The host's own side: a name for its namespace, and the table that judges what each sandbox's sing-box sends. The
 * table is always loaded whole, in one transaction, one load after the other.
 */
export function createHostTable(options: {
  instance: string;
  listings: RuleListings;
  around: SurroundingsNow;
  log: Logger;
}) {
  const { instance, listings, around, log } = options;
  const table = hostTable(instance);
  const sandboxes = new Map<string, HostSandbox>();
  let loaded: string | undefined;
  let tail: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = tail.then(work);
    tail = done.catch(() => {});
    return done;
  }

  async function text(): Promise<string> {
    return hostRules({ instance, around: await around.now(), sandboxes: [...sandboxes.values()] });
  }
  async function load(): Promise<void> {
    await attachUplink(uplinkNamespace(instance));
    const wanted = await text();
    if (wanted === loaded) return;
    await loadHostRules(wanted);
    loaded = wanted;
  }
  async function checkClash(): Promise<void> {
    const others = (await hostTables()).flatMap((it) => /^cloud_claude_([0-9a-f]{8})$/.exec(it)?.[1] ?? []);
    const clash = markClash(instance, others);
    if (clash === null) return;
    log.error(
      { clash },
      'another installation on this host has the same firewall marks: both refuse packets',
    );
    throw new AppError(
      'unavailable',
      `The installation ${clash} on this host uses the same firewall marks; give this one a new data folder.`,
    );
  }

  return {
    /** Says what a sandbox may send without loading it yet, as when an agent takes over what runs. */
    note(id: string, sandbox: HostSandbox): void {
      sandboxes.set(id, sandbox);
    },
    /** What a sandbox may send, from now on and nothing else; null: nothing. Resolves when the kernel has it. */
    set(id: string, sandbox: HostSandbox | null): Promise<void> {
      return inTurn(async () => {
        const before = sandboxes.get(id);
        if (sandbox === null) sandboxes.delete(id);
        else sandboxes.set(id, sandbox);
        try {
          await load();
        } catch (error) {
          // What could not be loaded is not what holds.
          if (before === undefined) sandboxes.delete(id);
          else sandboxes.set(id, before);
          throw error;
        }
      });
    },
    /**
     * Looks whether the table is what was planned, and loads it when it is not. Says whether it had to. `table`: the
     * host's own addresses are taken to be those of the last look.
     */
    check(what: 'all' | 'table' = 'all'): Promise<boolean> {
      return inTurn(async () => {
        await attachUplink(uplinkNamespace(instance));
        if (loaded === undefined) await checkClash();
        if (what === 'all') await around.refresh();
        const wanted = await text();
        const [now, expected] = await Promise.all([listHostTable(table), listings.of(wanted)]);
        const moved = wanted !== loaded;
        if (now === expected) {
          loaded = wanted;
          return false;
        }
        await loadHostRules(wanted);
        const healed = loaded !== undefined && !moved;
        loaded = wanted;
        return healed;
      });
    },
    /** When no sandbox is left that could send. */
    remove(): Promise<void> {
      return inTurn(async () => {
        loaded = undefined;
        await removeHostTable(table);
        await removeNamespace(uplinkNamespace(instance));
      });
    },
  };
}
export type HostTable = ReturnType<typeof createHostTable>;
