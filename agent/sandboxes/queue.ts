/**
 * One piece of work at a time per sandbox; the next waits. A waiter that is aborted leaves the queue at once and
 * never runs.
 */
export class WorkQueue {
  readonly #tails = new Map<string, Promise<void>>();

  busy(id: string): boolean {
    return this.#tails.has(id);
  }

  async run<T>(id: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(id) ?? Promise.resolve();
    let leave = () => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const tail = before.then(() => left);
    this.#tails.set(id, tail);
    tail.then(() => {
      if (this.#tails.get(id) === tail) this.#tails.delete(id);
    });
    try {
      await aborted(before, signal);
      signal.throwIfAborted();
      return await work();
    } finally {
      leave();
    }
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}

function aborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}
