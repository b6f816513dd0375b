/** What a sandbox tells is held only so far: its root may put another sandboxd in the place of ours, which never ends. */
import { AppError } from '../../../shared/errors';
import { JOURNAL_MAX_BYTES } from '../../../shared/sandboxd-limits';

/** Characters of lines. A whole journal, and what is written while it is read. */
const TOLD_MAX_CHARS = JOURNAL_MAX_BYTES + 16 * 1024 * 1024;

/** Asking again would not help, as it does where the way to a sandbox is broken. */
export class ToldTooMuch extends AppError {
  constructor() {
    super('unavailable', 'The sandbox told more than a session holds.');
  }
}

/** Counts what is held of a sandbox's lines. */
export class Told {
  #chars = 0;
  /** What of them was held at the last `forget`. */
  #before = 0;

  /** The line. Throws when it is one too many. */
  take(line: string): string {
    this.#chars += line.length;
    if (this.#chars > TOLD_MAX_CHARS) throw new ToldTooMuch();
    return line;
  }

  /** Held is no more than what came since this was called last. */
  forget(): void {
    this.#chars -= this.#before;
    this.#before = this.#chars;
  }
}

/** Work for one key after the other: what one sandbox makes us hold is held once, however often it is asked for. */
export class OneByOne {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const own = (async () => {
      await before?.catch(() => {});
      return await work();
    })();
    this.#last.set(key, own);
    try {
      return await own;
    } finally {
      if (this.#last.get(key) === own) this.#last.delete(key);
    }
  }
}
