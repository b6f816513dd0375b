// The real Claude Code in the real image against the scripted API: the journal is compared with the script.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Frame } from '../../shared/frames';
import { tmuxName } from '../../shared/names';
import { broken, ClaudeBox, of, said } from '../testing/claude-box';
import { until } from '../testing/sandbox';

let claude: ClaudeBox;
let one: string;
beforeAll(async () => {
  claude = await ClaudeBox.start();
  one = await claude.open();
});
afterAll(() => claude?.remove());

const users = (frames: Parameters<typeof said>[0]) =>
  of(frames, 'text.delta').flatMap(({ data }) => (data.role === 'user' ? [data.text] : []));

it('writes a turn with its text token by token, its tools and its end', async () => {
  await claude.prompt(one, 'say one two three four five six seven');
  let frames = await claude.stopped(one, 1);
  expect(broken(frames)).toEqual([]);
  expect(users(frames)).toEqual(['say one two three four five six seven']);
  expect(said(frames)).toEqual(['one two three four five six seven']);
  expect(of(frames, 'text.delta').length).toBeGreaterThan(3);
  expect(of(frames, 'usage').map((it) => it.data)).toMatchObject([
    { input: 12, output: 34, purpose: 'turn' },
  ]);

  await claude.prompt(one, 'run echo from-the-tool; sleep 0.2');
  frames = await claude.stopped(one, 2);
  expect(broken(frames)).toEqual([]);
  expect(of(frames, 'tool.use.start')[0]).toMatchObject({
    turn: 2,
    data: { tool: 'Bash', input: { command: 'echo from-the-tool; sleep 0.2' } },
  });
  const [result] = of(frames, 'tool.use.result');
  expect(result?.data).toMatchObject({ tool: 'Bash', isError: false, output: 'from-the-tool' });
  expect(result?.data.durationMs).toBeGreaterThan(150);

  await claude.prompt(one, 'run echo oops >&2; exit 3');
  frames = await claude.stopped(one, 3);
  expect(broken(frames)).toEqual([]);
  expect(of(frames, 'tool.use.result')[1]?.data).toMatchObject({
    isError: true,
    output: /oops/.source && expect.stringContaining('oops'),
  });
  expect(of(frames, 'stop').map((it) => [it.turn, it.data.reason])).toEqual([
    [1, 'completed'],
    [2, 'completed'],
    [3, 'completed'],
  ]);
  expect(of(frames, 'usage')).toHaveLength(5);
  expect(of(frames, 'status').at(-1)?.data.state).toBe('idle');
});

it('tells an interrupt in the middle of an answer, with the text that was there', async () => {
  const before = of(await claude.frames(one), 'stop').length;
  await claude.prompt(one, 'hold interrupt');
  await claude.waitFor(one, (all) => said(all).some((it) => it.startsWith('before interrupt')));
  expect(JSON.parse((await claude.call('POST', `/sessions/${one}/interrupt`, {})).text)).toEqual({
    sent: true,
  });
  const frames = await claude.stopped(one, before + 1);
  expect(of(frames, 'stop').at(-1)?.data.reason).toBe('interrupted');
  expect(said(frames).at(-1)).toBe('before interrupt\n\n');
  expect(broken(frames)).toEqual([]);
  await until(
    () => claude.view(one),
    (it) => it.status === 'idle',
  );
});

it('loses and doubles nothing when sandboxd is killed in the middle of an answer', async () => {
  const before = of(await claude.frames(one), 'stop').length;
  await claude.prompt(one, 'hold killed');
  await claude.waitFor(one, (all) => said(all).some((it) => it.startsWith('before killed')));
  const old = (await claude.box.asRoot('pgrep', '-f', 'sandboxd.mjs')).stdout.trim();
  await claude.box.asRoot('kill', '-9', old);
  claude.api.release('killed');
  const frames = await claude.stopped(one, before + 1);
  expect(broken(frames)).toEqual([]);
  expect(said(frames).at(-1)).toBe('before killed\n\nafter killed');
  expect(said(frames).filter((it) => it.includes('killed'))).toHaveLength(1);
  expect(users(frames).filter((it) => it === 'hold killed')).toHaveLength(1);
});

it('follows /clear to the new transcript', async () => {
  const before = of(await claude.frames(one), 'stop').length;
  await claude.type(one, '/clear', 'Enter');
  await claude.waitFor(one, (all) => of(all, 'meta').some((it) => it.data.event === 'session.clear'));
  await claude.prompt(one, 'say after the clear');
  const frames = await claude.stopped(one, before + 1);
  expect(said(frames).at(-1)).toBe('after the clear');
  expect(broken(frames)).toEqual([]);
  const transcripts = of(frames, 'meta').flatMap((it) => it.data.transcript ?? []);
  expect(new Set(transcripts).size).toBe(2);
});

it('keeps two sessions apart, and takes any text for a prompt', async () => {
  const two = await claude.open();
  const texts = [
    '/clear is not meant',
    '!ls',
    '#note',
    '@nobody',
    'no line to go on \\',
    'tab\there\u0007',
    'a\nb',
    `long\n${'x'.repeat(300_000)}\nend`,
  ];
  const before = (await claude.frames(one)).length;
  for (const text of texts) await claude.prompt(two, text);
  await claude.prompt(one, 'say in the first');
  const frames = await claude.waitFor(two, (all) => of(all, 'stop').length === texts.length, 60_000);
  const wanted = texts.map((it) => it.replace('\u0007', '').replaceAll(/\s+/g, ''));
  const got = users(frames).map((it) => it.replaceAll(/\s+/g, ''));
  expect(got.map((it) => it.slice(0, 100))).toEqual(wanted.map((it) => it.slice(0, 100)));
  expect(got.at(-1)?.length).toBeGreaterThan(250_000);
  expect(broken(frames)).toEqual([]);
  const first = await claude.waitFor(one, (all) => said(all).at(-1) === 'in the first');
  expect(users(first.slice(before))).toEqual(['say in the first']);
});

it('tells the bytes of the terminal when it is asked to, also after a restart, and no more', async () => {
  const raw = (on: boolean) => claude.call('POST', `/sessions/${one}/raw`, { on });
  const bytes = (all: Frame[]) =>
    Buffer.concat(of(all, 'pty.raw').map((it) => Buffer.from(it.data.base64, 'base64'))).length;
  expect(of(await claude.frames(one), 'pty.raw')).toEqual([]);
  expect(JSON.parse((await raw(true)).text)).toEqual({ on: true });
  // Joined at the next look.
  await until(
    () => claude.box.tmux(`display-message -p -t ${tmuxName(one)} '#{pane_pipe}'`),
    ({ stdout }) => stdout.trim() === '1',
  );
  await claude.type(one, 'typed');
  const before = bytes(await claude.waitFor(one, (all) => bytes(all) >= 'typed'.length));
  const old = (await claude.box.asRoot('pgrep', '-f', 'sandboxd.mjs')).stdout.trim();
  await claude.box.asRoot('kill', '-9', old);
  await until(
    () => claude.call('GET', '/health'),
    ({ status }) => status === 200,
  );
  const again = (all: Frame[]) => bytes(all) > before;
  // What is printed until it has joined again is in no frame.
  for (let tries = 0; tries < 10 && !again(await claude.frames(one)); tries++) {
    await claude.type(one, 'more');
    await until(() => claude.frames(one), again, 2_000).catch(() => undefined);
  }
  expect(again(await claude.frames(one))).toBe(true);
  expect((await raw(false)).status).toBe(200);
  const { stdout } = await claude.box.tmux(`display-message -p -t ${tmuxName(one)} '#{pane_pipe}'`);
  expect(stdout.trim()).toBe('0');
  await claude.type(one, ...Array<string>(5).fill('C-u'));
  expect(broken(await claude.frames(one))).toEqual([]);
});

it('stays small, and ends a session with its process', async () => {
  const { rssBytes } = JSON.parse((await claude.call('GET', '/health')).text) as { rssBytes: number };
  expect(rssBytes).toBeLessThan(60 * 1024 * 1024);
  await claude.type(one, '/exit', 'Enter');
  const frames = await claude.waitFor(one, (all) =>
    of(all, 'stop').some((it) => it.data.scope === 'session'),
  );
  expect(broken(frames)).toEqual([]);
});
