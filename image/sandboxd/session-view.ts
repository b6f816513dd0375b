/** A session as the API shows it. */
import type { SandboxdSession } from '../../shared/sandboxd-api';
import { costOf } from './session-state';
import type { Entry } from './sessions';

export function viewOf({ session, queue }: Pick<Entry, 'session' | 'queue'>): SandboxdSession {
  const { state, journal, turnFile } = session.recorder;
  const [waiting] = Object.entries(state.requests);
  return {
    id: session.id,
    status: state.status,
    claudeSessionId: state.claudeId,
    model: state.model,
    effort: state.effort,
    permissionMode: state.permissionMode,
    title: state.title,
    tokens: state.tokens,
    costUsd: costOf(state),
    context: state.context,
    waiting: waiting ? { requestId: waiting[0], kind: waiting[1].kind, text: waiting[1].text } : null,
    preview: state.preview,
    turns: turnFile.last,
    turnStartedAt: state.turn ? new Date(state.turn.startedAt).toISOString() : null,
    turn: state.turn?.number ?? null,
    firstSeq: journal.first,
    lastSeq: journal.last,
    queued: queue.length,
  };
}
