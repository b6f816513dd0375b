/** From what a sandbox tells to what is kept: a sandbox is its user's, so no text or number of it is trusted. */
import { PREVIEW_MAX_CHARS, type SandboxdSession, type TurnSummary } from '../../shared/sandboxd-api';
import type { SessionLive } from '../../shared/views';

const TITLE_MAX_CHARS = 200;
const NAME_MAX_CHARS = 128;
/** What is asked of a person, as the dashboard shows it; the whole of it is in the frames. */
const WAITING_MAX_CHARS = 500;
/** The beginning of a prompt, to know a turn again in a list. */
const PROMPT_MAX_CHARS = 2_000;
/** Integers of the database's columns have 32 bits. */
const INT_MAX = 2 ** 31 - 1;
const LONE_SURROGATES = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** Half a surrogate pair is no text that a database takes. */
const wellFormed = (text: string): string => text.replace(LONE_SURROGATES, '\ufffd');
const cut = (text: string, max: number): string => wellFormed(text.slice(0, max));
const end = (text: string, max: number): string => wellFormed(text.slice(-max));
const cutOrNull = (text: string | null, max: number): string | null =>
  text === null ? null : cut(text, max);
const int = (value: number): number => Math.min(value, INT_MAX);
const time = (text: string): Date => new Date(text);

/** Without `workMs` and `updatedAt`, which the gateway adds. */
export function liveOf(summary: SandboxdSession): Omit<SessionLive, 'workMs' | 'updatedAt'> {
  const { waiting } = summary;
  return {
    status: summary.status,
    model: cutOrNull(summary.model, NAME_MAX_CHARS),
    title: cutOrNull(summary.title, TITLE_MAX_CHARS),
    tokens: summary.tokens,
    costUsd: summary.costUsd,
    context: summary.context,
    waiting: waiting && {
      requestId: cut(waiting.requestId, NAME_MAX_CHARS),
      kind: waiting.kind,
      text: cut(waiting.text, WAITING_MAX_CHARS),
    },
    preview: end(summary.preview, PREVIEW_MAX_CHARS),
    turns: int(summary.turns),
    turnStartedAt: summary.turnStartedAt,
  };
}

export function clippedTurn(turn: TurnSummary): TurnSummary {
  return {
    ...turn,
    turn: int(turn.turn),
    reason: cut(turn.reason, NAME_MAX_CHARS),
    error: cutOrNull(turn.error, WAITING_MAX_CHARS),
    model: cutOrNull(turn.model, NAME_MAX_CHARS),
    tokens: {
      input: int(turn.tokens.input),
      output: int(turn.tokens.output),
      cacheRead: int(turn.tokens.cacheRead),
      cacheWrite: int(turn.tokens.cacheWrite),
    },
    prompt: cut(turn.prompt, PROMPT_MAX_CHARS),
    preview: end(turn.preview, PREVIEW_MAX_CHARS),
    firstSeq: int(turn.firstSeq),
    lastSeq: int(turn.lastSeq),
  };
}

/** `turn` as `clippedTurn` gives it. */
export function turnRow(sessionId: string, turn: TurnSummary) {
  const { tokens, startedAt, endedAt, ...rest } = turn;
  return {
    sessionId,
    ...rest,
    startedAt: time(startedAt),
    endedAt: time(endedAt),
    inputTokens: tokens.input,
    outputTokens: tokens.output,
    cacheReadTokens: tokens.cacheRead,
    cacheWriteTokens: tokens.cacheWrite,
  };
}

/** `state`: worth telling at once. `figures`: numbers and the growing text. */
export function difference(before: SessionLive | null, now: SessionLive): 'none' | 'figures' | 'state' {
  if (before === null) return 'state';
  const state = ({ status, model, title, waiting, turns, turnStartedAt }: SessionLive) =>
    JSON.stringify([status, model, title, waiting?.requestId ?? null, turns, turnStartedAt]);
  if (state(before) !== state(now)) return 'state';
  const figures = ({ updatedAt: _at, ...rest }: SessionLive) => JSON.stringify(rest);
  return figures(before) === figures(now) ? 'none' : 'figures';
}

/**
 * What the next start has to take when somebody switched the model in the terminal; null when nobody did. A session
 * without a model of its own is left to Claude Code, which keeps its default itself.
 */
export function switchedModel(
  known: { model: string | null; live: SessionLive | null },
  now: SessionLive,
): string | null {
  const before = known.live?.model ?? null;
  if (known.model === null || before === null || now.model === null) return null;
  return before === now.model || now.model === known.model ? null : now.model;
}
