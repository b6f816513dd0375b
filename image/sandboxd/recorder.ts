/** Writes a session's frames: each piece of news once, wherever it was seen first. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, FrameData, FrameKind } from '../../shared/frames';
import { FRAME_TEXT_MAX_CHARS } from '../../shared/sandboxd-limits';
import { randomUUID } from './builtins';
import { Journal } from './journal';
import { emptyState, fold, prune, type SessionState } from './session-state';
import { TurnFile } from './turn-summary';

/** Checkpoint after this many frames; a restart folds at most so many, in a few milliseconds. */
const CHECKPOINT_FRAMES = 500;
/** Claude Code tells the cost of a turn's last message within 0.4 s of its end. */
const COST_WAIT_MS = 1_500;

export interface Place {
  turn?: number | undefined;
  agent?: string | undefined;
}

interface Checkpoint {
  seq: number;
  state: SessionState;
  offsets: Record<string, number>;
}

/** A piece of a content block as a source knows it: `at` UTF-16 units into the block. */
export interface BlockPiece {
  messageId: string;
  block: number;
  channel: 'text' | 'thinking';
  at: number;
  text: string;
}

export interface ToolResult {
  toolUseId: string;
  tool?: string | undefined;
  isError: boolean;
  output: string;
  result?: unknown;
  durationMs?: number | undefined;
  interrupted?: boolean;
}

export class Recorder {
  readonly session: string;
  readonly journal: Journal;
  readonly state: SessionState;
  /** Transcript path -> bytes read. */
  readonly offsets: Record<string, number>;
  readonly turnFile: TurnFile;
  /** Something of the state may be another. */
  onChange: () => void = () => {};
  readonly #folder: string;
  #sinceCheckpoint = 0;
  #costTimer: NodeJS.Timeout | null = null;

  constructor(options: {
    session: string;
    folder: string;
    journal?: { segmentBytes?: number; maxBytes?: number };
  }) {
    this.session = options.session;
    this.#folder = options.folder;
    const checkpoint = readCheckpoint(join(options.folder, 'checkpoint.json'));
    // A checkpoint of an older version lacks what is new.
    const state = { ...emptyState(), ...checkpoint?.state };
    this.turnFile = new TurnFile(join(options.folder, 'turns.jsonl'));
    this.journal = new Journal({
      folder: join(options.folder, 'journal'),
      ...options.journal,
      lastSeq: checkpoint?.seq ?? 0,
      foldFrom: (checkpoint?.seq ?? 0) + 1,
      // Only what we wrote ourselves is there.
      onLine: (line) => this.#fold(state, JSON.parse(line) as Frame),
    });
    this.state = state;
    this.offsets = checkpoint?.offsets ?? {};
    this.summarise();
  }

  /** Never throws for a full disk: the next frame that can be written is a gap that counts the lost ones. */
  emit<K extends FrameKind>(kind: K, data: FrameData<K>, place: Place = {}): void {
    const ts = new Date().toISOString();
    const { lost } = this.journal;
    if (lost > 0 && kind !== 'gap') {
      this.journal.lost = 0;
      this.emit('gap', { reason: 'not_written', lost });
      if (this.journal.lost > 0) {
        this.journal.lost += lost;
        return;
      }
    }
    let frame: Frame | null = null;
    const seq = this.journal.append((next) => {
      const { turn, agent } = place;
      // `kind` and `data` belong together by this function's own type; the union cannot see it.
      frame = { seq: next, session: this.session, ts, kind, turn, agent, data } as unknown as Frame;
      return JSON.stringify(frame);
    });
    if (seq === null || frame === null) return;
    this.#fold(this.state, frame);
    if (kind === 'stop') {
      this.journal.sync();
      this.#costTimer ??= setTimeout(() => this.summarise(), COST_WAIT_MS);
    }
    this.onChange();
    if (++this.#sinceCheckpoint >= CHECKPOINT_FRAMES) this.checkpoint();
  }

  /** Writes what of the piece is new. */
  block(piece: BlockPiece, place: Place): void {
    const known = this.state.messages[piece.messageId]?.blocks[piece.block] ?? 0;
    const skip = known - piece.at;
    // Behind what is known: nothing new. Ahead of it: a hole that only the transcript can fill, later.
    if (skip < 0 || skip >= piece.text.length) return;
    const late = this.#late(place.turn);
    for (let at = skip; at < piece.text.length; at += FRAME_TEXT_MAX_CHARS) {
      const data = {
        messageId: piece.messageId,
        block: piece.block,
        offset: piece.at + at,
        text: piece.text.slice(at, at + FRAME_TEXT_MAX_CHARS),
        ...late,
      };
      if (piece.channel === 'thinking') this.emit('thinking', data, place);
      else this.emit('text.delta', { role: 'assistant', ...data }, place);
    }
  }

  toolStart(
    tool: { toolUseId: string; tool: string; input: unknown; messageId?: string | undefined },
    place: Place,
  ): void {
    if (this.state.tools[tool.toolUseId]) return;
    const { value: input, truncated } = shortened(tool.input, FRAME_TEXT_MAX_CHARS);
    this.emit('tool.use.start', { ...tool, input, ...truncated }, place);
  }

  toolResult(found: ToolResult, place: Place): void {
    const known = this.state.tools[found.toolUseId];
    if (known?.done) return;
    const tool = found.tool ?? known?.tool ?? 'unknown';
    const output = shortened(found.output, FRAME_TEXT_MAX_CHARS);
    const result = shortened(found.result, FRAME_TEXT_MAX_CHARS);
    const durationMs = found.durationMs ?? (known ? Math.max(0, Date.now() - known.at) : undefined);
    this.emit(
      'tool.use.result',
      {
        toolUseId: found.toolUseId,
        tool,
        isError: found.isError,
        output: String(output.value),
        ...(found.result === undefined ? {} : { result: result.value }),
        ...(durationMs === undefined ? {} : { durationMs }),
        ...(found.interrupted ? { interrupted: true as const } : {}),
        ...output.truncated,
        ...result.truncated,
      },
      // Its own turn, also when the answer comes in a later one (a background task).
      { turn: place.turn ?? known?.turn, agent: place.agent ?? known?.agent },
    );
  }

  usage(data: FrameData<'usage'>, place: Place): void {
    if (this.state.messages[data.messageId]?.ended) return;
    this.emit('usage', data, place);
  }

  /** Cut answers of this agent that Claude Code did not keep. */
  discardUnended(agent: string | undefined, keep: (messageId: string) => boolean): void {
    for (const [messageId, message] of Object.entries(this.state.messages)) {
      if (message.ended || message.agent !== agent || keep(messageId)) continue;
      this.emit('meta', { event: 'message.discarded', messageId }, { turn: message.turn, agent });
    }
  }

  /** Writes the last turn's summary, if it still waits for its cost. */
  summarise(): void {
    if (this.#costTimer) clearTimeout(this.#costTimer);
    this.#costTimer = null;
    if (!this.state.summary) return;
    try {
      this.turnFile.take(this.state);
    } catch {
      return; // a full disk; with the next turn's
    }
    this.onChange();
  }

  /** The summary before it has to be out of the way of the next turn's. */
  #fold(state: SessionState, frame: Frame): void {
    if (
      state.summary &&
      frame.kind === 'status' &&
      frame.turn !== undefined &&
      frame.turn > state.summary.turn
    )
      this.turnFile.take(state);
    fold(state, frame);
  }

  checkpoint(): void {
    this.#sinceCheckpoint = 0;
    prune(this.state);
    const path = join(this.#folder, 'checkpoint.json');
    const content: Checkpoint = { seq: this.journal.last, state: this.state, offsets: this.offsets };
    try {
      writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch {
      // A full disk: the older one serves as well, only slower.
    }
  }

  close(): void {
    this.summarise();
    this.checkpoint();
    this.journal.close();
  }

  newRequestId(): string {
    return randomUUID();
  }

  #late(turn: number | undefined): { late?: true } {
    return turn !== undefined && turn !== this.state.turn?.number ? { late: true } : {};
  }
}

function readCheckpoint(path: string): Checkpoint | null {
  try {
    // Written by `checkpoint` above and renamed whole.
    return JSON.parse(readFileSync(path, 'utf8')) as Checkpoint;
  } catch {
    return null;
  }
}

/** The value with every text in it cut at `max` UTF-16 units. */
export function shortened(value: unknown, max: number): { value: unknown; truncated: { truncated?: true } } {
  let cut = false;
  const walk = (it: unknown): unknown => {
    if (typeof it === 'string') {
      if (it.length <= max) return it;
      cut = true;
      return `${it.slice(0, max)}…`;
    }
    if (Array.isArray(it)) return it.map(walk);
    if (it === null || typeof it !== 'object') return it;
    return Object.fromEntries(Object.entries(it).map(([key, inner]) => [key, walk(inner)]));
  };
  return { value: walk(value), truncated: cut ? { truncated: true } : {} };
}
