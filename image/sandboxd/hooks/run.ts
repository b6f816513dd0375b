/** Runs one hook once: a command with the event on its standard input, or a signed POST out of the sandbox. */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import type { SecretHook } from '../../../shared/hook-file';
import { https, randomUUID, requestHttp } from '../builtins';
import { signature } from './sign';

/** Of an answer; more than any opinion needs. */
const ANSWER_MAX_BYTES = 1024 * 1024;
/** Of what a command says besides: for people. */
const STDERR_MAX_CHARS = 4_096;
/** Claude Code's own convention: the command denies, and says why on its standard error. */
const EXIT_DENY = 2;
const MASK = '••••';

export interface HookRequest {
  line: string;
  headers: [string, string][];
  body: string;
}
export interface HookAnswer {
  line: string;
  body: string;
  stderr: string;
}
export interface HookRun {
  request: HookRequest;
  answer: HookAnswer | null;
  /** Null: it answered, and `said` is what. */
  error: string | null;
  /** JSON, or a text that is none; undefined: nothing. */
  said: unknown;
  durationMs: number;
}

interface Given {
  hook: SecretHook;
  event: string;
  payload: Record<string, unknown>;
  session: string;
  /** Whichever of this and its own time-out is shorter. */
  withinMs: number;
  /** Nobody waits for the answer any more. */
  signal: AbortSignal;
}

interface Done {
  answer: HookAnswer | null;
  error: string | null;
  said: unknown;
}

export async function runHook(given: Given): Promise<HookRun> {
  const since = performance.now();
  const body = JSON.stringify(given.payload);
  const withinMs = Math.max(1, Math.min(given.withinMs, given.hook.timeoutSeconds * 1_000));
  const timeout = AbortSignal.timeout(withinMs);
  const signal = AbortSignal.any([timeout, given.signal]);
  const { action } = given.hook;
  const made =
    action.kind === 'command'
      ? runCommand({ ...given, body, signal, command: action.command })
      : post({ ...given, body, signal, url: action.url });
  const done = await made.done.catch(
    (error: unknown): Done => ({ answer: null, said: undefined, error: messageOf(error) }),
  );
  const late = timeout.aborted && done.answer === null;
  return {
    request: made.request,
    ...done,
    ...(late ? { error: `no answer within ${seconds(withinMs)}` } : {}),
    durationMs: Math.round((performance.now() - since) * 10) / 10,
  };
}

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

type Call<T> = Given & { body: string } & T;
interface Made {
  request: HookRequest;
  done: Promise<Done>;
}

function runCommand({
  hook,
  event,
  payload,
  session,
  body,
  signal,
  command,
}: Call<{ command: string }>): Made {
  const cwd = folderOf(payload.cwd);
  const env = {
    CLAUDE_PROJECT_DIR: cwd,
    CLAUDE_CODE_SESSION_ID: String(payload.session_id ?? ''),
    ...{ CC_SESSION_ID: session, CC_HOOK_EVENT: event, CC_HOOK_NAME: hook.name },
  };
  const request: HookRequest = { line: command, headers: Object.entries(env), body };
  const done = new Promise<Done>((resolve, reject) => {
    // A user's own line, run by a shell as Claude Code runs hooks; in a group of its own, so that all of it ends.
    const child = spawn('/bin/bash', ['-c', command], {
      ...{ cwd, env: { ...process.env, ...env }, detached: true },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const end = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // all of it has ended
      }
    };
    signal.addEventListener('abort', end, { once: true });
    const out: Buffer[] = [];
    let size = 0;
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => {
      size += data.length;
      if (size <= ANSWER_MAX_BYTES) out.push(data);
      else end();
    });
    child.stderr.setEncoding('utf8').on('data', (data: string) => {
      stderr = (stderr + data).slice(0, STDERR_MAX_CHARS);
    });
    child.stdin.on('error', () => {}); // it need not read
    child.stdin.end(body);
    child.once('error', reject);
    // `exit`, not `close`: a grandchild that keeps the pipes open is no reason to wait.
    child.once('exit', (code) => {
      // What has been written before the exit stands in the pipe still.
      setImmediate(() => {
        signal.removeEventListener('abort', end);
        end();
        if (size > ANSWER_MAX_BYTES) return reject(new Error('its answer is larger than 1 MB'));
        if (signal.aborted) return reject(new Error('stopped'));
        resolve(exited(code, Buffer.concat(out).toString('utf8'), stderr.trim()));
      });
    });
  });
  return { request, done };
}

function exited(code: number | null, stdout: string, stderr: string): Done {
  const answer = { line: code === null ? 'killed' : `exit ${code}`, body: stdout, stderr };
  if (code === EXIT_DENY)
    return { answer, error: null, said: { decision: 'deny', reason: stderr || 'It ended with code 2.' } };
  if (code !== 0)
    return { answer, said: undefined, error: stderr.split('\n').at(-1) || `it ended with ${answer.line}` };
  return { answer, error: null, said: parsed(stdout) };
}

function post({ hook, event, body, signal, session, url }: Call<{ url: string }>): Made {
  const id = `msg_${randomUUID()}`;
  const timestamp = Math.floor(Date.now() / 1_000);
  const headers: Record<string, string> = {
    ...{
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'cloud-claude-hooks/1',
    },
    ...{ 'webhook-id': id, 'webhook-timestamp': String(timestamp) },
    ...{ 'x-cloud-claude-event': event, 'x-cloud-claude-session': session },
  };
  const signed =
    hook.secret === null ? {} : { 'webhook-signature': signature(hook.secret, { id, timestamp, body }) };
  const shown = { ...headers, ...(hook.secret === null ? {} : { 'webhook-signature': `v1,${MASK}` }) };
  const request: HookRequest = { line: `POST ${url}`, headers: Object.entries(shown), body };
  const secure = url.toLowerCase().startsWith('https:');
  const done = new Promise<Done>((resolve, reject) => {
    // No redirects: what is signed for one address goes to no other.
    const call = (secure ? https().request : requestHttp)(
      url,
      {
        ...{ method: 'POST', signal, agent: false },
        headers: { ...headers, ...signed, 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (data: Buffer) => {
          size += data.length;
          if (size <= ANSWER_MAX_BYTES) chunks.push(data);
          else response.destroy(new Error('its answer is larger than 1 MB'));
        });
        response.once('error', reject);
        response.once('end', () =>
          resolve(answered(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'))),
        );
      },
    );
    call.once('error', reject);
    call.end(body);
  });
  return { request, done };
}

function answered(status: number, body: string): Done {
  const answer = { line: `HTTP ${status}`, body, stderr: '' };
  if (status < 200 || status > 299) return { answer, said: undefined, error: `it answered HTTP ${status}` };
  const said = parsed(body);
  if (typeof said === 'string') return { answer, said: undefined, error: 'its answer is no JSON' };
  return { answer, error: null, said };
}

function parsed(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  try {
    const value: unknown = JSON.parse(trimmed);
    return typeof value === 'object' && value !== null ? value : trimmed;
  } catch {
    return trimmed;
  }
}

function folderOf(cwd: unknown): string {
  const home = process.env.HOME ?? '/';
  if (typeof cwd !== 'string') return home;
  try {
    return statSync(cwd).isDirectory() ? cwd : home;
  } catch {
    return home;
  }
}
