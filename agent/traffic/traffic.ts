/** Traffic: tells what passes sandboxes, from outside, by sing-box's log and the kernel's counters. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { NetworkSpec } from '../../shared/agent-api';
import type { Traffic } from '../../shared/traffic';
import { Namespace } from '../apply/netns';
import { singBoxFiles } from '../apply/singbox';
import type { Records } from '../sandboxes/records';
import { KernelReader, LogReader, readInto } from './follower';
import { createJudge } from './judge';
import { Ledger } from './ledger';

/** The kernel forgets a reset TCP connection after ten seconds and an answered datagram after thirty. */
const READ_MS = 2_000;
/** What a way out waits for its being followed at most, so that it counts from its first packet: some 30 ms as a rule. */
const PATIENCE_MS = 1_000;

export interface TrafficOptions {
  records: Pick<Records, 'folder' | 'read'>;
  log: Logger;
  readMs?: number;
}
type Network = Pick<NetworkSpec, 'policy' | 'probes'>;
export type TrafficWatch = ReturnType<typeof createTraffic>;

interface Watched {
  ledger: Ledger;
  log: LogReader;
  /** The namespace that is read now; null while it has no way out. */
  kernel: { inode: bigint; reader: KernelReader } | null;
  /** The sing-box that was followed last. */
  process: string | null;
  /** The last thing begun with it: one at a time. */
  last: Promise<void>;
}

/** One for the agent. Nothing here throws into a sandbox's way out: what cannot be told is logged and left out. */
export function createTraffic({ records, log, readMs = READ_MS }: TrafficOptions) {
  const watched = new Map<string, Watched>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let warned = false;

  function inTurn(it: Watched, id: string, work: () => Promise<void>): Promise<void> {
    it.last = it.last
      .then(work)
      .catch((error) => log.warn({ sandbox: id, err: error }, 'what passes the sandbox could not be read'));
    return it.last;
  }

  async function read(it: Watched, always: boolean): Promise<void> {
    if (it.kernel !== null) await readInto(it.ledger, { log: it.log, kernel: it.kernel.reader }, always);
  }
  async function end(it: Watched): Promise<void> {
    if (it.kernel === null) return;
    await read(it, true);
    it.ledger.endAll(Date.now());
    it.ledger.count(await it.kernel.reader.tracked(), Date.now());
  }
  async function stop(it: Watched): Promise<void> {
    const { kernel } = it;
    try {
      await end(it);
    } finally {
      it.kernel = null;
      it.log.close();
      await kernel?.reader.close();
    }
  }

  async function start(it: Watched, namespace: Namespace): Promise<void> {
    const reader = await KernelReader.open(namespace);
    if (!reader.countsBytes && !warned) {
      warned = true;
      log.warn('this kernel has no /proc/net/nf_conntrack: connections are told without their bytes');
    }
    it.kernel = { inode: namespace.inode, reader };
    if (it.process !== null) return;
    // The first time for this agent. What ended was before its time; connections of a sing-box that an earlier agent
    // started are open still.
    it.log.readPast(
      (line) => it.ledger.line(line),
      () => it.ledger.endAll(Date.now()),
    );
    await read(it, true);
    it.ledger.forgetPast();
  }

  async function round(): Promise<void> {
    await Promise.all([...watched].map(([id, it]) => inTurn(it, id, () => read(it, false))));
    if (!closed) timer = setTimeout(() => void round(), readMs).unref();
  }
  timer = setTimeout(() => void round(), readMs).unref();

  return {
    /** Its way out is up in this namespace, by the sing-box in the record, with this policy; nothing passed by it yet. */
    async follow(id: string, namespace: Namespace, network: Network): Promise<void> {
      if (closed) return;
      const judge = createJudge(network);
      const it: Watched = watched.get(id) ?? {
        ...{ ledger: new Ledger(judge), log: new LogReader(singBoxFiles(records.folder(id)).log) },
        ...{ kernel: null, process: null, last: Promise.resolve() },
      };
      watched.set(id, it);
      const begun = inTurn(it, id, async () => {
        const { tunnel } = await records.read(id);
        const running = tunnel === null ? '' : `${tunnel.pid} ${tunnel.startTime}`;
        if (it.kernel?.inode !== namespace.inode || it.process !== running) await end(it);
        else await read(it, true);
        it.ledger.judgeBy(judge);
        if (it.kernel?.inode !== namespace.inode) {
          await stop(it);
          const own = await Namespace.ofProcess(namespace.pid);
          if (own.inode !== namespace.inode) return own.close();
          await start(it, own);
        }
        it.process = running;
      });
      await Promise.race([begun, delay(PATIENCE_MS, undefined, { ref: false })]);
    },

    /** Its sing-box ended, and all connections with it. */
    async fell(id: string): Promise<void> {
      const it = watched.get(id);
      if (it) await inTurn(it, id, () => end(it));
    },
    /** It has no way out any more; what was told stays. */
    async leave(id: string): Promise<void> {
      const it = watched.get(id);
      if (it) await inTurn(it, id, () => stop(it));
    },
    /** The sandbox was removed. */
    async forget(id: string): Promise<void> {
      await this.leave(id);
      watched.delete(id);
    },

    /** What happened after `cursor`, up to now. Empty for one that never had a way out since this agent began. */
    async since(id: string, cursor: number): Promise<Traffic> {
      const it = watched.get(id);
      if (it === undefined) return NOTHING;
      await inTurn(it, id, () => read(it, false));
      return it.ledger.since(cursor);
    },

    async close(): Promise<void> {
      closed = true;
      clearTimeout(timer);
      const ends = [...watched].map(([id, it]) =>
        inTurn(it, id, async () => {
          it.log.close();
          await it.kernel?.reader.close();
          it.kernel = null;
        }),
      );
      await Promise.all(ends);
      watched.clear();
    },
  };
}

const NOTHING: Traffic = {
  ...{ cursor: 0, missed: 0, rxBytes: 0, txBytes: 0 },
  ...{ open: [], ended: [], questions: [] },
};
