/** Every size, time and watermark that two parts must agree on: name, unit, reason, relation to the others. */

/** Terminal flow control. The server stops reading from SSH when this many bytes were sent and not acknowledged. */
export const TERMINAL_HIGH_WATER_BYTES = 512 * 1024;
/** ... and goes on below this. Must be at least TERMINAL_ACK_BYTES below high water, or the stream never resumes. */
export const TERMINAL_LOW_WATER_BYTES = 128 * 1024;
/** The browser acknowledges after this many bytes were parsed by xterm.js. Must not exceed the low water mark. */
export const TERMINAL_ACK_BYTES = 64 * 1024;
/** One client message. A paste is cut into input messages below this by the browser. */
export const TERMINAL_MESSAGE_MAX_BYTES = 1024 * 1024;
/** Terminal size bounds: u16 on the wire, but tmux allocates cells, so keep it sane. */
export const TERMINAL_COLS_MAX = 1000;
export const TERMINAL_ROWS_MAX = 500;
/** Lines of history sent on attach: 2,000 lines are ~0.4 MB and well under 50 ms; tmux keeps TMUX_HISTORY_LINES. */
export const TERMINAL_HISTORY_LINES = 2000;
export const TMUX_HISTORY_LINES = 50_000;
/** Browser pings at this interval; without any message for twice as long the connection counts as dead. */
export const TERMINAL_PING_MS = 2_000;

/** A request body of the JSON APIs. Uploads have their own route and limit. */
export const JSON_BODY_MAX_BYTES = 1024 * 1024;
export const UPLOAD_MAX_BYTES = 256 * 1024 * 1024;
/** What a proxied API request may weigh: Anthropic's own limit is 32 MB. */
export const PROXY_BODY_MAX_BYTES = 64 * 1024 * 1024;

/** Sandbox limits an administrator or owner may choose from. */
export const SANDBOX_CPUS = { min: 0.25, max: 64, default: 2 } as const;
export const SANDBOX_MEMORY_MB = { min: 512, max: 262_144, default: 4096 } as const;
export const SANDBOX_PIDS = { min: 128, max: 65_536, default: 2048 } as const;
export const SANDBOX_DISK_GB = { min: 1, max: 4096 } as const;
/** Sandboxes one user may own, so that a loop in a script cannot fill the machine. */
export const SANDBOXES_PER_USER = 20;
export const SESSIONS_PER_SANDBOX = 32;

/** bcrypt reads 72 bytes of a password; longer ones are refused instead of cut. */
export const PASSWORD_MAX_BYTES = 72;
export const PASSWORD_MIN_CHARS = 10;

/** The sandbox's loopback port where sandboxd relays API traffic to the gateway's socket. */
export const SANDBOX_API_PORT = 7878;
