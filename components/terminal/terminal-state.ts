import { errorTable, isErrorCode } from '../../shared/errors';

export type TerminalState =
  | { kind: 'connecting' }
  | { kind: 'connected'; viewers: number }
  /** `retryAt` in ms since the epoch; null while a try is under way or the server itself reconnects. */
  | { kind: 'reconnecting'; reason: string; retryAt: number | null }
  | { kind: 'ended'; exitCode: number | null; reason: string }
  /** The server will not have us: trying again by itself is of no use. */
  | { kind: 'refused'; close: number; title: string; next: string }
  | { kind: 'closed' };

/** A resync that takes longer than this shows as what it is, a reconnect. */
export const RESYNC_QUIET_MS = 1_000;

/** Close codes after which the same request would get the same answer. */
export const finalCloses: ReadonlySet<number> = new Set([4400, 4401, 4403, 4404, 4405, 4409, 4410, 4413]);

export function refusal(close: number, reason: string): Extract<TerminalState, { kind: 'refused' }> {
  const named = isErrorCode(reason) ? errorTable[reason] : undefined;
  const entry = named ?? Object.values(errorTable).find((it) => it.close === close) ?? errorTable.internal;
  const title = named || !reason ? entry.title : reason;
  return { kind: 'refused', close, title, next: entry.next };
}
