// The reconciler by tables: what each source says, in every order that happens, and the frames that have to come of it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Frame, frameSchema } from '../../shared/frames';
import { broken, of, said } from '../testing/claude-box';
import { readJournal } from './journal-reader';
import type { MessageEvent } from './message-events';
import { Session } from './session';

const id = '01234567-89ab-4cde-8f01-23456789abcd';
let folder: string;
let session: Session;
let lines: string[];

const make = () =>
  new Session({
    id,
    folder: join(folder, 'state'),
    log: () => {},
    onIdle: () => {},
    onPrompt: () => undefined,
  });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cc-session-'));
  mkdirSync(join(folder, 'state'));
  lines = [];
  session = make();
});
afterEach(() => {
  session.close();
  rmSync(folder, { recursive: true });
});

const transcript = () => join(folder, 'transcript.jsonl');
const hook = (name: string, payload: Record<string, unknown> = {}) =>
  session.hook({
    name,
    payload: { hook_event_name: name, session_id: id, transcript_path: transcript(), ...payload },
  });
const start = () => hook('SessionStart', { source: 'startup' });
const ask = (prompt_id = 'p1') => hook('UserPromptSubmit', { prompt: 'do it', prompt_id });
async function write(...entries: object[]): Promise<void> {
  lines.push(...entries.map((it) => JSON.stringify(it)));
  writeFileSync(transcript(), `${lines.join('\n')}\n`);
  await session.pull();
}
const user = (promptId: string, content: unknown = 'do it') => ({
  type: 'user',
  promptId,
  message: { content },
});
const assistant = (text: string, messageId = 'm1') => ({
  type: 'assistant',
  apiBlockIndex: 0,
  message: {
    id: messageId,
    model: 'm',
    content: [{ type: 'text', text }],
    usage: { input_tokens: 1, output_tokens: 2 },
  },
});
const done = { type: 'system', subtype: 'turn_duration' };

function stream(options: { tools?: boolean; agent?: string } = {}) {
  const place = { method: 'POST', path: '/v1/messages', headers: [], session: undefined };
  const sink = session.open({ ...place, claudeId: id, agent: options.agent });
  sink.requestEnd({ message: true, tools: options.tools ?? true, model: 'm' });
  return { event: (it: MessageEvent) => sink.message(it), end: () => sink.end(false) };
}
const begin = (messageId = 'm1'): MessageEvent => ({ type: 'start', messageId, model: 'm' });
const piece = (text: string, at = 0, messageId = 'm1'): MessageEvent => ({
  ...{ type: 'piece', messageId, block: 0, channel: 'text', at, text },
});
const end = (messageId = 'm1'): MessageEvent => ({
  ...{ type: 'end', messageId, usage: { model: 'm', input: 1, output: 2, cacheRead: 0, cacheWrite: 0 } },
});
function streamed(events: MessageEvent[]): void {
  const sink = stream();
  for (const event of events) sink.event(event);
  sink.end();
}

async function frames(): Promise<Frame[]> {
  const out: Frame[] = [];
  const place = { session: id, from: 0, follow: false, signal: new AbortController().signal };
  for await (const data of readJournal(session.recorder.journal, place))
    for (const line of data.toString().trim().split('\n'))
      out.push(frameSchema.parse(JSON.parse(line)) as Frame); // the schema's output
  expect(broken(out)).toEqual([]);
  return out;
}
const ends = (all: Frame[]) => of(all, 'stop').map((it) => it.data.reason);

const stop = (text: string) => hook('Stop', { last_assistant_message: text });
const orders: [string, () => Promise<void>][] = [
  [
    'stream, hook, transcript',
    async () => {
      await ask();
      streamed([begin(), piece('one '), piece('two', 4), end()]);
      await stop('one two');
      await write(user('p1'), assistant('one two'), done);
    },
  ],
  [
    'transcript before the hook',
    async () => {
      await ask();
      streamed([begin(), piece('one '), piece('two', 4), end()]);
      await write(user('p1'), assistant('one two'));
      await stop('one two');
      await write(done);
    },
  ],
  [
    'no stream: the transcript alone has the text, after the hook',
    async () => {
      await ask();
      await stop('one two');
      expect(ends(await frames())).toEqual([]);
      await write(user('p1'), assistant('one two'), done);
    },
  ],
  [
    'no hooks at all',
    async () => {
      streamed([begin(), piece('one two'), end()]);
      await write(user('p1'), assistant('one two'), done);
    },
  ],
  ['nothing but the transcript', () => write(user('p1'), assistant('one two'), done)],
  [
    'the stream is cut and the transcript keeps the answer',
    async () => {
      await ask();
      streamed([begin(), piece('one ')]);
      await write(user('p1'), assistant('one two'), done);
    },
  ],
  [
    'the stream is cut and asked for again',
    async () => {
      await ask();
      streamed([begin('m0'), piece('one ', 0, 'm0')]);
      streamed([begin(), piece('one two'), end()]);
      await stop('one two');
      await write(user('p1'), assistant('one two'), done);
    },
  ],
  [
    'sandboxd dies in the middle of the text',
    async () => {
      await ask();
      const sink = stream();
      for (const event of [begin(), piece('one ')]) sink.event(event);
      session.recorder.journal.close();
      session = make();
      await write(user('p1'), assistant('one two'), done);
    },
  ],
  [
    'sandboxd dies after the stop and reads the transcript again',
    async () => {
      await ask();
      streamed([begin(), piece('one two'), end()]);
      await stop('one two');
      session.recorder.journal.close();
      session = make();
      await write(user('p1'), assistant('one two'), done);
    },
  ],
];

test.each(orders)('%s: the text once, its usage once, then the stop', async (_name, happen) => {
  await start();
  await happen();
  const all = await frames();
  expect(said(all)).toEqual(['one two']);
  expect(of(all, 'text.delta').flatMap((it) => (it.data.role === 'user' ? [it.data.text] : []))).toEqual([
    'do it',
  ]);
  expect(of(all, 'usage').map((it) => it.data.messageId)).toEqual(['m1']);
  expect(ends(all)).toEqual(['completed']);
  expect(all.at(-1)).toMatchObject({ kind: 'status', data: { state: 'idle' } });
});

test('an interrupt is told by the transcript, and ends the right turn', async () => {
  await start();
  await ask();
  const sink = stream();
  for (const event of [begin(), piece('half')]) sink.event(event);
  await write(user('p1'), assistant('half'), user('p1', '[Request interrupted by user]'));
  sink.event(piece(' more', 4));
  sink.end();
  await ask('p2');
  streamed([begin('m2'), piece('next', 0, 'm2'), end('m2')]);
  await stop('next');
  const all = await frames();
  expect(ends(all)).toEqual(['interrupted', 'completed']);
  expect(said(all)).toEqual(['half', 'next']);
});

test('what stands in the place of a missing answer is nobody’s words; an error of the API is told', async () => {
  await start();
  await ask();
  const synthetic = (text: string, messageId: string) => {
    const line = assistant(text, messageId);
    return { ...line, message: { ...line.message, model: '<synthetic>' } };
  };
  await write(user('p1'), synthetic('No response requested.', 's1'), synthetic('API Error: 401', 's2'));
  expect(said(await frames())).toEqual(['API Error: 401']);
});

test('a late line of one turn does not end the next', async () => {
  await start();
  await ask();
  streamed([begin(), piece('a'), end()]);
  await stop('a');
  await ask('p2');
  await write(user('p1'), assistant('a'), done);
  expect(ends(await frames())).toEqual(['completed']);
  await write(user('p2'), assistant('b', 'm2'), done);
  expect(ends(await frames())).toEqual(['completed', 'completed']);
});

test("a subagent's end is not the turn's, and its text is marked", async () => {
  await start();
  await ask();
  const sink = stream({ agent: 'a1' });
  for (const event of [begin('s1'), piece('sub', 0, 's1'), end('s1')]) sink.event(event);
  sink.end();
  await hook('Stop', { agent_id: 'a1' });
  await hook('SubagentStop', { agent_id: 'a1' });
  const all = await frames();
  expect(ends(all)).toEqual([]);
  expect(all.find((it) => it.kind === 'text.delta' && it.agent === 'a1')).toBeDefined();
});

test('a title says nothing in the conversation, but costs', async () => {
  await start();
  const sink = stream({ tools: false });
  for (const event of [begin('t'), piece('{"title":"x"}', 0, 't'), end('t')]) sink.event(event);
  sink.end();
  const all = await frames();
  expect(said(all)).toEqual([]);
  expect(of(all, 'usage')[0]?.data.purpose).toBe('side');
  expect(session.recorder.state.turn).toBeNull();
});

test('tools: one start and one result wherever they are seen, a denied one from the transcript, todos, questions', async () => {
  await start();
  await ask();
  const tool = {
    tool_name: 'TaskCreate',
    tool_use_id: 't1',
    tool_input: { subject: 'Write', activeForm: 'Writing' },
  };
  await hook('PreToolUse', tool);
  await hook('PostToolUse', { ...tool, tool_response: { task: { id: '1' } }, duration_ms: 45 });
  const update = {
    tool_name: 'TaskUpdate',
    tool_use_id: 't2',
    tool_input: { taskId: '1', status: 'completed' },
  };
  await hook('PreToolUse', update);
  await hook('PostToolUse', { ...update, tool_response: { success: true }, duration_ms: 1 });
  await hook('PreToolUse', { tool_name: 'Bash', tool_use_id: 't3', tool_input: { command: 'rm' } });
  void hook('PermissionRequest', { tool_name: 'Bash', tool_input: { command: 'rm' } });
  expect(session.recorder.state.status).toBe('waiting_for_input');
  const denied = [{ type: 'tool_result', tool_use_id: 't3', is_error: true, content: 'denied' }];
  const again = [{ type: 'tool_result', tool_use_id: 't1', content: 'created' }];
  await write(user('p1'), user('p1', again), user('p1', denied));
  const questions = [{ question: 'Which?', header: 'H', options: [{ label: 'a' }], multiSelect: false }];
  await hook('PreToolUse', { tool_name: 'AskUserQuestion', tool_use_id: 't4', tool_input: { questions } });
  void hook('PermissionRequest', { tool_name: 'AskUserQuestion', tool_input: { questions } });
  const all = await frames();
  expect(
    of(all, 'tool.use.result').map((it) => [it.data.toolUseId, it.data.isError, it.data.durationMs]),
  ).toEqual([
    ['t1', false, 45],
    ['t2', false, 1],
    ['t3', true, expect.any(Number)],
  ]);
  expect(of(all, 'todo.update').at(-1)?.data.items).toEqual([
    { id: '1', subject: 'Write', status: 'completed', activeForm: 'Writing' },
  ]);
  expect(of(all, 'permission.request')[0]?.data).toMatchObject({ tool: 'Bash', toolUseId: 't3' });
  expect(of(all, 'ask.question')[0]?.data).toMatchObject({ toolUseId: 't4', questions });
});
