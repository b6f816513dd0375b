/** The transcripts of one session: the main agent's, another one after /clear, and one of each subagent. */
import type { Recorder } from './recorder';
import { readTranscriptLine, type TranscriptNews } from './transcript-lines';
import { type LineTail, tailLines } from './transcript-tail';

/** Whoever waits for a transcript waits so long at most. */
const CATCH_UP_MS = 250;

interface Options {
  read: (news: TranscriptNews, agent: string | undefined) => void;
  /** A line has been read to its end. */
  done: () => void;
  onError: (error: unknown) => void;
}

export class Transcripts {
  /** By agent; '' is the main one. */
  readonly #tails = new Map<string, { path: string; tail: LineTail }>();
  readonly #offsets: Recorder['offsets'];
  readonly #options: Options;

  constructor(recorder: Recorder, options: Options) {
    this.#offsets = recorder.offsets;
    this.#options = options;
    const { transcript } = recorder.state;
    if (transcript !== null) this.follow(undefined, transcript);
  }

  /** Reads all that there is now. */
  async pull(): Promise<void> {
    await Promise.all([...this.#tails.values()].map((it) => it.tail.pull()));
  }

  /** The same, and gives up when it takes long: a hook is held meanwhile. */
  async catchUp(agent?: string): Promise<void> {
    const pulled = agent === undefined ? this.pull() : this.#tails.get(agent)?.tail.pull();
    await Promise.race([pulled, new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS).unref())]);
  }

  follow(agent: string | undefined, path: string): void {
    const key = agent ?? '';
    const present = this.#tails.get(key);
    if (present?.path === path) return void present.tail.pull();
    // What the old one still holds has been written before /clear was answered.
    if (present) void present.tail.pull().then(() => present.tail.close());
    const tail = tailLines({
      path,
      offset: this.#offsets[path] ?? 0,
      take: (line, offset) => {
        for (const news of readTranscriptLine(line)) this.#options.read(news, agent);
        this.#offsets[path] = offset;
        this.#options.done();
      },
      onError: this.#options.onError,
    });
    this.#tails.set(key, { path, tail });
    void tail.pull();
  }

  close(): void {
    for (const { tail } of this.#tails.values()) tail.close();
  }
}
