/**
 * One log-in from its start to its end, over the pipes of `login begin` in the sandbox:
 *
 *   starting --address said--> url --code sent--> checking --exit 0--> done
 *
 *   checking --not the whole code--> url
 *   any of the first three --exit, time-out, lost connection--> failed
 *                          --cancel--> canceled
 *
 * Whatever the end is, its stdin is closed, and with that the program in the sandbox ends.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { AppError } from '../../../shared/errors';
import { LOGIN_MAX_MS, type LoginView } from '../../../shared/providers';
import { codeOf, createLoginOutput } from './output';

/** Claude Code says its address within a second; a cold disk or a busy machine takes longer. */
const ADDRESS_MAX_MS = 30_000;
/** The exchange of the code and what Claude Code asks of the account after it. */
const CHECK_MAX_MS = 60_000;
/** For the program to end by itself once its stdin is closed; `login` kills it after 3 s. */
const END_MAX_MS = 5_000;

/** stdout and stdin; `exitCode` is set at its close when the program ended by itself. */
export type LoginPipe = Duplex & { readonly exitCode: number | null };
export type LoginLimits = { wholeMs: number; addressMs: number; checkMs: number };
export const loginLimits: LoginLimits = {
  wholeMs: LOGIN_MAX_MS,
  addressMs: ADDRESS_MAX_MS,
  checkMs: CHECK_MAX_MS,
};

export interface Attempt {
  readonly view: LoginView;
  readonly active: boolean;
  /** Throws `wrong_state` unless a code is waited for, `invalid_input` for one that is not whole. */
  code(text: string): void;
  /** Resolves when its program has ended. */
  cancel(): Promise<void>;
  /** Resolves at the next change, or when it is over, or with the signal. */
  next(signal: AbortSignal): Promise<void>;
  /** The program has ended and the last stage is known. */
  readonly ended: Promise<void>;
}

export function beginAttempt(options: {
  open(): Promise<LoginPipe>;
  /** Who is logged in, asked after an exit with 0. */
  account(): Promise<LoginView['account']>;
  changed(view: LoginView): void;
  limits: LoginLimits;
}): Attempt {
  const { limits } = options;
  const output = createLoginOutput();
  const decoder = new StringDecoder('utf8');
  const startedAt = new Date();
  let view: LoginView = {
    ...{ stage: 'starting', url: null, message: null, account: null },
    startedAt: startedAt.toISOString(),
    expiresAt: new Date(startedAt.getTime() + limits.wholeMs).toISOString(),
  };
  let pipe: LoginPipe | null = null;
  let said: string | null = null;
  let incomplete = 0;
  const waiting = new Set<() => void>();
  const whole = setTimeout(
    () => give('The log-in was not finished in time. Start it again.'),
    limits.wholeMs,
  );
  let step = setTimeout(() => give('Claude Code did not say where to log in. Try again.'), limits.addressMs);

  const active = () => view.stage === 'starting' || view.stage === 'url' || view.stage === 'checking';

  function become(change: Partial<LoginView>): void {
    view = { ...view, ...change };
    options.changed(view);
    for (const wake of waiting) wake();
  }

  /** The last stage, once. */
  function end(change: Partial<LoginView> & { stage: 'done' | 'failed' | 'canceled' }): void {
    if (!active()) return;
    clearTimeout(whole);
    clearTimeout(step);
    become({ url: null, message: null, ...change });
    hangUp();
  }
  const give = (message: string) => end({ stage: 'failed', message });

  function hangUp(): void {
    const open = pipe;
    if (!open || open.destroyed) return;
    open.end();
    const late = setTimeout(() => open.destroy(), END_MAX_MS);
    open.once('close', () => clearTimeout(late));
  }

  function read(data: Buffer): void {
    output.push(decoder.write(data));
    if (view.stage === 'starting' && output.url !== null) {
      clearTimeout(step);
      become({ stage: 'url', url: output.url });
    } else if (view.stage === 'checking' && output.incomplete > incomplete) {
      clearTimeout(step);
      incomplete = output.incomplete;
      become({ stage: 'url', message: 'That was not the whole code. Copy all of it, with the # inside.' });
    }
  }

  async function run(): Promise<void> {
    let opened: LoginPipe;
    try {
      opened = await options.open();
    } catch (error) {
      return give(error instanceof AppError ? error.message : 'The log-in could not be started.');
    }
    pipe = opened;
    opened.on('data', read);
    opened.on('error', () => undefined);
    const closed = once(opened, 'close');
    // Canceled while it was being opened.
    if (!active()) hangUp();
    await closed;
    if (!active()) return;
    if (opened.exitCode === null) return give('The connection to the sandbox was lost.');
    if (opened.exitCode !== 0)
      return give(withoutSecrets(output.message, said) || 'Claude ended the log-in.');
    end({ stage: 'done', account: await options.account().catch(() => null) });
  }

  const ended = run();
  return {
    get view() {
      return view;
    },
    get active() {
      return active();
    },
    ended,
    code(text) {
      if (view.stage !== 'url' || !pipe) throw new AppError('wrong_state', 'No code is waited for.');
      const code = codeOf(text);
      if (code === null)
        throw new AppError(
          'invalid_input',
          'This is not the whole code. Copy all of it, with the # inside.',
          {
            field: 'code',
          },
        );
      said = code;
      step = setTimeout(() => give('The code was not answered in time. Start again.'), limits.checkMs);
      become({ stage: 'checking', message: null });
      pipe.write(`${code}\n`);
    },
    async cancel() {
      end({ stage: 'canceled' });
      await ended;
    },
    next(signal) {
      if (!active() || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
  };
}

/** It says neither back; a version that does is not shown. */
function withoutSecrets(message: string, code: string | null): string {
  const parts = (code ?? '').split('#').filter((it) => it.length > 3);
  const plain = parts.reduce((text, part) => text.replaceAll(part, '…'), message);
  return plain.replace(/sk-ant-[A-Za-z0-9_-]+/g, '…');
}
