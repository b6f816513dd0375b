// Users' hooks with the real Claude Code: what each kind of answer does, and what a hook that fails does.
import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../../shared/frames';
import { SANDBOX_SESSION_COMMAND } from '../../../shared/names';
import { SANDBOXD_SOCKET } from '../../../shared/sandboxd-api';
import { broken, ClaudeBox, of, said } from '../../testing/claude-box';
import { until } from '../../testing/sandbox';

let claude: ClaudeBox;
let one: string;
let turns = 0;

const USER = '/home/claude/.claude/hooks.json';
type FileHook = Record<string, unknown>;

async function userHooks(events: Record<string, FileHook | FileHook[]>, matcher = ''): Promise<void> {
  const hooks = Object.fromEntries(
    Object.entries(events).map(([event, of]) => [event, [{ matcher, hooks: [of].flat() }]]),
  );
  await claude.box.ssh(`cat > ${USER}.new && mv ${USER}.new ${USER}`, JSON.stringify({ hooks }));
}
/** A command hook that answers this. */
const says = (answer: unknown, more: FileHook = {}): FileHook => ({
  ...{ type: 'command', command: `cat >/tmp/seen; printf '%s' '${JSON.stringify(answer)}'`, ...more },
});
async function turn(prompt: string): Promise<Frame[]> {
  const from = (await claude.frames(one)).length;
  await claude.prompt(one, prompt);
  turns += 1;
  const frames = await claude.stopped(one, turns);
  expect(broken(frames)).toEqual([]);
  return frames.slice(from);
}
const users = (frames: Frame[]) => of(frames, 'hook').filter((it) => it.data.name !== undefined);
const ran = (frames: Frame[]) => of(frames, 'tool.use.result').map((it) => it.data);

beforeAll(async () => {
  claude = await ClaudeBox.start();
  one = await claude.open('bypassPermissions');
});
afterAll(() => claude?.remove());

it('a session without hooks holds nothing', async () => {
  const frames = await turn('run echo plain');
  expect(users(frames)).toEqual([]);
  expect(said(frames).at(-1)).toBe('ran: plain');
});

describe('a command of the user, written into the file while the session runs', () => {
  it('denies: the tool does not run, Claude is told why', async () => {
    await userHooks({
      PreToolUse: says({ decision: 'deny', reason: 'never on a Friday' }, { name: 'weekday' }),
    });
    const frames = await turn('run touch /tmp/denied');
    expect(said(frames).at(-1)).toContain('never on a Friday');
    expect((await claude.box.asRoot('ls', '/tmp/denied')).code).not.toBe(0);
    expect(users(frames).map((it) => it.data)).toMatchObject([
      { event: 'PreToolUse', name: 'weekday', answer: { decision: 'deny', reason: 'never on a Friday' } },
    ]);
    expect(users(frames)[0]?.data.durationMs).toBeGreaterThan(0);
    const seen = JSON.parse((await claude.box.asRoot('cat', '/tmp/seen')).stdout);
    expect(seen).toMatchObject({
      hook_event_name: 'PreToolUse',
      tool_input: { command: 'touch /tmp/denied' },
    });
  });

  it('rewrites, twice, and gives context; the next hook sees what the one before made', async () => {
    const second = `jq -c '{updatedInput: (.tool_input + {command: (.tool_input.command + "-two")})}'`;
    await userHooks({
      PreToolUse: [
        says({ updatedInput: { command: 'echo one', description: 'x' } }),
        { type: 'command', command: second },
      ],
      UserPromptSubmit: { type: 'command', command: 'echo "the password is swordfish"' },
    });
    const before = claude.api.requests.length;
    const frames = await turn('run echo original');
    expect(said(frames).at(-1)).toBe('ran: one-two');
    expect(JSON.stringify(claude.api.requests.slice(before))).toContain('the password is swordfish');
    expect(users(frames)).toHaveLength(3);
  });

  it('a prompt that is refused ends its turn, and the next one comes through whole', async () => {
    await userHooks({
      UserPromptSubmit: {
        type: 'command',
        command: `! grep -q forbidden || { echo 'not here' >&2; exit 2; }`,
      },
    });
    const before = claude.api.requests.length;
    const frames = await turn('say something forbidden\n\nwith a second line');
    expect(said(frames)).toEqual([]);
    expect(of(frames, 'stop').at(-1)?.data).toMatchObject({ reason: 'failed', error: 'not here' });
    expect(said(await turn('say fine')).at(-1)).toBe('fine');
    expect(JSON.stringify(claude.api.requests.slice(before))).not.toContain('forbidden');
  });

  it('a Stop that is refused makes Claude go on', async () => {
    await userHooks({
      Stop: {
        type: 'command',
        command: `jq -e .stop_hook_active >/dev/null || { echo 'say more' >&2; exit 2; }`,
      },
    });
    const frames = await turn('say first');
    expect(said(frames)).toHaveLength(2);
  });
});

describe('a hook that fails', () => {
  it.each([
    ['continue', 'ran: ok'],
    ['block', 'no answer within 0.5 s'],
  ])('is too late, with the policy %s', async (onFailure, expected) => {
    await userHooks({
      PreToolUse: { type: 'command', command: 'sleep 30 & sleep 30', timeout: 0.5, onFailure },
    });
    const frames = await turn('run echo ok');
    expect(said(frames).at(-1)).toContain(expected);
    expect(users(frames)[0]?.data.error).toBe('no answer within 0.5 s');
    expect((await claude.box.asRoot('pgrep', '-f', 'sleep 30')).code).toBe(1);
  });

  it('ends with an error, with the policy block: the others are not asked', async () => {
    await userHooks({
      PreToolUse: [
        { type: 'command', command: 'echo broken >&2; exit 1', onFailure: 'block', name: 'first' },
        says({ decision: 'allow' }, { name: 'second' }),
      ],
    });
    const frames = await turn('run echo ok');
    expect(said(frames).at(-1)).toContain('The hook “first” failed: broken');
    expect(users(frames).map((it) => it.data.name)).toEqual(['first']);
  });
});

it('an http hook is signed over its body and its time', async () => {
  const secret = `whsec_${Buffer.from('a secret of thirty-two bytes ....').toString('base64')}`;
  const program = `require('http').createServer((q,r)=>{let b='';q.on('data',d=>b+=d).on('end',()=>{
    require('fs').writeFileSync('/tmp/posted',JSON.stringify({h:q.headers,b}));
    r.setHeader('content-type','application/json');r.end(JSON.stringify({decision:'deny',reason:'by http, secret ${secret}'}))})
  }).listen(9099,'127.0.0.1',()=>console.log('up'))`;
  await claude.box.ssh(`nohup node -e "$(cat)" >/tmp/receiver 2>&1 </dev/null & sleep 0.1`, program);
  await until(
    () => claude.box.asRoot('cat', '/tmp/receiver'),
    ({ stdout }) => stdout.includes('up'),
  );
  await userHooks({ PreToolUse: { type: 'http', url: 'http://127.0.0.1:9099/in', secret, name: 'remote' } });
  const frames = await turn('run echo ok');
  expect(said(frames).at(-1)).toContain('by http');
  const { h, b } = JSON.parse((await claude.box.asRoot('cat', '/tmp/posted')).stdout);
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${h['webhook-id']}.${h['webhook-timestamp']}.${b}`);
  expect(h['webhook-signature']).toBe(`v1,${expected.digest('base64')}`);
  expect(Math.abs(Date.now() / 1_000 - Number(h['webhook-timestamp']))).toBeLessThan(300);
  expect(JSON.parse(b)).toMatchObject({ hook_event_name: 'PreToolUse' });
  expect(JSON.stringify(await claude.frames(one))).not.toContain(secret);
});

it('a permission that a hook gives or refuses is put before nobody', async () => {
  await userHooks({});
  const two = await claude.open('manual');
  await userHooks({
    PermissionRequest: {
      type: 'command',
      command: `jq -c '{decision: (if (.tool_input.command | contains("good")) then "allow" else "deny" end), reason: "no good"}'`,
    },
  });
  await claude.prompt(two, 'run touch /tmp/good');
  expect(said(await claude.stopped(two, 1)).at(-1)).toMatch(/^ran: /);
  await claude.prompt(two, 'run touch /tmp/evil');
  const frames = await claude.stopped(two, 2);
  expect(said(frames).at(-1)).toContain('no good');
  expect(of(frames, 'permission.request')).toEqual([]);
  expect(ran(frames).map((it) => it.isError)).toEqual([false, true]);
});

it('all four levels, in order; SessionStart gives context to a new session', async () => {
  const level = (name: string) => ({
    PreToolUse: [{ hooks: [{ type: 'command', command: `echo ${name} >> /tmp/order`, name }] }],
  });
  const give = (hooks: unknown) =>
    claude.box
      .ssh(`${SANDBOX_SESSION_COMMAND} hooks`, hooks === null ? '' : JSON.stringify(hooks))
      .then(({ code }) => expect(code).toBe(0));
  const image = JSON.stringify({ hooks: level('image') });
  await claude.box.asRoot('sh', '-c', `printf '%s' '${image}' > /etc/cloud-claude/hooks.json`);
  await userHooks({
    ...{ PreToolUse: { type: 'command', command: 'echo user >> /tmp/order' } },
    SessionStart: { type: 'command', command: 'echo the house rule is tea at four' },
  });
  const three = randomUUID();
  // Before Claude starts: its SessionStart is asked about too.
  const start = { hooks: [{ type: 'command', command: 'echo the session begins with tea', name: 'start' }] };
  await give({
    workspace: { hooks: level('workspace') },
    sessions: {
      [three]: { hooks: { ...level('session'), SessionStart: [start] } },
      [one]: { hooks: level('another') },
    },
  });
  await claude.reopen(three);
  const before = claude.api.requests.length;
  await claude.prompt(three, 'run echo ok');
  const frames = await claude.stopped(three, 1);
  expect((await claude.box.asRoot('cat', '/tmp/order')).stdout).toBe('image\nworkspace\nuser\nsession\n');
  const told = JSON.stringify(claude.api.requests.slice(before));
  expect(told).toContain('tea at four');
  expect(told).toContain('begins with tea');
  expect(users(frames).map((it) => it.data.payload)).toMatchObject([
    { level: 'user', kind: 'command' },
    { level: 'session', kind: 'command' },
    ...['image', 'workspace', 'user', 'session'].map((level) => ({ level, tool_name: 'Bash' })),
  ]);

  // Kept for a restart, and seen in the files.
  await claude.box.asRoot('pkill', '-9', '-f', 'sandboxd.mjs');
  await until(
    () => claude.call('GET', '/hooks'),
    ({ status }) => status === 200,
  );
  await claude.prompt(three, 'run echo again');
  expect(users(await claude.stopped(three, 2)).slice(6)).toHaveLength(4);
  await claude.box.asRoot('rm', '/etc/cloud-claude/hooks.json');
  await give(null);
  expect((await claude.box.ssh('ls ~/.cloud-claude/gateway-hooks.json')).code).not.toBe(0);
});

it('the editor: reads, writes with a revision, tries one', async () => {
  await claude.box.asRoot('rm', '-f', USER);
  const read = async () => JSON.parse((await claude.call('GET', '/hooks')).text).user;
  const file = { hooks: { Stop: [{ hooks: [{ type: 'command', command: 'true', name: 'mine' }] }] } };
  const { revision } = await read();
  expect((await claude.call('PUT', '/hooks/user', { file, revision })).status).toBe(200);
  expect((await claude.call('PUT', '/hooks/user', { file, revision })).status).toBe(409);
  expect((await claude.box.asRoot('stat', '-c', '%a %U', USER)).stdout).toBe('600 claude\n');
  const hook = says({ decision: 'deny', reason: 'tried' });
  const tried = await claude.call('POST', '/hooks/test', {
    file: { hooks: { PreToolUse: [{ matcher: 'Write', hooks: [hook] }] } },
    payload: { hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: {} },
  });
  expect(JSON.parse(tried.text)).toMatchObject({
    ...{ matches: false, decision: 'deny', error: null, effect: 'Claude is stopped here: tried' },
    answer: { line: 'exit 0' },
    told: { hookSpecificOutput: { permissionDecision: 'deny', permissionDecisionReason: 'tried' } },
  });
});

it('without sandboxd Claude goes on, whatever the policy', async () => {
  await userHooks({ PreToolUse: { type: 'command', command: 'sleep 20', timeout: 30, onFailure: 'block' } });
  await claude.prompt(one, 'run echo alive');
  await until(
    () => claude.box.asRoot('pgrep', '-f', 'sleep 20'),
    ({ code }) => code === 0,
  );
  await claude.box.asRoot('pkill', '-9', '-f', 'sandboxd.mjs');
  turns += 1;
  const frames = await claude.stopped(one, turns);
  expect(said(frames).at(-1)).toBe('ran: alive');
  expect(broken(frames)).toEqual([]);
  expect((await claude.box.asRoot('test', '-S', SANDBOXD_SOCKET)).code).toBe(0);
});
