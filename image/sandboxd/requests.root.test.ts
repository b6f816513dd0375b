// What Claude asks a person, with the real Claude Code: answered from either side, and closed exactly once.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Frame } from '../../shared/frames';
import { broken, ClaudeBox, of, said } from '../testing/claude-box';
import { until } from '../testing/sandbox';

let claude: ClaudeBox;
let one: string;
let turns = 0;
beforeAll(async () => {
  claude = await ClaudeBox.start();
  one = await claude.open('manual');
});
afterAll(() => claude?.remove());

const DIALOG = /Do you want|Enter to select/;
const press = (key: string) => claude.press(one, key, (screen) => !DIALOG.test(screen));
const dialog = async (): Promise<void> => {
  await until(
    () => claude.screen(one),
    (screen) => DIALOG.test(screen),
  );
};
/** Types a prompt and waits for what Claude asks of it. */
async function ask(prompt: string): Promise<string> {
  await claude.prompt(one, prompt);
  const requestId = await claude.asked(one);
  await dialog();
  return requestId;
}
/** The turn's end: how the request was closed, and that it was once. */
async function closing(requestId: string): Promise<Frame[]> {
  turns += 1;
  const frames = await claude.stopped(one, turns);
  expect(broken(frames)).toEqual([]);
  const closed = of(frames, 'request.closed').filter((it) => it.data.requestId === requestId);
  expect(closed).toHaveLength(1);
  const stop = of(frames, 'stop').at(-1);
  expect(closed[0]?.seq).toBeLessThan(stop?.seq ?? 0);
  return frames;
}
const closed = (frames: Frame[]) => of(frames, 'request.closed').at(-1)?.data;

it('a permission given over the API: the terminal goes on', async () => {
  const requestId = await ask('run echo one >> /tmp/made');
  const asked = await claude.frames(one);
  expect(of(asked, 'status').at(-1)?.data).toMatchObject({
    state: 'waiting_for_input',
    detail: 'permission',
  });
  expect((await claude.view(one)).waiting).toMatchObject({
    kind: 'permission',
    text: 'Bash: echo one >> /tmp/made',
  });
  expect(await claude.answer(one, requestId, { behavior: 'allow' })).toBe(true);
  expect(await claude.answer(one, requestId, { behavior: 'deny' })).toBe(false);
  const frames = await closing(requestId);
  expect(closed(frames)).toMatchObject({ by: 'answer', behavior: 'allow' });
  expect(of(frames, 'tool.use.result').at(-1)?.data.isError).toBe(false);
  expect((await claude.box.asRoot('cat', '/tmp/made')).stdout).toBe('one\n');
});

it('a permission refused over the API: Claude is told why, the command never ran', async () => {
  const requestId = await ask('run echo two >> /tmp/made');
  await claude.answer(one, requestId, { behavior: 'deny', message: 'not on a Sunday' });
  const frames = await closing(requestId);
  expect(closed(frames)).toMatchObject({ by: 'answer', behavior: 'deny', message: 'not on a Sunday' });
  expect(of(frames, 'tool.use.result').at(-1)?.data).toMatchObject({ isError: true });
  expect(said(frames).at(-1)).toContain('not on a Sunday');
  expect((await claude.box.asRoot('cat', '/tmp/made')).stdout).toBe('one\n');
});

it('a permission given in the terminal: closed before the command has ended', async () => {
  const requestId = await ask(
    'run echo three >> /tmp/made; for i in $(seq 150); do [ -e /tmp/go-on ] && break; sleep 0.1; done',
  );
  await press('Enter');
  const open = await claude.waitFor(one, (all) => closed(all)?.requestId === requestId);
  expect(of(open, 'tool.use.result').at(-1)?.turn).toBeLessThan(3);
  expect(await claude.answer(one, requestId, { behavior: 'deny' })).toBe(false);
  await claude.box.asRoot('touch', '/tmp/go-on');
  expect(closed(await closing(requestId))).toEqual({ requestId, by: 'terminal' });
});

it('Escape in the terminal, and an interrupt over the API', async () => {
  const first = await ask('run echo four >> /tmp/made');
  await press('Escape');
  let frames = await closing(first);
  expect(closed(frames)).toEqual({ requestId: first, by: 'terminal' });
  expect(of(frames, 'stop').at(-1)?.data.reason).toBe('interrupted');

  const second = await ask('run echo five >> /tmp/made');
  await claude.call('POST', `/sessions/${one}/interrupt`, {});
  frames = await closing(second);
  expect(closed(frames)).toEqual({ requestId: second, by: 'gone' });
  expect((await claude.box.asRoot('cat', '/tmp/made')).stdout).toBe('one\nthree\n');
});

it('two at a time, answered from both sides', async () => {
  const first = await ask('both echo six >> /tmp/made ;; echo seven >> /tmp/made');
  expect(await claude.answer(one, first, { behavior: 'allow' })).toBe(true);
  const second = await claude.asked(one);
  expect(second).not.toBe(first);
  await until(
    () => claude.screen(one),
    (screen) => screen.includes('echo seven'),
  );
  await dialog();
  await press('Enter');
  const frames = await closing(second);
  const all = of(frames, 'permission.request').slice(-2);
  expect(all.map((it) => it.data.toolUseId)).toEqual(
    of(frames, 'tool.use.start')
      .slice(-2)
      .map((it) => it.data.toolUseId),
  );
  expect(
    of(frames, 'request.closed')
      .slice(-2)
      .map((it) => it.data.by),
  ).toEqual(['answer', 'terminal']);
  expect(
    of(frames, 'tool.use.result')
      .slice(-2)
      .map((it) => it.data.isError),
  ).toEqual([false, false]);
});

it('a question, answered over the API with words of our own', async () => {
  const requestId = await ask('ask Which colour? | Red | Blue');
  const answers = { 'Which colour?': 'Green, of course' };
  expect(await claude.answer(one, requestId, { behavior: 'allow', answers })).toBe(true);
  const frames = await closing(requestId);
  expect(of(frames, 'ask.question').at(-1)?.data.questions[0]).toMatchObject({ question: 'Which colour?' });
  expect(closed(frames)).toMatchObject({ by: 'answer', behavior: 'allow', answers });
  expect(said(frames).at(-1)).toContain('Green, of course');
});

it('a question, answered in the terminal: what was chosen is told', async () => {
  const requestId = await ask('ask Which colour? | Red | Blue');
  await claude.press(one, 'Down', (screen) => screen.includes('❯ 2. Blue'));
  await press('Enter');
  expect(closed(await closing(requestId))).toMatchObject({
    by: 'terminal',
    answers: { 'Which colour?': 'Blue' },
  });
});

it('sandboxd killed while it holds one: the terminal keeps its dialog, nothing is asked or closed twice', async () => {
  const requestId = await ask('run echo eight >> /tmp/made');
  const old = (await claude.box.asRoot('pgrep', '-f', 'sandboxd.mjs')).stdout.trim();
  await claude.box.asRoot('kill', '-9', old);
  await claude.waitFor(one, (all) => closed(all)?.requestId === requestId);
  expect(await claude.answer(one, requestId, { behavior: 'allow' })).toBe(false);
  await dialog();
  await until(
    () => claude.view(one),
    (it) => it.status === 'waiting_for_input',
  );
  await press('Enter');
  const frames = await closing(requestId);
  expect(closed(frames)).toEqual({ requestId, by: 'gone' });
  expect(of(frames, 'tool.use.result').at(-1)?.data.isError).toBe(false);
});

it('asks in the bypass mode too, and remembers what it is told to', async () => {
  const two = await claude.open('bypassPermissions');
  await claude.prompt(two, 'ask Which one? | A | B');
  const asked = await claude.asked(two);
  await claude.answer(two, asked, { behavior: 'allow', answers: { 'Which one?': 'B' } });
  expect(said(await claude.stopped(two, 1)).at(-1)).toContain('B');

  const first = await ask('run mkdir /tmp/kept');
  const asking = of(await claude.frames(one), 'permission.request').at(-1);
  // Claude Code's own list.
  const [suggestion] = (asking?.data.suggestions ?? []) as unknown[];
  expect(suggestion).toBeDefined();
  await claude.answer(one, first, { behavior: 'allow', remember: suggestion });
  await closing(first);
  const summaries = await claude.get<{ turns: { turn: number; workMs: number; reason: string }[] }>(
    `/sessions/${one}/turns?after=${turns - 2}`,
  );
  expect(summaries.turns[0]).toMatchObject({ turn: turns - 1, reason: 'completed' });
});
