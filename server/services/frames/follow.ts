import { compatibleLine } from '../../../shared/chat-shapes';
import type { Identity } from '../../contracts';
import type { Frames } from './service';

/** seq and kind stand at fixed places of a line that sandboxd wrote. */
const SEQ = /^\{"seq":(\d+),/;
const KIND = /"kind":"([a-z.]+)"/;

export interface SessionLine {
  seq: number;
  kind: string;
  /** The frame in the words of the seeds' clients. */
  line: string;
}

/** Null: a comment or a line of another make. */
export function lineOf(line: string): SessionLine | null {
  const seq = SEQ.exec(line)?.[1];
  if (seq === undefined) return null;
  const kind = KIND.exec(line)?.[1] ?? 'frame';
  return { seq: Number(seq), kind, line: compatibleLine(line, kind) };
}

/**
 * Frames after `from`, then live; null is a heartbeat. Returns true when the session has ended and all of it was read,
 * false when the way to the sandbox broke: the reader comes again with its last seq.
 */
export async function* followSession(
  frames: Frames,
  given: { identity: Identity; id: string; from: number },
  signal: AbortSignal,
): AsyncGenerator<SessionLine | null, boolean> {
  const { identity, id, from } = given;
  for await (const line of frames.read(identity, { id, from }, signal)) {
    const found = lineOf(line);
    yield found;
    if (found && (await hasEnded(frames, given, found))) return true;
  }
  return false;
}

/** The last frames of a session that has ended, in either order. */
const LAST = /"kind":"(stop"[^\n]*"scope":"session"|status"[^\n]*"state":"(stopped|failed)")/;

/** A session may be started again after its end: then its journal goes on. */
export async function hasEnded(
  frames: Frames,
  { identity, id }: { identity: Identity; id: string },
  found: Pick<SessionLine, 'seq' | 'kind' | 'line'>,
): Promise<boolean> {
  if ((found.kind !== 'stop' && found.kind !== 'status') || !LAST.test(found.line)) return false;
  const summary = await frames.summary(identity, id);
  return summary?.lastSeq === found.seq && (summary.status === 'stopped' || summary.status === 'failed');
}
