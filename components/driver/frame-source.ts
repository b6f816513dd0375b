/** The frames of a session in this tab: read once over one connection, for whichever views of it are shown. */
import { Conversation } from '../../shared/conversation';
import type { Frame } from '../../shared/frames';
import { backOffMs } from '../terminal/back-off';
import { FrameHistory } from './frame-history';
import { readFrames, StreamRefused } from './frame-reader';
import type { CallFailure } from './session-calls';

/** Kept as they came, newest last; older ones are in the conversation already, or can be read again. */
export const FRAMES_KEPT = 20_000;
/** Trimmed by so many at a time, so that it is cheap. */
const TRIM = 2_000;
/** Folding may take so long of a frame that the page stays smooth, in ms. */
const FOLD_MS = 10;
/** A stream that has said nothing for so long has told all there is, in ms. */
const CAUGHT_UP_MS = 150;
/** A tab that nobody looks at gives its connection back: browsers open six to one host over HTTP/1.1. In ms. */
const HIDDEN_LINGER_MS = 20_000;
/** Between one view's leaving and the next one's coming, in ms. */
const RELEASE_MS = 3_000;
/** What nobody has looked at for so long is forgotten, in ms. */
const FORGET_MS = 600_000;
const HIDDEN_FLUSH_MS = 250;
/** The server hears the sandbox's heartbeat every ten seconds and passes it on; this is two of them missed, in ms. */
const SILENCE_MAX_MS = 30_000;
/** A session that its sandbox knows nothing of for longer than this will not come any more, and how often it is asked. */
const STARTING = { mostMs: 90_000, everyMs: 700 } as const;

export type SourceState =
  | { kind: 'loading' }
  /** The sandbox has not heard of the session yet: Claude Code tells of itself when it is up. */
  | { kind: 'starting' }
  | { kind: 'live' }
  | { kind: 'reconnecting'; reason: string; retryAt: number | null }
  /** The sandbox does not run: `turns` of the API still tell its history. */
  | { kind: 'stopped' }
  | { kind: 'failed'; failure: CallFailure };

export class FrameSource {
  readonly session: string;
  readonly conversation = new Conversation();
  /** What was read again of earlier, oldest first; each a stretch of the journal that ends where the next begins. */
  readonly earlier: Conversation[] = [];
  /** At most FRAMES_KEPT, newest last. */
  readonly frames: Frame[] = [];
  state: SourceState = { kind: 'loading' };
  /** Rises with every change of anything here. */
  version = 0;
  /** All of the journal is here. */
  complete = false;
  loadingEarlier = false;
  /** The browser's clock less the sandbox's, in ms; at least the way between them too long. */
  clockOffset = 0;

  readonly #listeners = new Set<() => void>();
  readonly #pending: Frame[] = [];
  #pendingAt = 0;
  #reading: AbortController | null = null;
  #failures = 0;
  #startingSince: number | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #quietTimer: ReturnType<typeof setTimeout> | undefined;
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #forgetTimer: ReturnType<typeof setTimeout> | undefined;
  #flushing = false;
  #offsetKnown = false;
  readonly #history: FrameHistory;

  constructor(session: string, options: { finishedTurns: number }) {
    this.session = session;
    this.#history = new FrameHistory(session, options.finishedTurns);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    sources.set(this.session, this);
    if (this.#listeners.size === 1) this.#begin();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#releaseSoon();
    };
  };

  /** Tries at once, whatever the state. */
  retry = (): void => {
    this.#failures = 0;
    this.#startingSince = null;
    if (this.state.kind !== 'live') this.#connect();
  };

  /** Resolves when frames come, at once when they do already; rejects with the signal. */
  ready(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.state.kind === 'live') end(resolve);
      };
      const unsubscribe = this.subscribe(look);
      const end = (how: () => void) => {
        unsubscribe();
        signal.removeEventListener('abort', refuse);
        how();
      };
      const refuse = () => end(() => reject(signal.reason));
      signal.addEventListener('abort', refuse);
      look();
    });
  }

  /** A stretch of the journal, both ends included: for views that go further back than `frames` does. */
  async readRange(from: number, to: number, signal: AbortSignal): Promise<Frame[]> {
    const ended = new AbortController();
    const out: Frame[] = [];
    for await (const batch of readFrames(this.session, {
      from: from - 1,
      signal: AbortSignal.any([signal, ended.signal]),
    })) {
      for (const frame of batch) {
        if (frame.seq <= to) out.push(frame);
        if (frame.seq >= to) return out;
      }
    }
    return out;
  }

  /** Reads the turns before the first one that is here. */
  loadEarlier = async (): Promise<void> => {
    const before = (this.earlier[0] ?? this.conversation).firstSeq;
    if (this.loadingEarlier || this.complete || before <= 1) return;
    this.loadingEarlier = true;
    this.#changed();
    try {
      const from = await this.#history.boundaryBefore(before);
      const frames = await this.readRange(from, before - 1, AbortSignal.timeout(SILENCE_MAX_MS));
      const stretch = new Conversation();
      for (const frame of frames) stretch.apply(frame);
      if (frames.length > 0) this.earlier.unshift(stretch);
      this.complete = from <= 1 || frames[0]?.kind === 'gap' || frames.length === 0;
    } catch {
      // The person scrolls up again.
    } finally {
      this.loadingEarlier = false;
      this.#changed();
    }
  };

  // --- the connection

  #begin(): void {
    clearTimeout(this.#retryTimer);
    document.addEventListener('visibilitychange', this.#visibility);
    window.addEventListener('online', this.retry);
    if (!this.#reading) this.#connect();
  }

  #releaseSoon(): void {
    clearTimeout(this.#forgetTimer);
    this.#forgetTimer = setTimeout(() => {
      if (this.#listeners.size === 0) sources.delete(this.session);
    }, FORGET_MS);
    setTimeout(() => {
      if (this.#listeners.size > 0) return;
      document.removeEventListener('visibilitychange', this.#visibility);
      window.removeEventListener('online', this.retry);
      this.#disconnect();
    }, RELEASE_MS);
  }

  #visibility = (): void => {
    clearTimeout(this.#hiddenTimer);
    if (document.visibilityState === 'hidden')
      this.#hiddenTimer = setTimeout(() => this.#disconnect(), HIDDEN_LINGER_MS);
    else if (!this.#reading && this.#listeners.size > 0) this.#connect();
  };

  #disconnect(): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#quietTimer);
    clearTimeout(this.#silenceTimer);
    this.#reading?.abort();
    this.#reading = null;
  }

  #connect(): void {
    this.#disconnect();
    const reading = new AbortController();
    this.#reading = reading;
    if (this.state.kind === 'failed' || this.state.kind === 'stopped') this.#set({ kind: 'loading' });
    void this.#read(reading.signal).then(
      () => this.#lost(reading, null),
      (thrown: unknown) => this.#lost(reading, thrown),
    );
  }

  async #read(signal: AbortSignal): Promise<void> {
    const known = this.#pending.at(-1)?.seq ?? this.conversation.lastSeq;
    const from = known > 0 ? known : (await this.#history.start(signal)) - 1;
    if (known === 0) this.complete = from <= 0;
    const alive = () => {
      clearTimeout(this.#silenceTimer);
      this.#silenceTimer = setTimeout(() => this.#connect(), SILENCE_MAX_MS);
    };
    const quiet = () => {
      clearTimeout(this.#quietTimer);
      if (this.state.kind !== 'live') this.#quietTimer = setTimeout(() => this.#caughtUp(), CAUGHT_UP_MS);
    };
    const onOpen = () => {
      quiet();
      alive();
    };
    for await (const frames of readFrames(this.session, { from, signal, onOpen })) {
      this.#failures = 0;
      alive();
      if (frames.length === 0) continue;
      this.#pending.push(...frames);
      this.#noteClock(frames);
      this.#schedule();
      quiet();
    }
  }

  #lost(reading: AbortController, thrown: unknown): void {
    if (reading !== this.#reading || reading.signal.aborted) return;
    this.#disconnect();
    const failure = thrown instanceof StreamRefused ? thrown.failure : null;
    if (failure?.code === 'not_found' && this.conversation.lastSeq === 0) {
      this.#startingSince ??= Date.now();
      if (Date.now() - this.#startingSince < STARTING.mostMs) {
        this.#retryTimer = setTimeout(() => this.#connect(), STARTING.everyMs);
        if (this.state.kind !== 'starting') this.#set({ kind: 'starting' });
        return;
      }
    }
    if (failure && !['unavailable', 'internal'].includes(failure.code)) {
      this.#set(failure.code === 'sandbox_not_running' ? { kind: 'stopped' } : { kind: 'failed', failure });
      return;
    }
    const wait = backOffMs(this.#failures++, Math.random());
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
    this.#set({
      kind: 'reconnecting',
      reason: failure?.title ?? 'The connection was lost.',
      retryAt: Date.now() + wait,
    });
  }

  #caughtUp(): void {
    if (this.#pendingAt < this.#pending.length) {
      this.#quietTimer = setTimeout(() => this.#caughtUp(), CAUGHT_UP_MS);
      return;
    }
    this.#set({ kind: 'live' });
  }

  #noteClock(frames: readonly Frame[]): void {
    const last = frames.at(-1);
    if (!last) return;
    const offset = Date.now() - Date.parse(last.ts);
    this.clockOffset = this.#offsetKnown ? Math.min(this.clockOffset, offset) : offset;
    this.#offsetKnown = true;
  }

  // --- folding

  #schedule(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // A hidden page gets no animation frames.
    if (document.visibilityState === 'hidden') setTimeout(this.#fold, HIDDEN_FLUSH_MS);
    else requestAnimationFrame(this.#fold);
  }

  #fold = (): void => {
    this.#flushing = false;
    const until = performance.now() + FOLD_MS;
    while (this.#pendingAt < this.#pending.length && performance.now() < until) {
      const frame = this.#pending[this.#pendingAt++];
      if (frame && this.conversation.apply(frame)) this.frames.push(frame);
    }
    if (this.#pendingAt >= this.#pending.length) {
      this.#pending.length = 0;
      this.#pendingAt = 0;
    } else this.#schedule();
    if (this.frames.length > FRAMES_KEPT) this.frames.splice(0, this.frames.length - FRAMES_KEPT + TRIM);
    // What is replayed is drawn once it is there, not as it runs by.
    if (this.state.kind !== 'loading') this.#changed();
  };

  #set(state: SourceState): void {
    this.state = state;
    this.#changed();
  }

  #changed(): void {
    this.version++;
    for (const listener of this.#listeners) listener();
  }
}

const sources = new Map<string, FrameSource>();

/** The tab's one source of this session; it reads while somebody is subscribed, and remembers what it read. */
export function frameSource(session: { id: string; live: { turns: number } | null }): FrameSource {
  const known = sources.get(session.id);
  if (known) return known;
  const made = new FrameSource(session.id, { finishedTurns: session.live?.turns ?? 0 });
  sources.set(session.id, made);
  return made;
}
