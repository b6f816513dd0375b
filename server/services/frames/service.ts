/** Frames of a session, read from its sandbox's sandboxd; prompts and interrupts go the other way. No state here. */
import type { z } from 'zod';
import { AppError, toAppError } from '../../../shared/errors';
import { SANDBOXD_SOCKET, type sandboxdApi } from '../../../shared/sandboxd-api';
import type { Connections, Db, Identity, SandboxAccess } from '../../contracts';
import { callSandboxd, readFrames } from './client';

export interface Frames {
  /**
   * Lines of JSON, one frame each, with a seq above `from`, then the new ones; '' is a heartbeat. Refuses at the first
   * line asked for. Ends with the signal, or when the way to the sandbox breaks: the reader comes again with its last
   * seq.
   */
  read(identity: Identity, input: { id: string; from: number }, signal: AbortSignal): AsyncGenerator<string>;
  /** Puts a prompt into the session's queue. The same `promptId` again is the same prompt. */
  prompt(
    identity: Identity,
    input: { id: string; text: string; promptId?: string | undefined },
  ): Promise<z.output<typeof sandboxdApi.prompt.output>>;
  interrupt(identity: Identity, id: string): Promise<z.output<typeof sandboxdApi.interrupt.output>>;
  /** The sandbox of a session that this identity may use. */
  sandboxOf(identity: Identity, id: string): Promise<string>;
}

export function createFrames(options: {
  db: Db;
  access: SandboxAccess;
  connections: Pick<Connections, 'get'>;
  /** Typing a prompt is use, as typing in the terminal is. */
  onActivity?: (sandboxId: string) => void;
}): Frames {
  const { db, access, connections } = options;

  /** As the terminal: who may use the sandbox, while it runs. */
  async function openable(identity: Identity, id: string): Promise<string> {
    const row = await db.session.findUnique({
      where: { id },
      select: { sandboxId: true, kind: true, sandbox: { select: { state: true } } },
    });
    if (!row) throw new AppError('not_found');
    await access(identity, row.sandboxId, 'use');
    if (row.kind !== 'claude') throw new AppError('not_found', 'A shell has no frames.');
    if (row.sandbox.state !== 'running' && row.sandbox.state !== 'unavailable')
      throw new AppError('sandbox_not_running');
    return row.sandboxId;
  }

  async function stream(sandboxId: string) {
    const connection = await connections.get(sandboxId);
    return connection.unix(SANDBOXD_SOCKET).catch((cause: unknown) => {
      throw new AppError('unavailable', 'The sandbox does not record sessions right now.', { cause });
    });
  }

  const unavailable = (error: unknown): AppError => {
    const app = toAppError(error);
    return app.code === 'internal'
      ? new AppError('unavailable', 'The connection to the sandbox was lost.', { cause: error })
      : app;
  };

  return {
    sandboxOf: openable,

    async *read(identity, { id, from }, signal) {
      const sandboxId = await openable(identity, id);
      try {
        yield* readFrames(await stream(sandboxId), { id, from, signal });
      } catch (error) {
        if (!signal.aborted) throw unavailable(error);
      }
    },

    async prompt(identity, { id, text, promptId }) {
      const sandboxId = await openable(identity, id);
      options.onActivity?.(sandboxId);
      const input = promptId === undefined ? { text } : { text, id: promptId };
      const made = await stream(sandboxId);
      return callSandboxd(made, 'prompt', { id, input }).catch((error: unknown) => {
        throw unavailable(error);
      });
    },

    async interrupt(identity, id) {
      const sandboxId = await openable(identity, id);
      options.onActivity?.(sandboxId);
      const made = await stream(sandboxId);
      return callSandboxd(made, 'interrupt', { id, input: {} }).catch((error: unknown) => {
        throw unavailable(error);
      });
    },
  };
}
