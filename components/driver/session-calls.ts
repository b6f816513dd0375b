/** What the driver asks of a session over the public API. */
import type { z } from 'zod';
import { type ErrorCode, errorTable, isErrorCode } from '../../shared/errors';
import { sandboxdApi, type TurnSummary } from '../../shared/sandboxd-api';

export interface CallFailure {
  code: ErrorCode | 'offline';
  /** What happened. */
  title: string;
  /** What to do about it. */
  next: string;
}

export class CallError extends Error {
  readonly failure: CallFailure;
  constructor(failure: CallFailure) {
    super(failure.title);
    this.failure = failure;
  }
}

export function failureOfBody(said: unknown): CallFailure {
  const read = (key: string): string => {
    const value: unknown = typeof said === 'object' && said !== null ? Reflect.get(said, key) : null;
    return typeof value === 'string' ? value : '';
  };
  const given = read('code');
  const code = isErrorCode(given) ? given : 'internal';
  const entry = errorTable[code];
  return { code, title: read('error') || entry.title, next: read('next') || entry.next };
}

export async function failureOfAnswer(response: Response): Promise<CallFailure> {
  const failure = failureOfBody(await response.json().catch(() => null));
  // A proxy in front may answer in its own words while the server restarts.
  return failure.code === 'internal' && response.status >= 502
    ? { code: 'unavailable', title: errorTable.unavailable.title, next: errorTable.unavailable.next }
    : failure;
}

const offline: CallFailure = {
  code: 'offline',
  title: 'The server did not answer.',
  next: 'Check the connection and try again.',
};

export function failureOf(thrown: unknown): CallFailure {
  if (thrown instanceof CallError) return thrown.failure;
  const { title, next } = errorTable.internal;
  return { code: 'internal', title, next };
}

async function call<T>(path: string, output: z.ZodType<T>, init: RequestInit = {}): Promise<T> {
  const response = await fetch(path, { cache: 'no-store', ...init }).catch((cause: unknown) => {
    if (init.signal?.aborted) throw cause;
    throw new CallError(offline);
  });
  if (!response.ok) throw new CallError(await failureOfAnswer(response));
  return output.parse(await response.json());
}

/** What is sent is sent, should the page be left at that moment. Browsers do that for 64 KiB in all. */
const KEEPALIVE_MAX_CHARS = 8_000;

const post = (given: unknown): RequestInit => {
  const body = JSON.stringify(given);
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    keepalive: body.length <= KEEPALIVE_MAX_CHARS,
  };
};

const path = (session: string, rest: string): string => `/api/sessions/${session}/${rest}`;

export type Decision = z.input<(typeof sandboxdApi)['answer']['input']>['decision'];
export type SlashCommand = z.output<(typeof sandboxdApi)['commands']['output']>['commands'][number];

export const sessionCalls = {
  prompt: (session: string, input: { text: string; id: string }) =>
    call(path(session, 'prompt'), sandboxdApi.prompt.output, post(input)),
  command: (session: string, input: { command: string; id: string }) =>
    call(path(session, 'command'), sandboxdApi.command.output, post(input)),
  interrupt: (session: string) =>
    call(path(session, 'interrupt'), sandboxdApi.interrupt.output, { method: 'POST' }),
  answer: (session: string, input: { requestId: string; decision: Decision }) =>
    call(path(session, 'answer'), sandboxdApi.answer.output, post(input)),
  model: (session: string, model: string) =>
    call(path(session, 'model'), sandboxdApi.model.output, post({ model })),
  commands: async (session: string, signal: AbortSignal): Promise<SlashCommand[]> =>
    (await call(path(session, 'commands'), sandboxdApi.commands.output, { signal })).commands,
  files: async (session: string, query: string, signal: AbortSignal): Promise<string[]> => {
    const asked = path(session, `files?query=${encodeURIComponent(query)}`);
    return (await call(asked, sandboxdApi.files.output, { signal })).paths;
  },
  /** Finished turns after the given one, oldest first, at most 100; also while the sandbox is stopped. */
  turns: async (session: string, after: number, signal?: AbortSignal): Promise<TurnSummary[]> => {
    const asked = path(session, `turns?after=${after}`);
    return (await call(asked, sandboxdApi.turns.output, signal ? { signal } : {})).turns;
  },
};
