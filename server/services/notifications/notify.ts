/** From what happens in sessions to what a person is told: one row an event, made where the event is written. */
import type { NotificationKind } from '../../../shared/notifications';
import type { TurnSummary } from '../../../shared/sandboxd-api';
import type { SessionLive } from '../../../shared/views';
import type { DbOrTx, Live } from '../../contracts';
import type { WatchedSession, WatchListener } from '../../jobs/watch-store';
import { rightsOf } from '../sandboxes/access';
import { makeNotification } from './make';
import { signedIn, storedPreferences } from './service';

/** What a gateway that was away for longer finds out is history, not news. */
const NEWS_MAX_AGE_MS = 12 * 60 * 60 * 1000;
const BODY_MAX_CHARS = 200;
/** Reasons of a turn's end that are nobody's wish. */
const FAILED = new Set(['failed', 'lost']);

export function createNotify(options: {
  live: Live;
  /** After the commit of new notifications: pushes are due. */
  wake(): void;
  now?: () => number;
}): WatchListener {
  const { live, now = Date.now } = options;
  let made = false;

  async function tell(
    tx: DbOrTx,
    session: WatchedSession,
    what: {
      kind: Exclude<NotificationKind, 'test' | 'budget'>;
      event: string;
      body: string;
      workMs?: number;
    },
  ): Promise<void> {
    const [user, sandbox] = await Promise.all([
      tx.user.findUnique({
        where: { id: session.createdById },
        include: { pushDevices: { where: signedIn() } },
      }),
      tx.sandbox.findUnique({
        where: { id: session.sandboxId },
        select: {
          name: true,
          ownerId: true,
          workspace: { select: { members: { where: { userId: session.createdById } } } },
        },
      }),
    ]);
    if (user?.status !== 'active' || !sandbox) return;
    // Who opened it may have left the workspace since.
    const asking = { userId: user.id, role: 'user' as const };
    const role = sandbox.workspace.members[0]?.role ?? null;
    if (!rightsOf(asking, { ownerId: sandbox.ownerId, role })?.use) return;
    const wanted = storedPreferences(user.notifications);
    if (!wanted[what.kind]) return;
    if (what.kind === 'finished' && (what.workMs ?? 0) < wanted.finishedAfterSeconds * 1000) return;
    const name = (await tx.session.findUnique({ where: { id: session.id }, select: { name: true } }))?.name;
    const told = await makeNotification(tx, live, {
      ...{ user, event: what.event, kind: what.kind },
      title: `${titles[what.kind]} · ${name ?? session.name} in ${sandbox.name}`,
      body: oneLine(what.body),
      sessionId: session.id,
      sandboxId: session.sandboxId,
    });
    if (told) made = true;
  }

  return {
    async turn(tx, session, turn) {
      if (now() - Date.parse(turn.endedAt) > NEWS_MAX_AGE_MS) return;
      const event = `turn:${session.id}:${turn.turn}`;
      if (FAILED.has(turn.reason)) await tell(tx, session, { kind: 'failed', event, body: failureOf(turn) });
      else if (turn.reason === 'completed')
        await tell(tx, session, { kind: 'finished', event, body: bodyOf(turn), workMs: turn.workMs });
    },

    async changed(tx, session, { before, now: state }) {
      await closed(tx, session, { before, now: state });
      const { waiting } = state;
      if (waiting && waiting.requestId !== before?.waiting?.requestId) {
        const event = `request:${session.id}:${waiting.requestId}`;
        await tell(tx, session, { kind: 'waiting', event, body: waiting.text });
      }
    },

    committed() {
      if (!made) return;
      made = false;
      options.wake();
    },
  };

  /** Somebody has answered: what was asked is no news any more. */
  async function closed(
    tx: DbOrTx,
    session: WatchedSession,
    change: { before: SessionLive | null; now: SessionLive },
  ): Promise<void> {
    const asked = change.before?.waiting;
    if (!asked || asked.requestId === change.now.waiting?.requestId) return;
    const { count } = await tx.notification.updateMany({
      where: {
        userId: session.createdById,
        event: `request:${session.id}:${asked.requestId}`,
        readAt: null,
      },
      data: { readAt: new Date(now()) },
    });
    const userId = session.createdById;
    if (count > 0)
      await live.record(tx, { topic: 'notifications', action: 'updated', subject: userId, userId });
  }
}

const titles = {
  waiting: 'Claude waits for you',
  finished: 'Claude has finished',
  failed: 'Claude has failed',
} as const;

const bodyOf = (turn: TurnSummary): string => turn.preview || turn.prompt;
const failureOf = (turn: TurnSummary): string =>
  turn.error ?? (turn.reason === 'lost' ? 'Claude ended in the middle of its work.' : bodyOf(turn));

/** Control characters and line ends have no place in a notification. */
function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length <= BODY_MAX_CHARS ? line : `${line.slice(0, BODY_MAX_CHARS - 1)}…`;
}
