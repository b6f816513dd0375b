import { type LiveEvent, liveEventSchema } from '../../shared/views';

export type FeedState = 'connecting' | 'live' | 'offline';

/** The browser gives up on an EventSource after an HTTP error; we start a new one after this long, in ms. */
const RESTART_MS = { first: 1_000, most: 30_000 } as const;

interface FeedHandlers {
  onEvent(event: LiveEvent): void;
  onState(state: FeedState): void;
  /** Events may have been missed: everything on the screen has to be fetched anew. */
  onGap(): void;
  /** The server refused the stream: the sign-in may have ended. */
  onRefused(): void;
}

/**
 * One EventSource that lives as long as the page. The browser itself reconnects a broken stream with
 * `Last-Event-ID`; only a stream that it closed for good (HTTP error) is replaced here, with a gap told.
 */
export class LiveFeed {
  readonly #url: string;
  readonly #handlers: FeedHandlers;
  #source: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #restartMs: number = RESTART_MS.first;
  #replaced = false;

  constructor(url: string, handlers: FeedHandlers) {
    this.#url = url;
    this.#handlers = handlers;
    window.addEventListener('online', this.#again);
    document.addEventListener('visibilitychange', this.#again);
    this.#open();
  }

  close(): void {
    window.removeEventListener('online', this.#again);
    document.removeEventListener('visibilitychange', this.#again);
    if (this.#timer) clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #again = () => {
    if (document.visibilityState !== 'visible' || this.#source?.readyState !== EventSource.CLOSED) return;
    this.#open();
  };

  #open(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(this.#url);
    this.#source = source;
    source.onopen = () => {
      this.#restartMs = RESTART_MS.first;
      this.#handlers.onState('live');
      if (this.#replaced) this.#handlers.onGap();
      this.#replaced = false;
    };
    source.onerror = () => {
      this.#handlers.onState(navigator.onLine ? 'connecting' : 'offline');
      if (source.readyState !== EventSource.CLOSED) return;
      this.#replaced = true;
      this.#handlers.onRefused();
      this.#timer = setTimeout(() => this.#open(), this.#restartMs);
      this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MS.most);
    };
    source.onmessage = (message: MessageEvent<string>) => this.#receive(message.data);
    source.addEventListener('reset', () => this.#handlers.onGap());
  }

  #receive(text: string): void {
    try {
      const event = liveEventSchema.safeParse(JSON.parse(text));
      if (event.success) this.#handlers.onEvent(event.data);
      else this.#handlers.onGap();
    } catch {
      this.#handlers.onGap();
    }
  }
}
