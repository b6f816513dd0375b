import type { Frame, FrameKind } from '../../shared/frames';
import { holds } from './gist';

export interface FrameFilter {
  /** Null: all kinds. */
  kinds: ReadonlySet<FrameKind> | null;
  text: string;
}

/**
 * The frames that pass a filter, kept up as frames come: only what is new is looked at, as a session has many
 * thousands and they come a hundred times a second. A new filter or older frames make it look at all again.
 */
export class FrameWindow {
  readonly shown: Frame[] = [];
  #filter: FrameFilter = { kinds: null, text: '' };
  #firstSeq = 0;
  #lastSeq = 0;

  /** `until`: frames after this seq are left for later. Returns the frames to show, the same list while it only grows. */
  update(frames: readonly Frame[], filter: FrameFilter, until: number): readonly Frame[] {
    const first = frames[0]?.seq ?? 0;
    const same = filter.kinds === this.#filter.kinds && filter.text === this.#filter.text;
    const last = Math.min(until, frames.at(-1)?.seq ?? 0);
    if (!same || first < this.#firstSeq || last < this.#lastSeq || this.#firstSeq === 0) {
      this.shown.length = 0;
      this.#lastSeq = 0;
    } else if (first > this.#firstSeq) {
      const stays = this.shown.findIndex((it) => it.seq >= first);
      this.shown.splice(0, stays < 0 ? this.shown.length : stays);
    }
    this.#filter = filter;
    this.#firstSeq = first;
    let at = frames.length;
    while (at > 0 && (frames[at - 1]?.seq ?? 0) > this.#lastSeq) at--;
    for (const frame of frames.slice(at)) {
      if (frame.seq > until) break;
      this.#lastSeq = frame.seq;
      if ((!filter.kinds || filter.kinds.has(frame.kind)) && holds(frame, filter.text))
        this.shown.push(frame);
    }
    return this.shown;
  }
}

/** Where a seq is in the list, or where the next one after it is; -1 past the end. Binary search. */
export function indexOfSeq(frames: readonly Frame[], seq: number): number {
  let low = 0;
  let high = frames.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((frames[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low < frames.length ? low : -1;
}
