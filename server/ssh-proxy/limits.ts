/** What one person and one stranger may take of the gateway over SSH. */

/** From the first byte to the end of log-in: a person who types a token, or touches an agent, needs some. */
export const LOG_IN_MS = 60_000;
/** Tries on one connection: clients offer every key of their agent before the right one. */
export const ATTEMPTS_MAX = 20;
/** Connections that have not logged in, all and of one address: what a flood can hold open. */
export const STRANGERS_MAX = 200;
export const STRANGERS_PER_ADDRESS = 20;
/** Each has a log-in into its sandbox, which costs 10 MB there. An editor takes two, a parallel rsync some more. */
export const CONNECTIONS_PER_PERSON = 32;
/** Sessions and forwarded connections of one connection; a browser behind `ssh -D` opens dozens. */
export const CHANNELS_PER_CONNECTION = 256;
/** Remote forwards of one connection. */
export const LISTENERS_PER_CONNECTION = 32;
/** Variables of one session, and the characters of each value. */
export const ENV_MAX = 32;
export const ENV_VALUE_MAX_CHARS = 256;
/** A client that is gone is found within four of these. */
export const KEEPALIVE_MS = 15_000;
export const KEEPALIVE_MISSED_MAX = 3;
/**
 * What may wait in this process for one person's programs to read, looked at this often. A channel holds up to 4 MiB when
 * neither side reads; nobody means to have dozens of those.
 */
export const BUFFERED_PER_PERSON_BYTES = 128 * 1024 * 1024;
/** On one socket: data waits for it before that, so these are answers to a flood of requests whose sender does not read. */
export const SOCKET_WAITING_BYTES = 16 * 1024 * 1024;
export const BUFFERED_LOOK_MS = 1_000;
/** How often an open connection counts as use of its sandbox; IDLE_TIMEOUT is never below a minute. */
export const ACTIVE_EVERY_MS = 20_000;
/** What is left to send may take this long before the socket is cut: what ends must be gone within a second. */
export const GOOD_BYE_MS = 300;
/** A connection whose sandbox cannot be entered stays for its sentence to be read, and no longer. */
export const REFUSED_MS = 5_000;
/** Refused log-ins of one address that are written into the audit log, in this time. */
export const REFUSALS_AUDITED = 10;
export const REFUSALS_WINDOW_MS = 10 * 60_000;
