/**
 * What each browser terminal has typed, so that a reconnect neither loses nor doubles a byte. Positions are byte
 * counts since the client was made. `confirmed` <= `written`: the bytes between went into an SSH channel and sshd has
 * not answered yet; they are kept, as a channel that dies then takes them along.
 *
 * What cannot be known: whether sshd had taken those last bytes when its connection broke (a round trip, about 1 ms,
 * of typing). They are written again: on a dead path none of them arrived.
 */
/** Longer than a laptop's lid is shut in passing; after that the browser's own count decides. */
export const LEDGER_KEEP_MS = 10 * 60_000;
/** A record weighs some 200 bytes. */
const LEDGER_RECORDS_MAX = 10_000;

export interface LedgerOwner {
  /** Another socket of the same client takes the record: give up what is open, now. */
  supersede(): void;
}

export class InputRecord {
  /** Whoever holds it now; a newer socket of the same client takes it over. */
  owner: LedgerOwner | null = null;
  written: number;
  confirmed: number;
  releasedAt = 0;
  #kept: Buffer[] = [];
  /** Ends when what an earlier socket wrote is confirmed or its channel is gone. */
  settled: Promise<void> = Promise.resolve();

  constructor(offset: number) {
    this.written = offset;
    this.confirmed = offset;
  }

  get unconfirmedBytes(): number {
    return this.written - this.confirmed;
  }

  wrote(data: Buffer): void {
    this.#kept.push(data);
    this.written += data.length;
  }

  /** sshd took everything up to `position`. */
  confirm(position: number): void {
    while (this.confirmed < position) {
      const first = this.#kept[0];
      if (first === undefined) break;
      const taken = Math.min(first.length, position - this.confirmed);
      this.confirmed += taken;
      if (taken === first.length) this.#kept.shift();
      else this.#kept[0] = first.subarray(taken);
    }
  }

  /** The bytes to write again on a new channel. */
  unconfirmed(): readonly Buffer[] {
    return this.#kept;
  }

  /** Nobody is here to write them again: the browser will, from `written` on. */
  rewind(): void {
    this.#kept = [];
    this.written = this.confirmed;
  }
}

export class InputLedger {
  readonly #records = new Map<string, InputRecord>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The record of this client, now owned by `owner`. An unknown client starts at `offset`, as its browser says. */
  take(key: string, offset: number, owner: LedgerOwner): InputRecord {
    const known = this.#records.get(key);
    const record = known ?? new InputRecord(offset);
    // Newest last, so that the oldest are found first.
    this.#records.delete(key);
    this.#records.set(key, record);
    record.owner?.supersede();
    record.owner = owner;
    if (!known) this.#sweep();
    return record;
  }

  release(record: InputRecord, owner: LedgerOwner): void {
    if (record.owner !== owner) return;
    record.owner = null;
    record.releasedAt = this.#now();
  }

  get size(): number {
    return this.#records.size;
  }

  #sweep(): void {
    const old = this.#now() - LEDGER_KEEP_MS;
    for (const [key, record] of this.#records) {
      if (record.owner !== null) continue;
      const over = this.#records.size > LEDGER_RECORDS_MAX;
      if (over || record.releasedAt < old) this.#records.delete(key);
    }
  }
}
