import type { TrafficView } from '../../../shared/egress-views';
import { type Traffic, trafficEpoch } from '../../../shared/traffic';
import type { AgentClient, Db } from '../../contracts';
import { readHours, storeHours } from './traffic-rows';

const MINUTE_MS = 60 * 1000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Connections and questions that a page shows one by one. */
const RECENT = 300;

export type TrafficStore = ReturnType<typeof createTrafficStore>;

/** Keeps what the agent tells of traffic, which forgets it when it ends, and shows it together with what is open now. */
export function createTrafficStore(options: { db: Db; agent: AgentClient; now?: () => number }) {
  const { db, agent, now = Date.now } = options;
  /** Sandboxes that are being asked about: who comes meanwhile gets the same. */
  const collecting = new Map<string, Promise<number>>();

  async function collectNow(sandboxId: string, signal?: AbortSignal): Promise<number> {
    const before = await db.trafficCursor.findUnique({ where: { sandboxId } });
    const cursor = Number(before?.cursor ?? 0n);
    const told = await agent.call('sandbox.traffic', { id: sandboxId, cursor }, signal ? { signal } : {});
    // It had no way out since the agent began.
    if (told.cursor === 0) return 0;
    const same = before !== null && trafficEpoch(cursor) === trafficEpoch(told.cursor);
    const base = same ? { rx: Number(before.rx), tx: Number(before.tx) } : { rx: 0, tx: 0 };
    const rx = BigInt(Math.max(told.rxBytes - base.rx, 0));
    const tx = BigInt(Math.max(told.txBytes - base.tx, 0));
    const news = cursor === told.cursor ? { ...told, ended: [], questions: [], missed: 0 } : told;
    await store(sandboxId, { told: news, rx, tx });
    return told.cursor;
  }

  async function store(sandboxId: string, news: { told: Traffic; rx: bigint; tx: bigint }): Promise<void> {
    const { told, rx, tx } = news;
    const at = new Date(now());
    const minute = new Date(Math.floor(at.getTime() / MINUTE_MS) * MINUTE_MS);
    const place = { cursor: BigInt(told.cursor), rx: BigInt(told.rxBytes), tx: BigInt(told.txBytes) };
    await db.$transaction(async (it) => {
      // It may have been deleted while the agent was asked.
      if ((await it.sandbox.findUnique({ where: { id: sandboxId }, select: { id: true } })) === null) return;
      await it.trafficCursor.upsert({
        where: { sandboxId },
        create: { sandboxId, ...place },
        update: place,
      });
      if (rx + tx > 0n) {
        await it.trafficMinute.upsert({
          where: { sandboxId_minute: { sandboxId, minute } },
          create: { sandboxId, minute, rx, tx },
          update: { rx: { increment: rx }, tx: { increment: tx } },
        });
      }
      await storeHours(it, sandboxId, { told, now: at });
    });
  }

  function collect(sandboxId: string, signal?: AbortSignal): Promise<number> {
    const running = collecting.get(sandboxId);
    if (running) return running;
    const work = collectNow(sandboxId, signal).finally(() => collecting.delete(sandboxId));
    collecting.set(sandboxId, work);
    return work;
  }

  return {
    /** Takes over what is new; gives the agent's cursor, 0 when it knows nothing. Throws as the agent's client does. */
    collect,

    /** The last day, with what is open now where the agent can tell (`live`). */
    async view(sandboxId: string, live: boolean): Promise<TrafficView> {
      let present: Traffic | null = null;
      if (live) {
        const cursor = await collect(sandboxId);
        present = await agent.call(
          'sandbox.traffic',
          { id: sandboxId, cursor: Math.max(cursor - RECENT, 0) },
          {},
        );
      }
      const since = new Date(now() - DAY_MS);
      const minutes = await db.trafficMinute.findMany({
        where: { sandboxId, minute: { gte: since } },
        orderBy: { minute: 'asc' },
      });
      const series = minutes.map((it) => ({
        ...{ at: it.minute.toISOString(), rxBytes: Number(it.rx), txBytes: Number(it.tx) },
      }));
      return {
        rxBytes: series.reduce((sum, it) => sum + it.rxBytes, 0),
        txBytes: series.reduce((sum, it) => sum + it.txBytes, 0),
        series,
        open: (present?.open ?? []).slice(-RECENT).toReversed(),
        recent: (present?.ended ?? []).slice(-RECENT).toReversed(),
        questions: (present?.questions ?? []).slice(-RECENT).toReversed(),
        ...(await readHours(db, sandboxId, since)),
      };
    },
  };
}
