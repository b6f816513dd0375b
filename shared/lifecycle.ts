/** Something that was opened and has to be closed. */
export interface Closeable {
  close(): void | Promise<void>;
}

/**
 * Owns what was opened, closes it in reverse order and goes on past errors (which it returns). Node 20 has no
 * AsyncDisposableStack; this is the part of it that we need.
 */
export class Scope implements Closeable {
  #entries: { name: string; close: () => void | Promise<void> }[] = [];
  #closing: Promise<Error[]> | undefined;

  /** Registers `close` under a name for the log and returns `value`. Throws when the scope is already closed. */
  add<T>(name: string, value: T, close: (value: T) => void | Promise<void>): T {
    if (this.#closing) throw new Error(`scope is closed, cannot add ${name}`);
    this.#entries.push({ name, close: () => close(value) });
    return value;
  }

  own<T extends Closeable>(name: string, value: T): T {
    return this.add(name, value, (it) => it.close());
  }

  async close(): Promise<void> {
    await this.closeAll();
  }

  /** Closes everything once, newest first. */
  closeAll(): Promise<Error[]> {
    this.#closing ??= (async () => {
      const errors: Error[] = [];
      for (const entry of this.#entries.reverse()) {
        try {
          await entry.close();
        } catch (cause) {
          errors.push(new Error(`closing ${entry.name} failed`, { cause }));
        }
      }
      this.#entries = [];
      return errors;
    })();
    return this.#closing;
  }
}
