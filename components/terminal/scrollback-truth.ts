/**
 * Can the scrollback of this terminal be believed? tmux draws what is on the screen in the end: lines that were
 * printed and scrolled off within one read of the program's output it never sends (screen_write_collect_scroll), it
 * only scrolls by as many line feeds. Only its own history then has them.
 *
 * What it does send looks alike each time: line feeds at the bottom, then the rows that are new. A line was skipped
 * only if the rows that are new reach up to the top of the screen. Asked here is for less, the upper half of it: it
 * costs one attach too many now and then, and never a line.
 */
export class ScrollbackTruth {
  #dirty = false;
  #scrolled = false;
  #drawn = false;
  #upper = false;
  #run = 0;

  get dirty(): boolean {
    return this.#dirty;
  }

  /** A new history begins. Its own line feeds count for nothing: tmux places its cursor first thing after it. */
  restart(): void {
    this.#dirty = this.#scrolled = this.#drawn = this.#upper = false;
    this.#run = 0;
  }

  /** The cursor was put on a row, counted from 0. */
  placed(row: number, rows: number): void {
    this.#drawn = true;
    this.#run = 0;
    if (this.#scrolled && row < rows / 2) this.#dirty = true;
  }

  /** Where the cursor rests when all that came is parsed: what comes next is printed from there. */
  rested(row: number, rows: number): void {
    this.#upper = row < rows / 2;
  }

  /** One line went off the top. So many in one go that new lines may be among them need no redraw: blank rows have none. */
  scrolled(rows: number): void {
    if (!this.#drawn) return;
    this.#scrolled = true;
    this.#run++;
    if (this.#upper || this.#run >= rows / 2) this.#dirty = true;
  }
}
