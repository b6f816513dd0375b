/** Cuts an NDJSON byte stream into parsed values. Eats bytes, knows no socket. */
import { AppError } from '../shared/errors';

/** One event of the agent. A full `observed` is under 2 KB; this bounds a broken peer, not a real answer. */
export const AGENT_LINE_MAX_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

export class LineParser {
  #parts: Buffer[] = [];
  #length = 0;
  readonly #onValue: (value: unknown) => void;

  constructor(onValue: (value: unknown) => void) {
    this.#onValue = onValue;
  }

  /** Throws AppError `agent_failed` for a line that is too long or not JSON. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#emit();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** A last line without its newline counts too. */
  end(): void {
    this.#emit();
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#length += part.length;
    if (this.#length > AGENT_LINE_MAX_BYTES)
      throw new AppError('agent_failed', 'The host agent sent a line that is too long.');
    this.#parts.push(part);
  }

  #emit(): void {
    if (this.#length === 0) return;
    const line = Buffer.concat(this.#parts, this.#length).toString('utf8');
    this.#parts = [];
    this.#length = 0;
    if (line.trim() === '') return;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new AppError('agent_failed', 'The host agent sent something that is not JSON.', { cause });
    }
    this.#onValue(value);
  }
}
