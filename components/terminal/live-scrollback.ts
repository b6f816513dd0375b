import type { Terminal } from '@xterm/xterm';
import { ScrollbackTruth } from './scrollback-truth';

/** tmux draws its first screen within milliseconds of an attach; history and screen then replace the old in one go. */
const FIRST_SCREEN_MS = 60;
/** More than any screen: what comes beyond it is a program's output, and is not held back. */
const HELD_MAX_BYTES = 512 * 1024;

interface Place {
  /** Lines below what is looked at. */
  fromBottom: number;
  selected: { text: string; x: number; fromBottom: number; length: number } | null;
}

interface Held {
  chunks: Uint8Array[];
  bytes: number;
  parsed: (() => void)[];
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Keeps the scrollback complete. When it may have holes, and somebody leaves the bottom or searches, the session is
 * attached anew: its history comes from tmux, and what was under the eye stays there. Only then: the gateway cannot
 * know who looks, and a history after each burst would cost more than the burst.
 */
export class LiveScrollback {
  readonly #terminal: Terminal;
  readonly #resync: () => boolean;
  readonly #truth = new ScrollbackTruth();
  #held: Held | null = null;
  #place: Place | null = null;
  /** Up there a second time it is asked again, not before: a page that is read must not move. */
  #away = false;
  #seen = false;
  #base = 0;

  /** `resync` attaches anew and tells if it could; history and output are then given to this object as always. */
  constructor(terminal: Terminal, resync: () => boolean) {
    this.#terminal = terminal;
    this.#resync = resync;
    this.#observe();
    terminal.onRender(() => this.#look());
  }

  /** Before the scrollback is searched. */
  complete(): void {
    if (this.#truth.dirty && !this.#held) this.#resync();
  }

  history(bytes: Uint8Array): void {
    // It makes what is held void; on the same socket that must be acknowledged all the same.
    for (const it of this.#held?.parsed ?? []) it();
    this.#drop();
    if (!this.#seen) {
      this.#seen = true;
      this.#terminal.write(bytes);
      return;
    }
    const timer = setTimeout(() => this.#flush(), FIRST_SCREEN_MS);
    this.#held = { chunks: [bytes], bytes: 0, parsed: [], timer };
  }

  output(bytes: Uint8Array, parsed: () => void): void {
    const held = this.#held;
    if (!held) {
      this.#terminal.write(bytes, parsed);
      return;
    }
    held.chunks.push(bytes);
    held.bytes += bytes.length;
    held.parsed.push(parsed);
    if (held.bytes > HELD_MAX_BYTES) this.#flush();
  }

  close(): void {
    this.#drop();
  }

  #drop(): void {
    clearTimeout(this.#held?.timer);
    this.#held = null;
  }

  /** One write: xterm.js parses it within one task, so that no frame shows the reset in between. */
  #flush(): void {
    const held = this.#held;
    if (!held) return;
    this.#drop();
    const all = new Uint8Array(held.chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of held.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#terminal.write(all, () => {
      this.#restore();
      for (const it of held.parsed) it();
    });
  }

  #look(): void {
    const { viewportY, baseY, type } = this.#terminal.buffer.active;
    const away = type === 'normal' && viewportY < baseY;
    const left = away && !this.#away;
    this.#away = away;
    if (left) this.complete();
  }

  #remember(): void {
    const terminal = this.#terminal;
    const { viewportY, baseY } = terminal.buffer.normal;
    const range = terminal.getSelectionPosition();
    this.#place = {
      fromBottom: baseY - viewportY,
      selected: range
        ? {
            text: terminal.getSelection(),
            x: range.start.x,
            fromBottom: baseY - range.start.y,
            length: (range.end.y - range.start.y) * terminal.cols + range.end.x - range.start.x,
          }
        : null,
    };
  }

  #restore(): void {
    const place = this.#place;
    this.#place = null;
    if (!place) return;
    const terminal = this.#terminal;
    const { baseY } = terminal.buffer.normal;
    const { selected, fromBottom } = place;
    if (selected && selected.fromBottom <= baseY) {
      terminal.select(selected.x, baseY - selected.fromBottom, selected.length);
      if (terminal.getSelection() !== selected.text) terminal.clearSelection();
    }
    if (fromBottom > 0) terminal.scrollToLine(Math.max(0, baseY - fromBottom));
  }

  /** Watches the byte stream as it is parsed; every handler leaves the sequence to xterm.js itself. */
  #observe(): void {
    const { parser, buffer } = this.#terminal;
    const truth = this.#truth;
    const placed = (row: number) => {
      if (buffer.active.type === 'normal') truth.placed(Math.max(0, row), this.#terminal.rows);
      return false;
    };
    const first = (params: (number | number[])[]) => Math.max(1, Number(params[0] ?? 1));
    // RIS: the head of a history. tmux keeps a program's own to itself.
    parser.registerEscHandler({ final: 'c' }, () => {
      this.#remember();
      truth.restart();
      this.#base = 0;
      return false;
    });
    for (const final of ['H', 'f', 'd'])
      parser.registerCsiHandler({ final }, (params) => placed(first(params) - 1));
    for (const final of ['A', 'F'])
      parser.registerCsiHandler({ final }, (params) => placed(buffer.active.cursorY - first(params)));
    parser.registerEscHandler({ final: 'M' }, () => placed(buffer.active.cursorY - 1));
    this.#terminal.onWriteParsed(() => truth.rested(buffer.active.cursorY, this.#terminal.rows));
    this.#terminal.onLineFeed(() => {
      if (buffer.active.type !== 'normal') return;
      const { baseY } = buffer.normal;
      // A full buffer grows no more: there every line feed is taken for a scroll.
      if (baseY !== this.#base || baseY === this.#terminal.options.scrollback)
        truth.scrolled(this.#terminal.rows);
      this.#base = baseY;
    });
  }
}
