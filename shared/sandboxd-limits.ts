/**
 * What sandboxd and its readers agree on and that is no schema. Apart from frames.ts and sandboxd-api.ts, so that
 * sandboxd need not hold zod in memory (8 MB of 60).
 */
export const SANDBOXD_SOCKET = '/run/cloud-claude/sandboxd.sock';
/** Loopback port for Claude Code's http hooks. */
export const SANDBOX_HOOK_PORT = 7879;
/** How long a turn's `stop` waits for the transcript when the API's stream did not show the turn's end. */
export const SETTLE_MAX_MS = 5_000;
/** A text inside a frame; a longer one is cut and the frame says `truncated`. Keeps one line below a megabyte. */
export const FRAME_TEXT_MAX_CHARS = 256 * 1024;
/** One prompt, UTF-8. */
export const PROMPT_MAX_BYTES = 1024 * 1024;
/** Prompts that wait in one session. */
export const PROMPT_QUEUE_MAX = 100;
/** An empty line goes over a silent stream of frames this often, so that both ends notice a dead one. */
export const FRAMES_HEARTBEAT_MS = 10_000;
/** A permission or a question is held this long at most: Claude Code's own limit for a hook is 600 s. */
export const HELD_MAX_MS = 590_000;
/** Longest text of the last answer that a summary shows. */
export const PREVIEW_MAX_CHARS = 200;
/** A model is confirmed by Claude Code within this time, or the switch has failed. */
export const MODEL_SWITCH_MAX_MS = 20_000;
/** The journal of one session, a hundred thousand frames and more; then its oldest segment goes. */
export const JOURNAL_MAX_BYTES = 64 * 1024 * 1024;
/** Records of API requests and answers kept per session; the oldest go first. */
export const EXCHANGES_MAX_BYTES = 64 * 1024 * 1024;
/** Of one body; the rest is counted and not kept. */
export const EXCHANGE_BODY_MAX_BYTES = 4 * 1024 * 1024;
