/**
 * The gateway's side of shared/agent-api.ts: typed calls over the agent's Unix socket, streams of steps, and the
 * raw byte stream to a sandbox's sshd. Everything that goes wrong leaves here as an AppError.
 */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { z } from 'zod';
import {
  AGENT_HOST_KEY_HEADER,
  AGENT_STREAM_PROTOCOL,
  type AgentOp,
  type AgentOutput,
  agentCheckSchema,
  agentErrorEventSchema,
  agentNoticeSchema,
  agentOps,
  agentStepSchema,
} from '../shared/agent-api';
import { AppError, isErrorCode } from '../shared/errors';
import { LineParser } from './agent-lines';
import type { AgentClient } from './contracts';

/** A plain op only reads; the slowest asks Docker once for each sandbox. */
const AGENT_CALL_TIMEOUT_MS = 20_000;
/** A fetch starts a way out of its own first and then waits for a server that may be slow. */
const AGENT_FETCH_TIMEOUT_MS = 90_000;
/** From the upgrade request to the first byte being possible: one `docker exec`. */
const AGENT_STREAM_OPEN_TIMEOUT_MS = 15_000;
/** Answer of a plain op: 2 KB a sandbox times a few thousand sandboxes. */
const ANSWER_MAX_BYTES = 16 * 1024 * 1024;

type CallOptions = Parameters<AgentClient['call']>[2];
type OpenSshOptions = NonNullable<Parameters<AgentClient['openSsh']>[2]>;
const errorBodySchema = z.object({ error: z.string(), code: z.string() });
const noticeEventSchema = z.object({ type: z.literal('notice'), notice: agentNoticeSchema });
const lineSchema = z.discriminatedUnion('type', [
  agentStepSchema,
  agentCheckSchema,
  noticeEventSchema,
  agentErrorEventSchema,
  z.object({ type: z.literal('result'), value: z.unknown() }),
]);

export interface AgentClientOptions {
  /** Path of the agent's Unix socket. */
  socket: string;
  log: Logger;
}

export function createAgentClient({ socket, log }: AgentClientOptions): AgentClient & { close(): void } {
  // Only plain ops share connections: a stream's end is the end of its connection, which cancels the work.
  const pool = new http.Agent({ keepAlive: true, maxSockets: 16, maxFreeSockets: 2 });

  function request(path: string, options: http.RequestOptions): http.ClientRequest {
    return http.request({
      socketPath: socket,
      path,
      ...options,
      headers: { host: 'agent', ...options.headers },
    });
  }

  function post(op: AgentOp, input: unknown, options: { agent: http.Agent | false; signal: AbortSignal }) {
    const body = Buffer.from(JSON.stringify(input));
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const outgoing = request(`/v1/${op}`, { method: 'POST', headers, ...options });
    return { outgoing, send: () => outgoing.end(body) };
  }

  async function plain<O extends AgentOp>(op: O, input: unknown, signal: AbortSignal, again = true) {
    const { outgoing, send } = post(op, input, { agent: pool, signal });
    try {
      const response = await answer(outgoing, send);
      const body = await collect(response);
      if (response.statusCode !== 200) throw failure(response.statusCode ?? 0, body);
      return parseOutput(op, parseJson(body));
    } catch (thrown) {
      // A kept-alive connection of an agent that was restarted: nothing was sent on it, so once more is safe.
      if (again && outgoing.reusedSocket && codeOf(thrown) === 'ECONNRESET' && !signal.aborted)
        return plain(op, input, signal, false);
      throw thrown;
    }
  }

  async function stream<O extends AgentOp>(op: O, input: unknown, signal: AbortSignal, options: CallOptions) {
    const { outgoing, send } = post(op, input, { agent: false, signal });
    const response = await answer(outgoing, send);
    if (response.statusCode !== 200) throw failure(response.statusCode ?? 0, await collect(response));
    let result: { value: AgentOutput<O> } | undefined;
    const parser = new LineParser((raw) => {
      const line = lineSchema.safeParse(raw);
      if (!line.success) throw strange(op, line.error);
      const event = line.data;
      if (event.type === 'step') options.onStep?.(event);
      else if (event.type === 'check') options.onCheck?.(event);
      else if (event.type === 'notice') options.onNotice?.(event.notice);
      else if (event.type === 'error') throw agentError(event.code, event.error);
      else result = { value: parseOutput(op, event.value) };
    });
    try {
      for await (const chunk of response) parser.push(chunk);
      parser.end();
    } finally {
      response.destroy();
    }
    if (!result)
      throw new AppError('agent_unreachable', 'The host agent went away in the middle of its work.');
    return result.value;
  }

  async function openSsh(
    sandboxId: string,
    signal: AbortSignal,
    { early = false, onHostKey }: OpenSshOptions = {},
  ): Promise<Duplex> {
    const limit = AbortSignal.timeout(AGENT_STREAM_OPEN_TIMEOUT_MS);
    const query = `sandbox=${encodeURIComponent(sandboxId)}${early ? '&early=1' : ''}`;
    const outgoing = request(`/v1/streams/ssh?${query}`, {
      agent: false,
      headers: { connection: 'Upgrade', upgrade: AGENT_STREAM_PROTOCOL },
    });
    // Not http's own `signal`: that one would cut the stream after it was handed over.
    const abort = () => outgoing.destroy(new Error('aborted'));
    signal.addEventListener('abort', abort, { once: true });
    limit.addEventListener('abort', abort, { once: true });
    try {
      if (signal.aborted) abort();
      const { socket, hostKey } = await upgraded(outgoing);
      if (hostKey !== undefined) onHostKey?.(hostKey);
      return socket;
    } catch (thrown) {
      throw mapped(thrown, { signal, limit });
    } finally {
      signal.removeEventListener('abort', abort);
      limit.removeEventListener('abort', abort);
    }
  }

  return {
    async call(op, input, options) {
      const limit = agentOps[op].stream ? undefined : AbortSignal.timeout(limitOf(op));
      const signals = [options.signal, limit].filter((it) => it !== undefined);
      const signal = signals.length > 0 ? AbortSignal.any(signals) : new AbortController().signal;
      try {
        return agentOps[op].stream
          ? await stream(op, input, signal, options)
          : await plain(op, input, signal);
      } catch (thrown) {
        const error = mapped(thrown, { signal: options.signal, limit });
        log.debug({ op, code: error.code, err: error }, 'agent call failed');
        throw error;
      }
    },
    openSsh,
    close: () => pool.destroy(),
  };
}

function limitOf(op: AgentOp): number {
  return op === 'egress.fetch' ? AGENT_FETCH_TIMEOUT_MS : AGENT_CALL_TIMEOUT_MS;
}

function answer(outgoing: http.ClientRequest, send: () => void): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
    send();
  });
}

function upgraded(outgoing: http.ClientRequest): Promise<{ socket: Duplex; hostKey: string | undefined }> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.once('upgrade', (response, socket, head) => {
      if (response.headers.upgrade !== AGENT_STREAM_PROTOCOL) {
        socket.destroy();
        reject(new AppError('agent_failed', 'The host agent opened another kind of stream.'));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      const hostKey = response.headers[AGENT_HOST_KEY_HEADER];
      resolve({ socket, hostKey: typeof hostKey === 'string' ? hostKey : undefined });
    });
    outgoing.once('response', (response) => {
      collect(response).then((body) => reject(failure(response.statusCode ?? 0, body)), reject);
    });
    outgoing.end();
  });
}

async function collect(response: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response) {
    length += part.length;
    if (length > ANSWER_MAX_BYTES) throw new AppError('agent_failed', 'The host agent sent too much.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AppError('agent_failed', 'The host agent sent something that is not JSON.', { cause });
  }
}

function parseOutput<O extends AgentOp>(op: O, value: unknown): AgentOutput<O> {
  const parsed = agentOps[op].output.safeParse(value);
  if (!parsed.success) throw strange(op, parsed.error);
  // The table pairs op and output; TypeScript cannot carry that through an indexed safeParse.
  return parsed.data as AgentOutput<O>;
}

function strange(op: AgentOp, cause: unknown): AppError {
  return new AppError(
    'agent_failed',
    `The host agent answered ${op} in a form this gateway does not know. Are both of one version?`,
    { cause },
  );
}

function agentError(code: string, message: string): AppError {
  return new AppError(isErrorCode(code) ? code : 'agent_failed', message);
}

function failure(status: number, body: string): AppError {
  try {
    const parsed = errorBodySchema.parse(JSON.parse(body));
    return agentError(parsed.code, parsed.error);
  } catch (cause) {
    return new AppError('agent_failed', `The host agent refused with status ${status}.`, { cause });
  }
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}

/** Socket errors mean that no agent is there; an aborted call is `canceled` or, by its own limit, `timeout`. */
function mapped(
  thrown: unknown,
  ended: { signal: AbortSignal | undefined; limit: AbortSignal | undefined },
): AppError {
  if (ended.signal?.aborted) {
    const reason: unknown = ended.signal.reason;
    return reason instanceof AppError ? reason : new AppError('canceled', undefined, { cause: reason });
  }
  if (ended.limit?.aborted)
    return new AppError('timeout', 'The host agent did not answer in time.', { cause: thrown });
  if (thrown instanceof AppError) return thrown;
  return new AppError('agent_unreachable', undefined, { cause: thrown });
}
