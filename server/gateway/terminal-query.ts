/** What a terminal's address says: `/ws/sandboxes/{id}/terminal?session=&cols=&rows=&client=&offset=`. */
import { TERMINAL_COLS_MAX, TERMINAL_ROWS_MAX } from '../../shared/limits';
import { sandboxIdSchema, sessionIdSchema } from '../../shared/names';

export interface TerminalQuery {
  sandboxId: string;
  sessionId: string;
  cols: number;
  rows: number;
  client: { id: string; offset: number } | null;
}

/** tmux refuses windows of less than this and draws nothing useful in them. */
const COLS_MIN = 2;
const ROWS_MIN = 2;

export function clampSize(cols: number, rows: number): { cols: number; rows: number } {
  return {
    cols: Math.min(TERMINAL_COLS_MAX, Math.max(COLS_MIN, Math.trunc(cols) || 80)),
    rows: Math.min(TERMINAL_ROWS_MAX, Math.max(ROWS_MIN, Math.trunc(rows) || 24)),
  };
}

/** Null when it is no terminal's address or names no session. */
export function parseTerminalUrl(url: string): TerminalQuery | null {
  // `//` and the like are no addresses at all.
  if (!URL.canParse(url, 'http://gateway')) return null;
  const { pathname, searchParams } = new URL(url, 'http://gateway');
  const sandbox = sandboxIdSchema.safeParse(/^\/ws\/sandboxes\/([^/]+)\/terminal$/.exec(pathname)?.[1]);
  const session = sessionIdSchema.safeParse(searchParams.get('session'));
  if (!sandbox.success || !session.success) return null;
  const client = sessionIdSchema.safeParse(searchParams.get('client'));
  const offset = Number(searchParams.get('offset') ?? 0);
  return {
    sandboxId: sandbox.data,
    sessionId: session.data,
    ...clampSize(Number(searchParams.get('cols')), Number(searchParams.get('rows'))),
    client: client.success
      ? { id: client.data, offset: Number.isSafeInteger(offset) && offset >= 0 ? offset : 0 }
      : null,
  };
}

/** The session of `/ws/shells/{id}`; null when it is no such address. */
export function parseShellUrl(url: string): string | null {
  if (!URL.canParse(url, 'http://gateway')) return null;
  const id = /^\/ws\/shells\/([^/]+)$/.exec(new URL(url, 'http://gateway').pathname)?.[1];
  const parsed = sessionIdSchema.safeParse(id);
  return parsed.success ? parsed.data : null;
}
