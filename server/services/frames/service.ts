/** A session's frames and all else that its sandbox's sandboxd answers for. No state here. */
import { AppError, toAppError } from '../../../shared/errors';
import { SANDBOXD_SOCKET, type SandboxdSession, sandboxdApi } from '../../../shared/sandboxd-api';
import type { Connections, Db, Identity, SandboxAccess } from '../../contracts';
import {
  callSandboxd,
  readFrames,
  readSummary,
  type SandboxdCall,
  type SandboxdInput,
  type SandboxdOutput,
} from './client';

/** Operations by which a person works in the session: they count as use of the sandbox. */
const USES: ReadonlySet<SandboxdCall> = new Set(['prompt', 'interrupt', 'answer', 'model', 'command']);

/** How long sandboxd may take to tell of its sessions. */
const SUMMARY_TIMEOUT_MS = 10_000;

export interface FramesAsked {
  id: string;
  from: number;
  /** False: only what is there now. Left out: goes on with the new ones. */
  follow?: boolean;
}

export interface Frames {
  /**
   * Lines of JSON, one frame each, with a seq above `from`, then the new ones; '' is a heartbeat. Refuses at the first
   * line asked for. Ends with the signal, or when the way to the sandbox breaks: the reader comes again with its last
   * seq.
   */
  read(identity: Identity, input: FramesAsked, signal: AbortSignal): AsyncGenerator<string>;
  /** Its state and the range of its journal now; null before its first frame. */
  summary(identity: Identity, id: string): Promise<SandboxdSession | null>;
  /** One operation of sandboxd's on this session. */
  call<O extends SandboxdCall>(
    identity: Identity,
    operation: O,
    given: { id: string; input: SandboxdInput<O>; exchange?: number },
  ): Promise<SandboxdOutput<O>>;
  /** The sandbox of a session that this identity may use. */
  sandboxOf(identity: Identity, id: string): Promise<string>;
}

export function createFrames(options: {
  db: Db;
  access: SandboxAccess;
  connections: Pick<Connections, 'get'>;
  /** Typing a prompt is use, as typing in the terminal is. */
  onActivity?: (sandboxId: string) => void;
  /** Claude Code has confirmed another model. */
  onModel?: (session: { id: string; sandboxId: string; model: string }) => Promise<void>;
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

    async *read(identity, { id, from, follow = true }, signal) {
      const sandboxId = await openable(identity, id);
      try {
        yield* readFrames(await stream(sandboxId), { id, from, follow, signal });
      } catch (error) {
        if (!signal.aborted) throw unavailable(error);
      }
    },

    async summary(identity, id) {
      const sandboxId = await openable(identity, id);
      const signal = AbortSignal.timeout(SUMMARY_TIMEOUT_MS);
      return await readSummary(await stream(sandboxId), { id, signal }).catch((error: unknown) => {
        throw unavailable(error);
      });
    },

    async call(identity, operation, given) {
      const sandboxId = await openable(identity, given.id);
      if (USES.has(operation)) options.onActivity?.(sandboxId);
      const made = await stream(sandboxId);
      const answer = await callSandboxd(made, operation, given).catch((error: unknown) => {
        throw unavailable(error);
      });
      if (operation === 'model') {
        const { model } = sandboxdApi.model.output.parse(answer);
        await options.onModel?.({ id: given.id, sandboxId, model });
      }
      return answer;
    },
  };
}
