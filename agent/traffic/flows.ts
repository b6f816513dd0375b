import type { Flow } from '../../shared/traffic';
import { flowKey, type Tracked } from './conntrack';
import { isAddress, type Judge, RULES } from './judge';
import type { LogLine } from './log-line';

/** Above the most that the kernel lets a sandbox have at once (SANDBOX_FLOWS), with those that are ending. */
export const OPEN_MAX = 8192;
/** A connection that the kernel closed, or does not know, and whose end is not in the log, ended. */
const GONE_MS = 10_000;
/** sing-box forgets UDP after five minutes. */
const UDP_GONE_MS = 6 * 60_000;
const DNS_PORT = 53;
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/;

interface Open {
  id: string;
  key: string;
  network: 'tcp' | 'udp';
  address: string;
  port: number;
  /** The name whose address it is, as was asked last before it began: others may share the address. */
  asked: string | undefined;
  named: string | undefined;
  sniffed: string | undefined;
  granted: boolean;
  /** Of a proof, not of the sandbox. */
  probe: boolean;
  rejected: string | null;
  startedAt: number;
  endedAt: number | null;
  halves: Set<string>;
  tx: number;
  rx: number;
  /** The kernel has it too. */
  confirmed: boolean;
  goneAt: number | null;
}
interface Counted {
  probe: boolean;
  tx: number;
  rx: number;
  /** Counted before its connection was in the log. */
  early: { tx: number; rx: number } | null;
}

export interface FlowParts {
  /** The name that was asked for and meant this address. */
  nameOf(address: string): string | undefined;
  tell(flow: Flow): void;
  /** Something happened that cannot be told. */
  lose(): void;
}

/** A sandbox's connections: who and why from sing-box's log, how many bytes from the kernel. */
export class Flows {
  readonly #parts: FlowParts;
  readonly #open = new Map<string, Open>();
  readonly #byKey = new Map<string, Open>();
  /** Said where a connection comes from; where to follows. */
  readonly #from = new Map<string, { network: 'tcp' | 'udp'; port: number }>();
  #counted = new Map<string, Counted>();
  #total = { tx: 0, rx: 0 };

  constructor(parts: FlowParts) {
    this.#parts = parts;
  }

  /** All bytes since it was made. */
  get total(): { txBytes: number; rxBytes: number } {
    return { txBytes: this.#total.tx, rxBytes: this.#total.rx };
  }
  resetTotal(): void {
    this.#total = { tx: 0, rx: 0 };
  }
  get size(): number {
    return this.#open.size;
  }

  line({ id, at, ageMs, told }: LogLine): void {
    if (told.kind === 'from') {
      this.#from.set(id, told);
      if (this.#from.size > OPEN_MAX) this.#from.clear();
      return;
    }
    if (told.kind === 'to') this.#begin(id, at - ageMs, told);
    const flow = this.#open.get(id);
    if (flow === undefined) return;
    switch (told.kind) {
      case 'named':
        flow.named = told.name;
        return;
      case 'sniffed':
        if (NAME.test(told.name) && !isAddress(told.name)) flow.sniffed = told.name;
        return;
      case 'granted':
        flow.granted = true;
        return;
      case 'rejected':
        flow.rejected = told.text;
        flow.endedAt = flow.startedAt + ageMs;
        return;
      case 'ended':
        if (told.half !== null) flow.halves.add(told.half);
        if (told.half === null || flow.halves.size === 2) flow.endedAt ??= flow.startedAt + ageMs;
        return;
    }
  }

  /** What the kernel counts, or null where it does not tell; then connections that ended are told. */
  count(tracked: readonly Tracked[] | null, now: number, judge: Judge): void {
    const present = new Map<string, Counted>();
    const closed = new Set<string>();
    for (const entry of tracked ?? []) {
      present.set(entry.key, this.#add(entry));
      if (entry.closed) closed.add(entry.key);
    }
    if (tracked !== null) this.#counted = present;
    for (const flow of this.#open.values()) {
      const alive = present.has(flow.key) && !closed.has(flow.key);
      if (tracked === null || alive) flow.goneAt = null;
      else flow.goneAt ??= now;
      const patience = flow.network === 'tcp' ? GONE_MS : UDP_GONE_MS;
      if (flow.goneAt !== null && now - flow.goneAt > patience) flow.endedAt ??= flow.goneAt;
      if (flow.endedAt !== null) this.#finish(flow, { sure: tracked === null || flow.confirmed, judge });
    }
  }

  /** Its sing-box ended, and all connections with it. */
  endAll(now: number): void {
    for (const flow of this.#open.values()) flow.endedAt ??= now;
  }

  /** The newest that are open. */
  open(max: number, judge: Judge): Flow[] {
    const open = [...this.#open.values()].filter((it) => it.endedAt === null && it.confirmed);
    return open.slice(-max).map((it) => this.#told(it, judge));
  }

  #begin(id: string, startedAt: number, to: { address: string; port: number }): void {
    const from = this.#from.get(id);
    this.#from.delete(id);
    // Questions for names are told as such.
    if (from === undefined || to.port === DNS_PORT) return;
    if (this.#open.size >= OPEN_MAX) {
      this.#parts.lose();
      return;
    }
    const key = flowKey(from.network, from.port, to);
    const early = this.#counted.get(key)?.early ?? null;
    const counted = this.#counted.get(key);
    if (counted) counted.early = null;
    const flow: Open = {
      ...{ id, key, network: from.network, address: to.address, port: to.port, startedAt },
      asked: this.#parts.nameOf(to.address),
      ...{ named: undefined, sniffed: undefined, granted: false, rejected: null, endedAt: null },
      ...{ halves: new Set<string>(), tx: early?.tx ?? 0, rx: early?.rx ?? 0, goneAt: null },
      confirmed: early !== null,
      probe: counted?.probe ?? false,
    };
    this.#open.set(id, flow);
    this.#byKey.set(key, flow);
  }

  #add({ key, txBytes, rxBytes, probe }: Tracked): Counted {
    const before = this.#counted.get(key);
    // Smaller than before: the same ports for another connection.
    const anew = before === undefined || txBytes < before.tx || rxBytes < before.rx;
    const tx = txBytes - (anew ? 0 : before.tx);
    const rx = rxBytes - (anew ? 0 : before.rx);
    this.#total.tx += tx;
    this.#total.rx += rx;
    const flow = this.#byKey.get(key);
    if (flow !== undefined) {
      flow.tx += tx;
      flow.rx += rx;
      flow.confirmed = true;
      flow.probe = probe;
      return { probe, tx: txBytes, rx: rxBytes, early: null };
    }
    // Told already, or not in the log yet. What was told may get some more bytes of its closing: they are nobody's.
    if (!anew && before.early === null) return { probe, tx: txBytes, rx: rxBytes, early: null };
    const early = anew ? null : before.early;
    return {
      probe,
      tx: txBytes,
      rx: rxBytes,
      early: { tx: (early?.tx ?? 0) + tx, rx: (early?.rx ?? 0) + rx },
    };
  }

  #finish(flow: Open, { sure, judge }: { sure: boolean; judge: Judge }): void {
    this.#open.delete(flow.id);
    if (this.#byKey.get(flow.key) === flow) this.#byKey.delete(flow.key);
    if (sure) this.#parts.tell(this.#told(flow, judge));
    else this.#parts.lose();
  }

  #told(flow: Open, judge: Judge): Flow {
    const { named, sniffed, asked, address, rejected } = flow;
    const host = named ?? sniffed ?? asked ?? address;
    const told: Flow = {
      ...{ id: flow.id, network: flow.network, host, port: flow.port },
      address: named === undefined ? address : null,
      rule: flow.probe ? RULES.proof : flow.granted ? RULES.grant : RULES.egress,
      verdict: 'allowed',
      startedAt: new Date(flow.startedAt).toISOString(),
      endedAt: flow.endedAt === null ? null : new Date(flow.endedAt).toISOString(),
      ...{ rxBytes: flow.rx, txBytes: flow.tx },
    };
    const hosts = [...new Set([named, sniffed, host].filter((it) => it !== undefined))];
    if (rejected !== null) {
      const by = judge.ofRejection(rejected, hosts);
      return { ...told, host: by.host ?? host, rule: by.rule, verdict: 'denied' };
    }
    if (flow.granted || flow.probe) return told;
    // A name that was only asked for decides nothing where the destination was an address.
    const judged = [named, sniffed].filter((it) => it !== undefined);
    for (const it of judged.length > 0 ? judged : [address]) {
      const learnt = judge.ofHost(it);
      if (learnt?.verdict === 'would-deny') return { ...told, host: it, ...learnt };
    }
    return told;
  }
}
