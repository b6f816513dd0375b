/**
 * The one error table. A service throws `AppError(code)`; each edge (HTTP, WebSocket, CLI) maps it once with
 * the numbers that stand here. `title` says what happened, `next` what the person can do about it.
 */
export interface ErrorEntry {
  readonly http: number;
  /** WebSocket close code, 4000-4999 (RFC 6455 section 7.4.2: private use). */
  readonly close: number;
  /** Exit code of a command-line program. */
  readonly exit: number;
  readonly title: string;
  readonly next: string;
}

export const errorTable = {
  invalid_input: {
    http: 400,
    close: 4400,
    exit: 2,
    title: 'The request is not valid.',
    next: 'Correct the named field and send it again.',
  },
  unauthenticated: {
    http: 401,
    close: 4401,
    exit: 3,
    title: 'You are not signed in.',
    next: 'Sign in and try again.',
  },
  invalid_credentials: {
    http: 401,
    close: 4401,
    exit: 3,
    title: 'User name or password is wrong.',
    next: 'Check both and try again.',
  },
  forbidden: {
    http: 403,
    close: 4403,
    exit: 4,
    title: 'You may not do this.',
    next: 'Ask an administrator for the right to do it.',
  },
  password_change_required: {
    http: 403,
    close: 4403,
    exit: 4,
    title: 'Your password was made by somebody else.',
    next: 'Change it first: sign in to the web app, it asks for a new one.',
  },
  origin_refused: {
    http: 403,
    close: 4403,
    exit: 4,
    title: 'The request came from another site.',
    next: 'Open the app under its own address.',
  },
  not_found: {
    http: 404,
    close: 4404,
    exit: 5,
    title: 'This does not exist, or you may not see it.',
    next: 'Check the address or go back to the list.',
  },
  method_not_allowed: {
    http: 405,
    close: 4405,
    exit: 2,
    title: 'This method is not allowed here.',
    next: 'See /api/docs for what this address takes.',
  },
  conflict: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'Something else changed this meanwhile.',
    next: 'Look at its present state and try again.',
  },
  name_taken: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'This name is already in use.',
    next: 'Choose another name.',
  },
  last_admin: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'This is the last active administrator.',
    next: 'Make somebody else an administrator first.',
  },
  last_owner: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'This is the last owner of the workspace.',
    next: 'Make somebody else an owner first.',
  },
  limit_reached: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'A limit has been reached.',
    next: 'Delete something you no longer need, or ask an administrator.',
  },
  wrong_state: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'This cannot be done in the present state.',
    next: 'Wait until the present change has ended, then try again.',
  },
  sandbox_not_running: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'The sandbox is not running.',
    next: 'Start the sandbox.',
  },
  idempotency_mismatch: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'This idempotency key was used for another request.',
    next: 'Use a new key for a new request.',
  },
  canceled: {
    http: 409,
    close: 4409,
    exit: 130,
    title: 'This was canceled.',
    next: 'Start it again if you still want it.',
  },
  gone: { http: 410, close: 4410, exit: 7, title: 'This has ended.', next: 'Open a new session.' },
  too_large: {
    http: 413,
    close: 4413,
    exit: 2,
    title: 'This is too large.',
    next: 'Send something smaller.',
  },
  too_many_requests: {
    http: 429,
    close: 4429,
    exit: 8,
    title: 'Too many attempts.',
    next: 'Wait a little, then try again.',
  },
  internal: {
    http: 500,
    close: 4500,
    exit: 1,
    title: 'Something went wrong on our side.',
    next: 'Try again; if it stays, give the request id to an administrator.',
  },
  agent_failed: {
    http: 502,
    close: 4500,
    exit: 9,
    title: 'The host could not do this.',
    next: 'Look at the reason and try again.',
  },
  agent_unreachable: {
    http: 503,
    close: 4500,
    exit: 9,
    title: 'The host agent does not answer.',
    next: 'An administrator should look at Admin, Health.',
  },
  unavailable: {
    http: 503,
    close: 4500,
    exit: 9,
    title: 'This is not available right now.',
    next: 'Try again in a moment.',
  },
  egress_in_use: {
    http: 409,
    close: 4409,
    exit: 6,
    title: 'This way out is in use.',
    next: 'Bind its sandboxes, users and pools to another one first.',
  },
  egress_failed: {
    http: 502,
    close: 4500,
    exit: 8,
    title: 'The way out does not work.',
    next: 'Test the egress: each stage says what it saw.',
  },
  proof_failed: {
    http: 502,
    close: 4500,
    exit: 8,
    title: 'The way out is not proven.',
    next: 'Read the last proof of the sandbox, mend the egress or choose another one, then prove again.',
  },
  image_missing: {
    http: 503,
    close: 4500,
    exit: 9,
    title: 'The sandbox image is not on this machine.',
    next: 'Run npm start once to build it.',
  },
  timeout: {
    http: 504,
    close: 4500,
    exit: 9,
    title: 'This took too long.',
    next: 'Try again; if it stays, an administrator should look at Admin, Health.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

export const errorCodes = Object.keys(errorTable) as ErrorCode[];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorTable, value);
}

/**
 * A failure with a code from the table. `message` is for people and holds no secret; `cause` is for the log.
 * `retryAfterSeconds` is set where a wait helps.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message?: string,
    options: { cause?: unknown; field?: string; retryAfterSeconds?: number } = {},
  ) {
    super(
      message ?? errorTable[code].title,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'AppError';
    this.code = code;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get entry(): ErrorEntry {
    return errorTable[this.code];
  }
}

/** Any thrown value as an AppError: an unknown one becomes `internal` with a fixed sentence, its text kept as cause only. */
export function toAppError(thrown: unknown): AppError {
  return thrown instanceof AppError ? thrown : new AppError('internal', undefined, { cause: thrown });
}
