// One log-in over the pipes of a real program that says what Claude Code says, or should not.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import type { LoginView } from '../../../shared/providers';
import { beginAttempt, type LoginLimits, type LoginPipe, loginLimits } from './attempt';

const ADDRESS =
  'https://claude.com/cai/oauth/authorize?code=true&client_id=1-2&code_challenge=a_b-c&state=x_y';
const ASKS = `echo "If the browser didn't open, visit: ${ADDRESS}"; printf 'Paste code here if prompted > '`;
const account = { method: 'claude.ai', email: 'ada@example.org', subscription: 'max' };
const children: ChildProcess[] = [];

afterEach(async () => {
  // Each has ended by itself, or when its stdin was closed.
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
});

/** A program's stdout and stdin, as a channel of the connection has them. */
function pipe(script: string): LoginPipe {
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
  children.push(child);
  const { stdin, stdout } = child;
  stdin.on('error', () => undefined);
  const stream = Object.assign(
    new Duplex({
      autoDestroy: false,
      read: () => undefined,
      write: (chunk, _encoding, done) => void stdin.write(chunk, () => done()),
      final: (done) => void stdin.end(() => done()),
    }),
    { exitCode: null as number | null }, // set at the end
  );
  stdout.on('data', (data) => stream.push(data));
  child.once('close', (code) => {
    stream.exitCode = code;
    stream.destroy();
  });
  return stream;
}

function begin(script: string, limits: Partial<LoginLimits> = {}) {
  const stages: LoginView['stage'][] = [];
  const attempt = beginAttempt({
    open: async () => pipe(script),
    account: async () => account,
    changed: ({ stage }) => stages.push(stage),
    limits: { ...loginLimits, ...limits },
  });
  const reaches = async (stage: LoginView['stage']) => {
    while (attempt.view.stage !== stage && attempt.active) await attempt.next(new AbortController().signal);
    expect(attempt.view.stage).toBe(stage);
    return attempt.view;
  };
  return { attempt, stages, reaches };
}

test('address, code, done; the program reads the code in one line', async () => {
  const { attempt, stages, reaches } = begin(`${ASKS}; read -r code; [ "$code" = abc_1#st-2 ]`);
  expect((await reaches('url')).url).toBe(ADDRESS);
  attempt.code(' abc_1#\r\n st-2 \n');
  await attempt.ended;
  expect(attempt.view).toMatchObject({ stage: 'done', url: null, message: null, account });
  expect(stages).toEqual(['url', 'checking', 'done']);
});

test('a code that Claude Code takes for half of one is asked for again', async () => {
  const { attempt, reaches, stages } = begin(
    `${ASKS}; read -r one; echo "That doesn't look like the full code."; printf 'Paste code here if prompted > '; read -r two; [ "$two" = c#d ]`,
  );
  await reaches('url');
  attempt.code('a#b');
  expect(attempt.view.message).toBeNull();
  expect((await reaches('url')).message).toMatch(/not the whole code/);
  attempt.code('c#d');
  await attempt.ended;
  expect(stages).toEqual(['url', 'checking', 'url', 'checking', 'done']);
});

test.each([
  [
    'its own words',
    `${ASKS}; read -r code; echo "Couldn't log in: no such host"; exit 1`,
    "Couldn't log in: no such host",
  ],
  ['none', `${ASKS}; read -r code; exit 3`, 'Claude ended the log-in.'],
  ['what is secret', `${ASKS}; read -r code; echo "bad $code for sk-ant-oat01-abc"; exit 1`, 'bad …#… for …'],
  ['a signal', `${ASKS}; read -r code; kill -9 $$`, 'The connection to the sandbox was lost.'],
])('an end by %s is told', async (_name, script, message) => {
  const { attempt, reaches } = begin(script);
  await reaches('url');
  attempt.code('secret-code#secret-state');
  await attempt.ended;
  expect(attempt.view).toMatchObject({ stage: 'failed', message, url: null });
});

test.each<[string, string, Partial<LoginLimits>, RegExp]>([
  ['no address', 'cat', { addressMs: 100 }, /did not say where/],
  [
    'an address that is none',
    `echo 'visit: http://claude.com/oauth/authorize?x'; ${'printf "Paste code here > "'}; cat`,
    { addressMs: 300 },
    /did not say where/,
  ],
  ['no end', `${ASKS}; cat`, { wholeMs: 500 }, /not finished in time/],
  ['no answer to the code', `${ASKS}; cat`, { checkMs: 100 }, /not answered in time/],
])('%s: given up, and its program ends', async (_name, script, limits, message) => {
  const { attempt, reaches } = begin(script, limits);
  if (limits.checkMs) {
    await reaches('url');
    attempt.code('a#b');
  }
  await attempt.ended;
  expect(attempt.view.stage).toBe('failed');
  expect(attempt.view.message).toMatch(message);
});

test('canceled at once, while it is being opened, or twice: its program ends', async () => {
  const { attempt, stages } = begin(`${ASKS}; cat`);
  await Promise.all([attempt.cancel(), attempt.cancel()]);
  expect(attempt.view.stage).toBe('canceled');
  expect(stages).toEqual(['canceled']);
  expect(() => attempt.code('a#b')).toThrow(expect.objectContaining({ code: 'wrong_state' }));
});

test('a code before it is asked for, or half of one, is refused and the log-in goes on', async () => {
  const { attempt } = begin(`read -r go; ${ASKS}; read -r code`, { addressMs: 200 });
  expect(() => attempt.code('a#b')).toThrow(expect.objectContaining({ code: 'wrong_state' }));
  await attempt.ended;
  const next = begin(`${ASKS}; read -r code`);
  await next.reaches('url');
  expect(() => next.attempt.code('half')).toThrow(
    expect.objectContaining({ code: 'invalid_input', field: 'code' }),
  );
  next.attempt.code('a#b');
  await next.attempt.ended;
  expect(next.attempt.view.stage).toBe('done');
});

test('a sandbox that cannot be reached is told', async () => {
  const attempt = beginAttempt({
    open: () => Promise.reject(new Error('no')),
    account: async () => null,
    changed: () => undefined,
    limits: loginLimits,
  });
  await attempt.ended;
  expect(attempt.view).toMatchObject({ stage: 'failed', message: 'The log-in could not be started.' });
});
