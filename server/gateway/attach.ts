/** One attach of a terminal to its session: pty and history on two channels at once, handed over in order. */
import { AppError } from '../../shared/errors';
import { TERMINAL_HISTORY_LINES } from '../../shared/limits';
import { answerQuestions, HISTORY_MAX_BYTES, historyMessage } from './attach-bytes';
import type { PtyStream } from './channel-stream';
import type { GatewayConnections } from './connections';
import type { ReadyChannels } from './ready-channels';
import {
  parseExitCode,
  SESSION_ENDED_EXIT,
  type SessionTarget,
  WORKDIR_MISSING_EXIT,
} from './sandbox-command';

/** tmux draws within milliseconds; a session that starts Claude on a busy machine takes longer. */
const ATTACH_TIMEOUT_MS = 20_000;
/** What may come before tmux's first ESC: noise of a user's own start files, or the script's message. */
const PREAMBLE_MAX_BYTES = 16 * 1024;
/** Attributes of each cell included; `historyMessage` cuts it down. */
const CAPTURE_MAX_BYTES = 8 * HISTORY_MAX_BYTES;
const ESCAPE = 0x1b;
export const TERM = 'xterm-256color';

/** The session has ended by itself before; `exitCode` as its script recorded it. */
export class SessionEnded extends Error {
  readonly exitCode: number | null;
  constructor(exitCode: number | null) {
    super('the session has ended');
    this.exitCode = exitCode;
  }
}

export interface Attached {
  pty: PtyStream;
  /** A whole history message, opcode included. */
  history: Buffer;
  /** First output, without tmux's questions. The pty is paused. */
  first: Buffer;
  /** Goes to the pty before anything else. */
  answers: Buffer;
}

/**
 * Attaches, making the session when its tmux is gone; to `view` does not, and neither types nor gives its size. Throws SessionEnded, or AppError: `not_found`,
 * `sandbox_not_running`, `conflict` (working folder missing), and `unavailable` and the like, when trying again may help.
 */
export async function attach(
  connections: GatewayConnections,
  sandboxId: string,
  target: SessionTarget,
  options: { cols: number; rows: number; signal: AbortSignal; ready: ReadyChannels; view: boolean },
): Promise<Attached> {
  const { cols, rows, signal, ready, view } = options;
  const connection = await connections.get(sandboxId);
  signal.throwIfAborted();
  const { commands } = connections;
  // A session that is made by this very attach has no history: an error here is an empty history.
  const history = ready
    .exec(connection, commands.history(target.id, TERMINAL_HISTORY_LINES), {
      maxBytes: CAPTURE_MAX_BYTES,
      signal,
    })
    .then(({ code, stdout }) => (code === 0 ? stdout : Buffer.alloc(0)))
    .catch(() => Buffer.alloc(0));
  const command = view ? commands.view(target.id) : commands.attach(target, cols, rows);
  const pty = await ready.shell(connection, command, { cols, rows });
  try {
    const beginning = await firstScreen(pty, signal);
    const { output, answers } = answerQuestions(beginning);
    const message = historyMessage(await history, rows);
    ready.prepare(connection, { cols, rows }, CAPTURE_MAX_BYTES);
    return { pty, history: message, first: output, answers };
  } catch (error) {
    pty.destroy();
    throw error;
  }
}

/** Reads up to tmux's first bytes and leaves the pty paused; a pty that closes before that tells why by its exit code. */
function firstScreen(pty: PtyStream, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const finish = (end: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      pty.off('data', read);
      pty.off('close', closed);
      end();
    };
    const aborted = () => finish(() => reject(new AppError('canceled')));
    const timer = setTimeout(
      () => finish(() => reject(new AppError('timeout', 'The session did not come up in time.'))),
      ATTACH_TIMEOUT_MS,
    );
    const read = (chunk: Buffer) => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const start = seen.indexOf(ESCAPE);
      if (start === -1 && seen.length < PREAMBLE_MAX_BYTES) return;
      pty.pause();
      finish(() => resolve(start === -1 ? seen : seen.subarray(start)));
    };
    const closed = () => finish(() => reject(refusal(pty.exitCode, seen.toString('utf8').trim())));
    signal.addEventListener('abort', aborted, { once: true });
    pty.on('error', () => undefined);
    pty.on('close', closed);
    pty.on('data', read);
    if (signal.aborted) aborted();
  });
}

function refusal(exitCode: number | null, text: string): Error {
  if (exitCode === SESSION_ENDED_EXIT) return new SessionEnded(parseExitCode(text));
  if (exitCode === WORKDIR_MISSING_EXIT) {
    return new AppError('conflict', 'The working folder of this session does not exist in the sandbox.');
  }
  const cause = new Error(`attach: exit ${exitCode}: ${text.slice(0, 500)}`);
  return new AppError('unavailable', 'The session cannot be opened right now.', { cause });
}
