import { type DnsQuestion, type Flow, TRAFFIC_EPOCH, type Traffic } from '../../shared/traffic';

/** Ended flows and questions that are kept for who comes later: some 1.5 MB for a sandbox that fills it. */
export const RING_MAX = 4096;

/** Null: something happened that cannot be told. */
type Entry = { flow: Flow } | { question: DnsQuestion } | null;
type Since = Pick<Traffic, 'cursor' | 'missed' | 'ended' | 'questions'>;

/**
 * What happened last, by number. Numbers begin at the second in which the ring was made, so one of an earlier agent is
 * told apart and never met again.
 */
export class Ring {
  readonly #base: number;
  #entries: Entry[] = [];
  /** Number of the newest. */
  #count = 0;

  constructor(now = Date.now()) {
    this.#base = Math.floor(now / 1000) * TRAFFIC_EPOCH;
  }

  /** Its numbers are used up: a new one must begin. */
  get full(): boolean {
    return this.#count >= TRAFFIC_EPOCH - 1;
  }

  flow(flow: Flow): void {
    this.#push({ flow });
  }
  question(question: DnsQuestion): void {
    this.#push({ question });
  }
  lose(): void {
    this.#push(null);
  }

  /** `cursor`: what was returned last; 0, or one of an earlier ring, asks for all there is. */
  since(cursor: number): Since {
    const asked = cursor - this.#base;
    const from = asked >= 0 && asked <= this.#count ? asked : 0;
    const kept = this.#entries.slice(-RING_MAX);
    const first = this.#count - kept.length;
    const wanted = kept.slice(Math.max(from - first, 0));
    const missed = Math.max(first - from, 0) + wanted.filter((it) => it === null).length;
    return {
      cursor: this.#base + this.#count,
      // Who asks for what there is has missed nothing.
      missed: cursor === 0 ? 0 : missed,
      ended: wanted.flatMap((it) => (it !== null && 'flow' in it ? [it.flow] : [])),
      questions: wanted.flatMap((it) => (it !== null && 'question' in it ? [it.question] : [])),
    };
  }

  #push(entry: Entry): void {
    if (this.full) return;
    this.#entries.push(entry);
    this.#count += 1;
    // Cut now and then: cutting each time would copy all of it each time.
    if (this.#entries.length >= 2 * RING_MAX) this.#entries = this.#entries.slice(-RING_MAX);
  }
}
