/**
 * What was typed and not yet confirmed by the server, with its place in the stream of all bytes ever typed in this
 * terminal. After a reconnect the bytes from the server's count on are sent again: none is lost, none comes twice.
 */

/** Kept at most, in bytes: more than any paste a person makes; beyond it new input is refused and said so. */
export const UNCONFIRMED_MAX_BYTES = 8 * 1024 * 1024;

export class UnconfirmedInput {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #confirmed = 0;

  /** Bytes of this terminal's input that are known to have reached the pty. */
  get confirmed(): number {
    return this.#confirmed;
  }

  get size(): number {
    return this.#size;
  }

  /** False when there is no room: then nothing of it is kept. */
  append(bytes: Uint8Array): boolean {
    if (this.#size + bytes.length > UNCONFIRMED_MAX_BYTES) return false;
    if (bytes.length > 0) this.#chunks.push(bytes);
    this.#size += bytes.length;
    return true;
  }

  /** Forgets what lies before `total`. An older count than the known one says nothing new. */
  confirm(total: number): void {
    let gone = Math.min(total - this.#confirmed, this.#size);
    if (gone <= 0) return;
    this.#confirmed += gone;
    this.#size -= gone;
    while (gone > 0) {
      const first = this.#chunks[0];
      if (!first) return;
      if (first.length > gone) {
        this.#chunks[0] = first.subarray(gone);
        return;
      }
      gone -= first.length;
      this.#chunks.shift();
    }
  }

  pending(): readonly Uint8Array[] {
    return this.#chunks;
  }
}
