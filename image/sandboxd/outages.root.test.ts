// What breaks in the middle of a turn, with the real Claude Code: the gateway's connection, the sandbox itself.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SANDBOX_GATEWAY_SOCKET, tmuxName } from '../../shared/names';
import { broken, ClaudeBox, of, said } from '../testing/claude-box';
import { until } from '../testing/sandbox';

let claude: ClaudeBox;
let one: string;
beforeAll(async () => {
  claude = await ClaudeBox.start();
  one = await claude.open();
});
afterAll(() => claude?.remove());

const stops = (frames: Parameters<typeof said>[0]) =>
  of(frames, 'stop').map((it) => [it.data.scope, it.data.reason]);
const connect = () => claude.box.forward(SANDBOX_GATEWAY_SOCKET, Number(new URL(claude.api.url).port));

it('the gateway goes away in the middle of an answer and comes back: one whole answer', async () => {
  await claude.prompt(one, 'hold restarted');
  await claude.waitFor(one, (all) => said(all).some((it) => it.startsWith('before restarted')));
  const asked = claude.api.requests.length;
  await claude.box.closeSsh();
  claude.api.release('restarted');
  // Claude Code asks again and is told 503 until the way is there.
  await claude.waitFor(
    one,
    (all) => of(all, 'meta').some((it) => it.data.event === 'message.discarded') || said(all).length > 0,
  );
  await connect();
  const frames = await claude.stopped(one, 1);
  expect(broken(frames)).toEqual([]);
  expect(said(frames)).toEqual(['before restarted\n\nafter restarted']);
  expect(stops(frames)).toEqual([['turn', 'completed']]);
  expect(claude.api.requests.length).toBeGreaterThan(asked);
}, 120_000);

it('sandboxd hangs in the middle of an answer: it is ended within seconds, and Claude goes on', async () => {
  const sandboxd = async () => (await claude.box.asRoot('pgrep', '-f', 'sandboxd.mjs')).stdout.trim();
  await claude.prompt(one, 'hold hung');
  await claude.waitFor(one, (all) => said(all).some((it) => it.startsWith('before hung')));
  const hung = await sandboxd();
  await claude.box.asRoot('kill', '-STOP', hung);
  claude.api.release('hung');
  await until(sandboxd, (pid) => pid !== '' && pid !== hung, 25_000);
  const frames = await claude.stopped(one, 2);
  expect(broken(frames)).toEqual([]);
  expect(said(frames).at(-1)).toBe('before hung\n\nafter hung');
  expect(stops(frames)).toEqual([
    ['turn', 'completed'],
    ['turn', 'completed'],
  ]);
}, 90_000);

it('the sandbox is stopped in the middle of an answer: the turn is told lost, the session comes back by its name', async () => {
  await claude.prompt(one, 'hold stopped');
  await claude.waitFor(one, (all) => said(all).some((it) => it.startsWith('before stopped')));
  await claude.box.closeSsh();
  await claude.box.stop();
  claude.api.release('stopped');
  await claude.box.start();
  await claude.box.release();
  await connect();
  await claude.reopen(one);
  const { stdout } = await claude.box.tmux("list-sessions -F '#{session_name}'");
  expect(stdout.trim()).toBe(tmuxName(one));
  await until(
    () => claude.screen(one),
    (screen) => screen.includes('after hung'),
  );

  await claude.prompt(one, 'say and on it goes');
  const frames = await claude.waitFor(
    one,
    (all) => said(all).at(-1) === 'and on it goes' && of(all, 'stop').at(-1)?.turn === 4,
  );
  expect(broken(frames)).toEqual([]);
  const turnStops = of(frames, 'stop').filter((it) => it.data.scope === 'turn');
  expect(turnStops.map((it) => [it.turn, it.data.reason])).toEqual([
    [1, 'completed'],
    [2, 'completed'],
    [3, 'lost'],
    [4, 'completed'],
  ]);
  const summaries = await until(
    () => claude.get<{ turns: { turn: number }[] }>(`/sessions/${one}/turns`),
    (it) => it.turns.length === 4,
  );
  expect(summaries.turns.map((it) => it.turn)).toEqual([1, 2, 3, 4]);
}, 120_000);

it('the sandbox is killed while a prompt waits in the queue: it is typed once, after the session is back', async () => {
  await claude.prompt(one, 'hold killed');
  await claude.waitFor(one, (all) => said(all).some((it) => it.startsWith('before killed')));
  await claude.prompt(one, 'say it was waiting');
  await claude.box.closeSsh();
  await claude.box.kill();
  claude.api.release('killed');
  await claude.box.start();
  await claude.box.release();
  await connect();
  await claude.reopen(one);
  const frames = await claude.waitFor(
    one,
    (all) => said(all).at(-1) === 'it was waiting' && of(all, 'stop').at(-1)?.turn === 6,
  );
  expect(broken(frames)).toEqual([]);
  const waited = of(frames, 'text.delta').filter(
    (it) => it.data.role === 'user' && it.data.text === 'say it was waiting',
  );
  expect(waited).toHaveLength(1);
  expect((await claude.view(one)).queued).toBe(0);
}, 120_000);
