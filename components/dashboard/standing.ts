/** The dashboard: every Claude session that the viewer may use, and which of them need a person. */
import type { SessionView } from '../../shared/views';
import type { Tone } from '../ui/banner';

export type Standing = 'waiting' | 'failed' | 'working' | 'idle' | 'starting' | 'suspended' | 'ended';

/** What a session is doing, out of what the gateway knows of the process and what the sandbox said of Claude. */
export function standingOf(session: SessionView): Standing {
  if (session.state === 'ended') return 'ended';
  if (session.state === 'suspended') return 'suspended';
  const live = session.live;
  if (!live || live.status === 'starting' || session.state === 'starting') return 'starting';
  if (live.waiting || live.status === 'waiting_for_input') return 'waiting';
  if (live.status === 'failed') return 'failed';
  if (live.status === 'working') return 'working';
  return live.status === 'stopped' ? 'ended' : 'idle';
}

export const standings: Record<Standing, { word: string; tone: Tone; busy?: boolean }> = {
  waiting: { word: 'Needs you', tone: 'warn' },
  failed: { word: 'Failed', tone: 'bad' },
  working: { word: 'Working', tone: 'accent', busy: true },
  idle: { word: 'Idle', tone: 'good' },
  starting: { word: 'Starting', tone: 'accent', busy: true },
  suspended: { word: 'Suspended', tone: 'calm' },
  ended: { word: 'Ended', tone: 'calm' },
};

const order = Object.keys(standings);

/** Who needs a person first; among equals the one that changed last. */
export function byNeed(a: SessionView, b: SessionView): number {
  const rank = order.indexOf(standingOf(a)) - order.indexOf(standingOf(b));
  return rank || latest(b).localeCompare(latest(a)) || a.id.localeCompare(b.id);
}

/** ISO time of the last thing known of it. */
export function latest(session: SessionView): string {
  return session.endedAt ?? session.live?.updatedAt ?? session.lastActivityAt ?? session.createdAt;
}

/** What was sent to the model, kept or not, and what came back. */
export function tokenSums(session: SessionView): { in: number; out: number } {
  const tokens = session.live?.tokens;
  if (!tokens) return { in: 0, out: 0 };
  return { in: tokens.input + tokens.cacheRead + tokens.cacheWrite, out: tokens.output };
}

/** Milliseconds of work so far: finished turns, and the running one while nobody is waited for. */
export function workMs(session: SessionView, now: number): number {
  const live = session.live;
  if (!live) return 0;
  const running =
    standingOf(session) === 'working' && live.turnStartedAt ? now - Date.parse(live.turnStartedAt) : 0;
  return live.workMs + Math.max(0, running);
}

/** `$0.42`, `$12.30`, below a cent `< $0.01`; a dash where Claude Code told no figure. */
export function money(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return '–';
  if (usd > 0 && usd < 0.01) return '< $0.01';
  return `$${usd.toFixed(2)}`;
}
