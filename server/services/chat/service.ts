/** A session as a conversation, for programs: its frames and messages from the journal, and prompts with their answer. */
import { randomUUID } from 'node:crypto';
import { type Change, type Message, MessageList, type Slim, slim } from '../../../shared/chat-shapes';
import { AppError } from '../../../shared/errors';
import type { Frame } from '../../../shared/frames';
import type { Db, Identity, SandboxAccess } from '../../contracts';
import type { Frames } from '../frames/service';
import { OneByOne, Told, ToldTooMuch } from './told';

/** One answer of `transcript`; the rest is asked for with its `last_seq`. */
export const TRANSCRIPT_FRAMES_MAX = 10_000;
/** The same; a frame may be nearly a megabyte. */
const TRANSCRIPT_MAX_CHARS = 16 * 1024 * 1024;
/** How long `send` waits unless it is told, and at most. */
export const SEND_DEFAULT_MS = 60_000;
export const SEND_MAX_MS = 300_000;
/** While the way to the sandbox is broken. */
const AGAIN_MS = 500;

export interface Answer {
  session: string;
  last_seq: number;
  /** The turn of the prompt; null while it waits in the queue. */
  turn: number | null;
  messages: Slim[];
  /** The session has ended. */
  closed: boolean;
  /** The time was over before the turn was: it goes on. */
  partial: boolean;
}

export interface Chat {
  transcript(
    identity: Identity,
    input: { id: string; from: number; limit: number },
  ): Promise<{ frames: Frame[]; lastSeq: number; more: boolean }>;
  /**
   * Messages that have changed after `since`. `fromHistory`: the sandbox does not run; prompts and the ends of answers
   * are what the database has.
   */
  messages(
    identity: Identity,
    input: { id: string; since: number },
  ): Promise<{ messages: Message[]; lastSeq: number; fromHistory: boolean }>;
  /** Puts a prompt into the session's queue and waits for the end of its own turn. */
  send(
    identity: Identity,
    input: { id: string; prompt: string; timeoutMs: number },
    signal: AbortSignal,
  ): Promise<Answer>;
  /** What each frame after `since` does to the list of messages; '' is a heartbeat. Ends as `Frames.read`. */
  follow(
    identity: Identity,
    input: { id: string; since: number },
    signal: AbortSignal,
  ): AsyncGenerator<'' | { frame: Frame; change: Change }>;
}

export function createChat({ db, access, frames }: { db: Db; access: SandboxAccess; frames: Frames }): Chat {
  const whole = new OneByOne();

  /** Where the turn of this seq begins, as far as the database knows: messages are whole from there on. */
  async function turnStart(id: string, seq: number): Promise<number> {
    if (seq === 0) return 0;
    const last = await db.turn.findFirst({
      where: { sessionId: id, lastSeq: { lte: seq } },
      orderBy: { lastSeq: 'desc' },
      select: { lastSeq: true },
    });
    return last?.lastSeq ?? 0;
  }

  async function stored(identity: Identity, { id, since }: { id: string; since: number }) {
    const session = await db.session.findUniqueOrThrow({ where: { id }, select: { sandboxId: true } });
    await access(identity, session.sandboxId, 'use');
    const rows = await db.turn.findMany({
      where: { sessionId: id, lastSeq: { gt: since } },
      orderBy: { turn: 'asc' },
    });
    const messages = rows.flatMap(({ turn, firstSeq, lastSeq, prompt, preview }): Message[] => [
      { id: firstSeq, seq: firstSeq, turn, type: 'text', role: 'user', text: prompt },
      { id: lastSeq, seq: lastSeq, turn, type: 'text', role: 'assistant', text: preview },
    ]);
    const lastSeq = rows.at(-1)?.lastSeq ?? since;
    return { messages: messages.filter((it) => it.seq > since), lastSeq, fromHistory: true };
  }

  const chat: Chat = {
    async transcript(identity, { id, from, limit }) {
      const sandboxId = await frames.sandboxOf(identity, id);
      return await whole.run(sandboxId, async () => {
        const found: Frame[] = [];
        const enough = new AbortController();
        const answer = (more: boolean) => ({ frames: found, lastSeq: found.at(-1)?.seq ?? from, more });
        let chars = 0;
        for await (const line of frames.read(identity, { id, from, follow: false }, enough.signal)) {
          if (line === '') continue;
          if (found.length === limit || chars > TRANSCRIPT_MAX_CHARS) {
            enough.abort();
            return answer(true);
          }
          chars += line.length;
          found.push(JSON.parse(line));
        }
        return answer(false);
      });
    },

    async messages(identity, { id, since }) {
      try {
        const sandboxId = await frames.sandboxOf(identity, id);
        const from = await turnStart(id, since);
        return await whole.run(sandboxId, async () => {
          const list = new MessageList();
          const told = new Told();
          const { signal } = new AbortController();
          for await (const line of frames.read(identity, { id, from, follow: false }, signal))
            if (line !== '') list.take(JSON.parse(told.take(line)));
          const messages = list.messages.filter((it) => it.seq > since);
          return { messages, lastSeq: Math.max(since, list.lastSeq), fromHistory: false };
        });
      } catch (error) {
        if (error instanceof AppError && error.code === 'sandbox_not_running')
          return stored(identity, { id, since });
        throw error;
      }
    },

    async *follow(identity, { id, since }, signal) {
      const list = new MessageList();
      const told = new Told();
      let ended: number | undefined;
      const from = await turnStart(id, since);
      for await (const line of frames.read(identity, { id, from }, signal)) {
        if (line === '') {
          yield '';
          continue;
        }
        const frame: Frame = JSON.parse(told.take(line));
        const change = list.take(frame);
        if (frame.seq > since) yield { frame, change };
        if (frame.kind !== 'stop' || frame.turn === undefined || frame.turn === ended) continue;
        ended = frame.turn;
        if (list.keepOnly(ended) === 0) told.forget();
      }
    },

    async send(identity, { id, prompt, timeoutMs }, signal) {
      const text = prompt.replace(/[\r\n]+$/, '');
      if (text.trim() === '') throw new AppError('invalid_input', 'A prompt is a text.', { field: 'prompt' });
      const before = await frames.summary(identity, id);
      const queueId = randomUUID();
      await frames.call(identity, 'prompt', { id, input: { text, id: queueId } });
      const waiting = new Waiting(before?.lastSeq ?? 0, queueId);
      const late = AbortSignal.timeout(timeoutMs);
      const over = AbortSignal.any([late, signal]);
      while (!over.aborted && !waiting.done) await read(waiting);
      if (!waiting.done && signal.aborted) throw new AppError('canceled');
      return { session: id, ...waiting.answer(), partial: !waiting.done };

      /** Until the turn or the time is over, or the way to the sandbox breaks: then again from where it was. */
      async function read(to: Waiting): Promise<void> {
        const enough = new AbortController();
        try {
          const lines = frames.read(identity, { id, from: to.seq }, AbortSignal.any([over, enough.signal]));
          for await (const line of lines) {
            if (line !== '') to.take(line);
            if (to.done) enough.abort();
          }
        } catch (error) {
          const broken = error instanceof AppError && error.code === 'unavailable';
          if (!broken || error instanceof ToldTooMuch) throw error;
        }
        if (!to.done && !over.aborted) await pause(AGAIN_MS, over);
      }
    },
  };
  return chat;
}

/** What is heard of one prompt. */
class Waiting {
  readonly #list = new MessageList();
  readonly #told = new Told();
  readonly #queueId: string;
  seq: number;
  turn: number | null = null;
  done = false;
  closed = false;

  constructor(from: number, queueId: string) {
    this.seq = from;
    this.#queueId = queueId;
  }

  take(line: string): void {
    const frame: Frame = JSON.parse(line);
    this.seq = frame.seq;
    if (frame.kind === 'text.delta' && frame.data.role === 'user' && frame.data.queueId === this.#queueId)
      this.turn = frame.turn ?? null;
    if (frame.kind === 'meta' && frame.data.event === 'prompt.failed' && frame.data.queueId === this.#queueId)
      throw new AppError(
        'conflict',
        `Claude did not take the prompt: ${frame.data.text ?? 'nobody knows why'}`,
      );
    if (this.turn !== null && frame.turn === this.turn) {
      this.#told.take(line);
      this.#list.take(frame);
    }
    if (frame.kind !== 'stop') return;
    if (frame.data.scope === 'session') this.closed = true;
    this.done = frame.data.scope === 'session' || (this.turn !== null && frame.turn === this.turn);
  }

  answer() {
    const messages = this.#list.messages.flatMap((it) => slim(it) ?? []);
    return { last_seq: this.seq, turn: this.turn, messages, closed: this.closed };
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener('abort', over, { once: true });
  });
}
