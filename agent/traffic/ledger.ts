import type { Traffic } from '../../shared/traffic';
import type { Tracked } from './conntrack';
import { Flows } from './flows';
import { isStandIn, type Judge, RULES } from './judge';
import { parseLine } from './log-line';
import { Questions, socketKey } from './questions';
import { Ring } from './ring';
import type { Tried } from './tried';

/** Open connections that one answer tells, the newest. */
export const OPEN_TOLD = 500;

/** Between what is in the log and its being read: also a host that was suspended or gets its clock set. */
const LAG_MAX_MS = 60 * 60_000;

/** What passed one sandbox and what was refused it, since this agent looks at it. */
export class Ledger {
  #ring = new Ring();
  #judge: Judge;
  #tried = new Map<string, number>();
  #attempts = 0;
  readonly #flows: Flows;
  readonly #questions: Questions;

  constructor(judge: Judge) {
    this.#judge = judge;
    this.#questions = new Questions((it) => this.#ring.question(it));
    this.#flows = new Flows({
      nameOf: (address) => this.#questions.nameOf(address),
      tell: (flow) => this.#ring.flow(flow),
      lose: () => this.#ring.lose(),
    });
  }

  line(text: string): void {
    const line = parseLine(text);
    if (line === null) return;
    // A line that was made up may tell any time.
    if (Math.abs(Date.now() - line.at) > LAG_MAX_MS) line.at = Date.now();
    this.#flows.line(line);
    this.#questions.line(line, this.#judge);
  }

  /** What the kernel counts (null: it does not tell), after the log was read. */
  count(tracked: readonly Tracked[] | null, now: number): void {
    const probes = (tracked ?? []).filter((it) => it.probe).map((it) => socketKey(it.network, it.port));
    this.#questions.tick(now, this.#judge, new Set(probes));
    this.#flows.count(tracked, now, this.#judge);
    if (!this.#ring.full) return;
    this.#ring = new Ring(now);
    this.#flows.resetTotal();
  }

  /** What it tried since the last time; refusals among it that no log tells. */
  tried(list: readonly Tried[], now: number): void {
    const before = this.#tried;
    this.#tried = new Map(list.map((it) => [triedKey(it), it.packets]));
    for (const it of list) {
      const known = before.get(triedKey(it)) ?? 0;
      // Fewer than before: it was forgotten and tried again.
      if (it.packets === known) continue;
      const name = this.#questions.nameOf(it.address);
      const denial = this.#judge.ofAttempt(it.address, it.port, name);
      if (denial?.verdict !== 'denied') continue;
      // Where an address alone is refused, whose address it may be does not matter.
      const host = denial.rule === RULES.bareAddress ? it.address : (name ?? it.address);
      this.#attempts += 1;
      const at = new Date(now).toISOString();
      this.#ring.flow({
        ...{ id: `tried-${this.#attempts}`, network: it.network, host, port: it.port },
        ...{ address: isStandIn(it.address) ? null : it.address, rule: denial.rule, verdict: 'denied' },
        ...{ startedAt: at, endedAt: at, rxBytes: 0, txBytes: 0 },
      });
    }
  }

  /** Another policy, for what is told from now on. */
  judgeBy(judge: Judge): void {
    this.#judge = judge;
  }
  endAll(now: number): void {
    this.#flows.endAll(now);
  }
  /** Nothing of what it was told so far is told on: it happened before this agent began to look. */
  forgetPast(): void {
    this.#ring = new Ring();
    this.#flows.resetTotal();
  }
  lose(): void {
    this.#ring.lose();
  }
  get openCount(): number {
    return this.#flows.size;
  }

  since(cursor: number): Traffic {
    return {
      ...this.#ring.since(cursor),
      ...this.#flows.total,
      open: this.#flows.open(OPEN_TOLD, this.#judge),
    };
  }
}
const triedKey = ({ network, address, port }: Tried) => `${network} ${address} ${port}`;
