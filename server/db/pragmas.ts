/** How long SQLite waits for another process's lock (a backup, a shell). It blocks the event loop, so it is short. */
export const BUSY_TIMEOUT_MS = 5_000;

/** Set on every connection; `journal_mode` is kept in the file, the rest is not. */
export const CONNECTION_PRAGMAS = [
  'journal_mode = WAL',
  // In WAL mode a crash of the process loses nothing; only a crash of the machine may lose the last commits.
  'synchronous = NORMAL',
  'foreign_keys = ON',
  `busy_timeout = ${BUSY_TIMEOUT_MS}`,
] as const;
