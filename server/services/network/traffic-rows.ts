/** What the agent told of traffic, as rows of an hour: counted, bounded, and summed again for a page. */
import type { TrafficView } from '../../../shared/egress-views';
import type { Traffic } from '../../../shared/traffic';
import type { DbOrTx } from '../../contracts';

const HOUR_MS = 60 * 60 * 1000;
/** A development machine speaks to some hundred names in an hour; one that scans must not fill the database. */
export const NAMES_PER_HOUR = 500;
/** What is above NAMES_PER_HOUR, and what the agent could not keep, is counted under this. No name has brackets. */
export const OTHER = '(other)';
/** Names and denials of a day that one page shows. */
const NAMES_SHOWN = 200;

/** What a row is about, and what is counted in it. Times in ms since 1970. */
interface Counted {
  hour: number;
  /** The columns of its key behind the hour. */
  key: readonly string[];
  count: number;
  rx: number;
  tx: number;
  first: number;
  last: number;
}
const idOf = ({ hour, key }: Pick<Counted, 'hour' | 'key'>) => JSON.stringify([hour, ...key]);

class Counts {
  readonly #rows = new Map<string, Counted>();
  readonly #now: number;

  constructor(now: Date) {
    this.#now = now.getTime();
  }

  /** A time that cannot be is taken for now. */
  add(at: string, key: readonly string[], more: { count?: number; rx?: number; tx?: number } = {}): void {
    const told = Date.parse(at);
    const when = told <= this.#now && told > this.#now - 24 * HOUR_MS ? told : this.#now;
    const hour = Math.floor(when / HOUR_MS) * HOUR_MS;
    this.#put({ hour, key, first: when, last: when, count: 1, rx: 0, tx: 0, ...more });
  }
  get hours(): Date[] {
    return [...new Set([...this.#rows.values()].map((it) => it.hour))].map((it) => new Date(it));
  }

  /** Apart: those that are `known` rows, and as many new ones as fit beside them, the rest put together under `other`. */
  fitting(
    known: readonly Pick<Counted, 'hour' | 'key'>[],
    other: (key: readonly string[]) => readonly string[],
  ) {
    const have = new Set(known.map(idOf));
    const room = new Map<number, number>();
    const roomIn = (hour: number) => room.get(hour) ?? NAMES_PER_HOUR;
    for (const { hour } of known) room.set(hour, roomIn(hour) - 1);
    const kept = new Counts(new Date(this.#now));
    for (const row of this.#rows.values()) {
      if (have.has(idOf(row))) kept.#put(row);
      else if (roomIn(row.hour) <= 0) kept.#put({ ...row, key: other(row.key) });
      else {
        room.set(row.hour, roomIn(row.hour) - 1);
        kept.#put(row);
      }
    }
    const all = [...kept.#rows.values()];
    return { fresh: all.filter((it) => !have.has(idOf(it))), more: all.filter((it) => have.has(idOf(it))) };
  }

  #put(row: Counted): void {
    const before = this.#rows.get(idOf(row));
    this.#rows.set(idOf(row), {
      ...row,
      count: row.count + (before?.count ?? 0),
      ...{ rx: row.rx + (before?.rx ?? 0), tx: row.tx + (before?.tx ?? 0) },
      first: Math.min(row.first, before?.first ?? row.first),
      last: Math.max(row.last, before?.last ?? row.last),
    });
  }
}

/** Into the hours of a sandbox. In the transaction that moves its cursor, so that nothing counts twice. */
export async function storeHours(
  tx: DbOrTx,
  sandboxId: string,
  { told, now }: { told: Pick<Traffic, 'ended' | 'questions' | 'missed'>; now: Date },
): Promise<void> {
  const hosts = new Counts(now);
  for (const it of told.ended) {
    hosts.add(it.endedAt ?? it.startedAt, [it.host, it.rule, it.verdict], { rx: it.rxBytes, tx: it.txBytes });
  }
  if (told.missed > 0) hosts.add(now.toISOString(), [OTHER, OTHER, 'allowed'], { count: told.missed });
  const names = new Counts(now);
  for (const it of told.questions) names.add(it.at, [it.name, it.type, it.outcome]);
  await storeHosts(tx, sandboxId, hosts);
  await storeNames(tx, sandboxId, names);
}

const inHours = (sandboxId: string, counts: Counts) => ({
  where: { sandboxId, hour: { in: counts.hours } },
});
const times = (it: Counted) => ({ firstAt: new Date(it.first), lastAt: new Date(it.last) });

async function storeHosts(tx: DbOrTx, sandboxId: string, counts: Counts): Promise<void> {
  if (counts.hours.length === 0) return;
  const known = await tx.trafficHost.findMany({
    ...inHours(sandboxId, counts),
    select: { hour: true, host: true, rule: true, verdict: true },
  });
  const { fresh, more } = counts.fitting(
    known.map((it) => ({ hour: it.hour.getTime(), key: [it.host, it.rule, it.verdict] })),
    ([, , verdict = '']) => [OTHER, OTHER, verdict],
  );
  const columns = ({ hour, key: [host = '', rule = '', verdict = ''] }: Counted) => ({
    ...{ sandboxId, hour: new Date(hour), host, rule, verdict },
  });
  await tx.trafficHost.createMany({
    data: fresh.map((it) => ({
      ...columns(it),
      ...{ count: it.count, rx: BigInt(it.rx), tx: BigInt(it.tx), ...times(it) },
    })),
  });
  for (const it of more) {
    await tx.trafficHost.update({
      where: { sandboxId_hour_host_rule_verdict: columns(it) },
      data: {
        count: { increment: it.count },
        ...{ rx: { increment: BigInt(it.rx) }, tx: { increment: BigInt(it.tx) } },
        lastAt: new Date(it.last),
      },
    });
  }
}

async function storeNames(tx: DbOrTx, sandboxId: string, counts: Counts): Promise<void> {
  if (counts.hours.length === 0) return;
  const known = await tx.dnsHour.findMany({
    ...inHours(sandboxId, counts),
    select: { hour: true, name: true, type: true, outcome: true },
  });
  const { fresh, more } = counts.fitting(
    known.map((it) => ({ hour: it.hour.getTime(), key: [it.name, it.type, it.outcome] })),
    ([, , outcome = '']) => [OTHER, OTHER, outcome],
  );
  const columns = ({ hour, key: [name = '', type = '', outcome = ''] }: Counted) => ({
    ...{ sandboxId, hour: new Date(hour), name, type, outcome },
  });
  await tx.dnsHour.createMany({
    data: fresh.map((it) => ({
      ...columns(it),
      count: it.count,
      ...times(it),
    })),
  });
  for (const it of more) {
    await tx.dnsHour.update({
      where: { sandboxId_hour_name_type_outcome: columns(it) },
      data: { count: { increment: it.count }, lastAt: new Date(it.last) },
    });
  }
}

/** A sandbox's stored hours since then, as one. */
export async function readHours(
  db: DbOrTx,
  sandboxId: string,
  since: Date,
): Promise<Pick<TrafficView, 'denied' | 'hosts'>> {
  const where = { sandboxId, hour: { gte: since } };
  const [flows, questions] = await Promise.all([
    db.trafficHost.findMany({ where }),
    db.dnsHour.findMany({ where: { ...where, outcome: { in: ['denied', 'would-deny'] } } }),
  ]);
  const denied = new Map<string, TrafficView['denied'][number]>();
  const hosts = new Map<string, TrafficView['hosts'][number]>();
  function deny(host: string, verdict: string, { count, lastAt }: { count: number; lastAt: Date }): void {
    if (verdict !== 'denied' && verdict !== 'would-deny') return;
    const key = `${verdict} ${host}`;
    const before = denied.get(key);
    const last = lastAt.toISOString();
    denied.set(key, {
      ...{ host, verdict, count: (before?.count ?? 0) + count },
      lastAt: before !== undefined && before.lastAt > last ? before.lastAt : last,
    });
  }
  for (const it of questions) deny(it.name, it.outcome, it);
  for (const it of flows) {
    deny(it.host, it.verdict, it);
    // What only would have been denied did pass.
    if (it.verdict === 'denied') continue;
    const key = `${it.rule} ${it.host}`;
    const before = hosts.get(key);
    hosts.set(key, {
      ...{ host: it.host, rule: it.rule, count: (before?.count ?? 0) + it.count },
      rxBytes: (before?.rxBytes ?? 0) + Number(it.rx),
      txBytes: (before?.txBytes ?? 0) + Number(it.tx),
    });
  }
  const often = (a: { count: number }, b: { count: number }) => b.count - a.count;
  return {
    denied: [...denied.values()].sort(often).slice(0, NAMES_SHOWN),
    hosts: [...hosts.values()].sort(often).slice(0, NAMES_SHOWN),
  };
}
