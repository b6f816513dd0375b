// What happens to a conversation, with the real Claude Code: models, commands, /clear, compaction, agents, broken streams.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Frame } from '../../shared/frames';
import { exchangeSchema, sandboxdApi, turnSummarySchema } from '../../shared/sandboxd-api';
import { broken, ClaudeBox, of, said } from '../testing/claude-box';
import { until } from '../testing/sandbox';

let claude: ClaudeBox;
let one: string;
beforeAll(async () => {
  claude = await ClaudeBox.start();
  one = await claude.open();
});
afterAll(() => claude?.remove());

const turns = (frames: Frame[]) => of(frames, 'stop').filter((it) => it.data.scope === 'turn').length;
/** Types a prompt and waits for the end of its turn. */
async function say(text: string): Promise<Frame[]> {
  const before = turns(await claude.frames(one));
  await claude.prompt(one, text);
  const frames = await claude.stopped(one, before + 1);
  expect(broken(frames)).toEqual([]);
  return frames;
}
const shows = (id: string, text: string) =>
  until(
    () => claude.screen(id),
    (screen) => screen.includes(text),
  );
const model = (name: string) => claude.call('POST', `/sessions/${one}/model`, { model: name });
const command = (text: string) => claude.call('POST', `/sessions/${one}/command`, { command: text });

it('summarises turns with what they cost, and records what was asked and answered', async () => {
  await say('think hm, well | four words for you');
  const { turns: summaries } = await until(
    () => claude.get<{ turns: unknown[] }>(`/sessions/${one}/turns`),
    (it) => it.turns.length === 1,
  );
  expect(turnSummarySchema.parse(summaries[0])).toMatchObject({
    ...{ turn: 1, reason: 'completed', prompt: 'think hm, well | four words for you' },
    ...{ preview: 'four words for you', tokens: { input: 12, output: 34 } },
    costUsd: expect.any(Number),
  });
  // What it cost is told a moment later.
  const view = await until(
    () => claude.view(one),
    (it) => (it.costUsd ?? 0) > 0,
  );
  expect(view).toMatchObject({
    status: 'idle',
    turns: 1,
    effort: 'medium',
    permissionMode: 'bypassPermissions',
  });
  expect(view.context?.window).toBeGreaterThan(100_000);

  const { exchanges } = sandboxdApi.exchanges.output.parse(await claude.get(`/sessions/${one}/exchanges`));
  const [first] = exchanges;
  expect(first).toMatchObject({ turn: 1, purpose: 'turn', status: 200, tokens: { output: 34 } });
  const whole = exchangeSchema.parse(await claude.get(`/sessions/${one}/exchanges/${first?.exchange}`));
  expect(Object.fromEntries(whole.requestHeaders)).toMatchObject({ Authorization: 'Bearer ***' });
  expect(JSON.parse(whole.requestBody)).toMatchObject({ stream: true });
  expect(claude.api.requests.map((it) => it.body)).toContain(whole.requestBody);
  expect(whole.events?.map((it) => it.event)).toContain('content_block_delta');
  const told = of(await claude.frames(one), 'api').filter((it) => it.data.exchange === first?.exchange);
  expect(told.map((it) => it.data.phase)).toEqual(['request', 'answer', 'end']);
});

it('switches the model, says what Claude says of a wrong name, and not while a turn runs', async () => {
  expect(JSON.parse((await model('sonnet')).text)).toEqual({ model: 'claude-sonnet-5-5' });
  const refused = await model('not-a-model-9');
  expect(refused.status).toBe(409);
  expect(refused.text).toContain('not-a-model-9');
  expect(JSON.parse((await model('sonnet')).text)).toEqual({ model: 'claude-sonnet-5-5' });
  expect(JSON.parse((await model('opus')).text)).toEqual({ model: 'claude-opus-5-5' });
  await claude.prompt(one, 'hold model');
  await claude.waitFor(one, (all) => said(all).some((it) => it.startsWith('before model')));
  expect((await model('sonnet')).status).toBe(409);
  claude.api.release('model');
  await claude.stopped(one, 2);
  expect((await model('$(id)')).status).toBe(400);
  const frames = await say('say with opus again');
  expect(of(frames, 'usage').at(-1)?.data.model).toBe('claude-opus-5-5');
  expect(broken(frames)).toEqual([]);
});

it('asks again when a stream breaks, and keeps the whole answer alone', async () => {
  const frames = await say('drop the first half and the second half');
  expect(said(frames).at(-1)).toBe('the first half and the second half');
  const tries = of(frames, 'api').filter((it) => it.data.phase === 'end' && it.turn === frames.at(-2)?.turn);
  expect(tries.length).toBeGreaterThan(1);
  expect(of(frames, 'meta').map((it) => it.data.event)).toContain('message.discarded');
}, 180_000);

it('two tools in one message', async () => {
  const frames = await say('both echo a; sleep 0.3 ;; echo b >&2; exit 2');
  const starts = of(frames, 'tool.use.start').slice(-2);
  expect(
    of(frames, 'tool.use.result')
      .slice(-2)
      .map((it) => it.data.isError),
  ).toEqual([false, true]);
  expect(new Set(starts.map((it) => it.data.toolUseId)).size).toBe(2);
});

it('an agent in the background: nested, and its end ends no turn', async () => {
  const before = turns(await claude.frames(one));
  await claude.prompt(one, 'agent run echo from-the-agent');
  // The turn that sent it off, and the one that its end begins.
  const frames = await claude.stopped(one, before + 2);
  expect(broken(frames)).toEqual([]);
  const nested = frames.filter((it) => it.agent !== undefined);
  expect(new Set(nested.map((it) => it.agent)).size).toBe(1);
  expect(of(nested, 'tool.use.result')[0]?.data.output).toBe('from-the-agent');
  expect(
    of(nested, 'text.delta')
      .map((it) => it.data.text)
      .join(''),
  ).toContain('ran: from-the-agent');
  expect(of(nested, 'stop')).toEqual([]);
  expect(of(nested, 'usage')).toHaveLength(2);
}, 60_000);

it('compacts by a command, and by itself when the context is full', async () => {
  expect((await command('/compact keep the numbers')).status).toBe(200);
  let frames = await claude.waitFor(one, (all) => of(all, 'meta').some((it) => it.data.event === 'compact'));
  expect(of(frames, 'status').some((it) => it.data.detail === 'compacting')).toBe(true);
  frames = await say('say after compaction');
  expect(said(frames).at(-1)).toBe('after compaction');
  expect(said(frames).join('')).not.toContain('A scripted summary');
  expect(of(frames, 'meta').filter((it) => it.data.event === 'prompt.failed')).toEqual([]);
});

it('/clear: a new conversation, and the session comes back with that one', async () => {
  await command('/clear');
  await claude.waitFor(one, (all) => of(all, 'meta').some((it) => it.data.event === 'session.clear'));
  await say('say something new');
  const { claudeSessionId } = await claude.view(one);
  expect(claudeSessionId).not.toBe(one);
  await claude.box.ssh(`cat ~/.cloud-claude/sessions/${one}/claude-id`).then(({ stdout }) => {
    expect(stdout.trim()).toBe(claudeSessionId);
  });
  await claude.box.tmux(`kill-session -t cc-${one.replaceAll('-', '').slice(0, 16)}`);
  await claude.waitFor(one, (all) => of(all, 'stop').some((it) => it.data.scope === 'session'));
  await claude.reopen(one);
  await shows(one, 'something new');
  expect(await claude.screen(one)).not.toContain('after compaction');
  expect((await claude.view(one)).claudeSessionId).toBe(claudeSessionId);
  const frames = await say('say still here');
  expect(said(frames).at(-1)).toBe('still here');
});

it('compacts by itself when the context is full', async () => {
  await claude.prompt(one, 'overflow');
  const frames = await claude.waitFor(one, (all) => said(all).at(-1) === 'it fits now', 60_000);
  expect(of(frames, 'meta').map((it) => it.data.event)).toContain('compact');
  await until(
    () => claude.view(one),
    (it) => it.status === 'idle',
  );
  expect(broken(await claude.frames(one))).toEqual([]);
}, 90_000);

it("shows the user's own status line in the place of ours, and listens all the same", async () => {
  await claude.box.ssh(
    `jq '.statusLine = {type: "command", command: "jq -r .session_id | sed s/^/MINE-/"}' ~/.claude/settings.json > /tmp/s && cp /tmp/s ~/.claude/settings.json`,
  );
  const two = await claude.open();
  await shows(two, `MINE-${two}`);
  await claude.waitFor(two, (all) => of(all, 'context').length > 0);
});
