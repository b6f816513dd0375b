// Claude's own log-in and each session's one credential, with the real Claude Code in the real image.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScriptedApi, startAnthropicApi } from '../../../e2e/anthropic/api';
import { Scope } from '../../../shared/lifecycle';
import type { LoginView } from '../../../shared/providers';
import { buildClaude, type ClaudeParts } from '../../claude';
import { type Box, startBox } from '../../gateway/testing/box';
import { identity, makeKey, SANDBOX_ID, startGateway, type TestGateway } from '../../gateway/testing/gateway';
import { until } from '../../gateway/testing/until';
import { loginLimits } from './attempt';
import { createLogin } from './service';
import { GOOD_CODE, OAUTH_TOKEN, standInForAnthropic } from './testing/stand-in';

const ANTHROPIC_KEY = `sk-ant-api03-${'ofAnthropic'.repeat(4)}`;
const VENDOR_KEY = `vendor-key-${'ofAnother'.repeat(4)}`;
/** What a user has in settings and start files of their own: never used. */
const MINE = 'sk-ant-api03-my-own-and-no-business-here';

const scope = new Scope();
const logged: string[] = [];
let box: Box;
let gateway: TestGateway;
let claude: ClaudeParts;
let anthropic: ScriptedApi;
let vendor: ScriptedApi;
/** Anthropic, as Claude's own log-in reaches it from inside the sandbox. */
let subscribed: ScriptedApi;
const ids = { anthropic: '', vendor: '' };

beforeAll(async () => {
  [anthropic, vendor, subscribed] = (await Promise.all(
    [ANTHROPIC_KEY, VENDOR_KEY, OAUTH_TOKEN].map(async (key) => {
      const api = await startAnthropicApi({ key });
      return scope.own('API', api);
    }),
  )) as [ScriptedApi, ScriptedApi, ScriptedApi]; // as many as keys
  const key = await makeKey(scope);
  box = scope.add('box', await startBox(key.publicLine), (it) => it.remove());
  gateway = scope.own(
    'gateway',
    await startGateway({
      ...{ box, key, upstream: anthropic.url },
      logged: (line) => logged.push(line),
      sessionUpstream: (place) => claude.upstreams.of(place),
    }),
  );
  const { db, log, connections, access, activity, proxy, recorded } = gateway;
  await db.member.create({ data: { workspaceId: 'w1', userId: identity.userId, role: 'owner' } });
  const folder = mkdtempSync(join(tmpdir(), 'cc-login-'));
  scope.add('folder', folder, (it) => rmSync(it, { recursive: true }));
  claude = buildClaude(scope, {
    ...{ db, log, connections, access, activity, proxy, live: recorded.live, audit: recorded.audit },
    ...{ masterKey: randomBytes(32), anthropicUrl: anthropic.url, keys: folder, providerReach: 'private' },
    push: { reach: 'loopback', contact: 'mailto:nobody@example.org' },
  });
});
afterAll(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
});

const login = () => claude.services.login;
const stage = (wanted: LoginView['stage'], of = login()) =>
  until(`the log-in is ${wanted}`, 30_000, async () => {
    const view = await of.status(identity, SANDBOX_ID);
    return view.stage === wanted ? view : null;
  });
const nothingRuns = () =>
  until('nothing of the log-in is left', 10_000, async () => {
    const all = await box.exec(['ps', '-u', 'claude', '-o', 'args']);
    return !/auth login|cloud-claude\/login|^cat$/m.test(all);
  });

test('canceled, late, cut off or with the gateway gone: the program in the sandbox ends', async () => {
  expect((await login().start(identity, SANDBOX_ID)).stage).toBe('starting');
  const { url } = await stage('url');
  expect(url).toMatch(
    /^https:\/\/claude\.com\/cai\/oauth\/authorize\?code=true&client_id=[0-9a-f-]{36}&\S+&state=\S+$/,
  );
  // Somebody else's page sees the same log-in and starts no second one.
  expect((await login().start(identity, SANDBOX_ID)).url).toBe(url);
  expect((await login().cancel(identity, SANDBOX_ID)).stage).toBe('canceled');
  await nothingRuns();

  const { db, log, connections, access, recorded } = gateway;
  const parts = { db, log, connections, access, live: recorded.live, audit: recorded.audit };
  const hasty = createLogin({ ...parts, limits: { ...loginLimits, wholeMs: 1_500 } });
  await hasty.start(identity, SANDBOX_ID);
  expect((await stage('failed', hasty)).message).toBe('The log-in was not finished in time. Start it again.');
  await nothingRuns();
  const leaving = createLogin(parts);
  await leaving.start(identity, SANDBOX_ID);
  await stage('url', leaving);
  await leaving.close();
  await nothingRuns();

  await login().start(identity, SANDBOX_ID);
  await stage('url');
  box.cut();
  expect((await stage('failed')).message).toBe('The connection to the sandbox was lost.');
  await nothingRuns();
});

test('a wrong code is told in Claude’s words, a half one at once; a right one logs in', async () => {
  const connection = await gateway.connections.get(SANDBOX_ID);
  await standInForAnthropic(box, connection, subscribed.url);
  expect((await login().status(identity, SANDBOX_ID)).account).toBeNull();
  await expect(login().code(identity, { sandboxId: SANDBOX_ID, code: 'a#b' })).rejects.toMatchObject({
    code: 'wrong_state',
  });
  await login().start(identity, SANDBOX_ID);
  await stage('url');
  await expect(login().code(identity, { sandboxId: SANDBOX_ID, code: 'half' })).rejects.toMatchObject({
    ...{ code: 'invalid_input', field: 'code' },
  });
  expect((await login().code(identity, { sandboxId: SANDBOX_ID, code: 'wrong-one#state' })).stage).toBe(
    'checking',
  );
  const failed = await stage('failed');
  expect(failed.message).toMatch(/code wasn't accepted/);
  await nothingRuns();

  await login().start(identity, SANDBOX_ID);
  const stages: string[] = [];
  const following = (async () => {
    for await (const view of login().follow(identity, SANDBOX_ID, new AbortController().signal))
      stages.push(view.stage);
  })();
  await stage('url');
  // Copied with the line ends of a narrow page.
  const copied = `  ${GOOD_CODE.slice(0, 7)}\r\n${GOOD_CODE.slice(7)}\n`;
  await login().code(identity, { sandboxId: SANDBOX_ID, code: copied });
  const account = { method: 'claude.ai', email: 'ada@example.org', subscription: 'max' };
  expect((await stage('done')).account).toEqual(account);
  await following;
  expect(stages).toEqual(['starting', 'url', 'checking', 'done']);
  await nothingRuns();
  const told = gateway.recorded.changes.filter((it) => it.topic === 'login');
  expect(told.every((it) => it.sandboxId === SANDBOX_ID)).toBe(true);
  expect(gateway.recorded.entries.map((it) => it.type)).toContain('claude_login.done');
});

/** A start of Claude Code and a turn, on a machine that does much else. */
const TURN_MS = 90_000;
/** Four starts and four turns. */
const SWITCHES_MS = 4 * TURN_MS;
const messagesOf = (api: ScriptedApi) => api.requests.filter((it) => it.path.startsWith('/v1/messages'));
/** Says it in the session and gives the request that came of it; nobody else may have got one. */
async function say(id: string, words: string, by: ScriptedApi) {
  const others = [anthropic, vendor, subscribed].filter((it) => it !== by);
  const before = others.map((it) => it.requests.length);
  const turns = async () => (await claude.frames.call(identity, 'turns', { id, input: {} })).turns;
  const known = await until('sandboxd knows the session', TURN_MS, turns);
  const after = known.at(-1)?.turn ?? 0;
  await claude.frames.call(identity, 'prompt', { id, input: { text: `say ${words}` } });
  await until(`${words} was said`, TURN_MS, async () =>
    (await turns()).some((it) => it.turn > after && it.preview === words),
  );
  expect(others.map((it) => it.requests.length)).toEqual(before);
  const request = messagesOf(by).findLast((it) => it.body.includes(words) && it.body.includes('"tools":[{'));
  if (!request) throw new Error('no request');
  return request;
}
/** What of the environment of this session's Claude is about credentials and addresses. */
async function environment(id: string): Promise<Record<string, string>> {
  const script = `for p in /proc/[0-9]*; do
    [[ $(tr '\\0' ' ' <$p/cmdline) == 'claude --settings'*${id}* ]] && tr '\\0' '\\n' <$p/environ; done 2>/dev/null; true`;
  const lines = (await box.exec(['bash', '-c', script])).split('\n');
  const wanted = lines.filter((it) => /^(ANTHROPIC|CLAUDE_CODE_(OAUTH|USE|API))\w*=/.test(it));
  return Object.fromEntries(
    wanted.map((it) => [it.slice(0, it.indexOf('=')), it.slice(it.indexOf('=') + 1)]),
  );
}

let one = '';
test(
  'a session goes on over a change of who answers; each sees its own credential and no other',
  async () => {
    const { providers, sessionOptions } = claude.services;
    ids.anthropic = (
      await providers.create(identity, {
        kind: 'api_key',
        label: 'Mine',
        secret: ANTHROPIC_KEY,
        shared: false,
      })
    ).id;
    ids.vendor = (
      await providers.create(identity, {
        ...{ kind: 'compatible', label: 'Vendor', secret: VENDOR_KEY, shared: false, auth: 'bearer' },
        ...{ baseUrl: `${vendor.url}/v1`, modelMap: { '*': 'vendor/large' } },
      })
    ).id;
    // Everything that Claude Code would take for a credential, where a user or a repository may have put it.
    const env = {
      ...{ ANTHROPIC_API_KEY: MINE, ANTHROPIC_AUTH_TOKEN: MINE, CLAUDE_CODE_OAUTH_TOKEN: MINE },
      ...{ ANTHROPIC_BASE_URL: 'http://127.0.0.1:1', ANTHROPIC_CUSTOM_HEADERS: `x-api-key: ${MINE}` },
    };
    const settings = JSON.stringify({ env, apiKeyHelper: `echo ${MINE}` });
    const write = `mkdir -p .claude workspace/.claude; printf %s "$1" | tee .claude/settings.json workspace/.claude/settings.local.json;
    printf 'export ANTHROPIC_API_KEY=%s CLAUDE_CODE_USE_BEDROCK=1\\n' "$2" >.zshenv`;
    await box.exec(['bash', '-c', write, 'bash', settings, MINE]);

    const session = await claude.sessions.create(identity, {
      ...{ sandboxId: SANDBOX_ID, kind: 'claude', providerId: 'subscription' },
      ...{ model: 'claude-sonnet-4-6', effort: 'low', permissionMode: 'plan' },
    });
    one = session.id;
    expect(session).toMatchObject({
      provider: { kind: 'subscription' },
      model: 'claude-sonnet-4-6',
      effort: 'low',
    });
    const first = await say(one, 'first', subscribed);
    expect(first.headers).toMatchObject({
      authorization: `Bearer ${OAUTH_TOKEN}`,
      host: 'api.anthropic.com',
    });
    expect(first.headers['x-api-key']).toBeUndefined();
    expect(JSON.parse(first.body)).toMatchObject({
      model: 'claude-sonnet-4-6',
      output_config: { effort: 'low' },
    });
    expect(await environment(one)).toEqual({ ANTHROPIC_BASE_URL: `http://127.0.0.1:7878/direct/${one}` });

    const set = (providerId: string) => sessionOptions.set(identity, { id: one, providerId });
    expect(await set(ids.anthropic)).toMatchObject({ provider: { label: 'Mine' }, state: 'running' });
    const second = await say(one, 'second', anthropic);
    expect(second.headers['x-api-key']).toBe(ANTHROPIC_KEY);
    expect(second.headers.authorization).toBeUndefined();
    expect(second.body).toContain('say first');
    const { ANTHROPIC_AUTH_TOKEN: token, ...rest } = await environment(one);
    expect(token).toMatch(/^ccs_[\w-]{43}$/);
    expect(rest).toEqual({ ANTHROPIC_BASE_URL: `http://127.0.0.1:7878/s/${one}` });

    await set(ids.vendor);
    const third = await say(one, 'third', vendor);
    expect(third.headers.authorization).toBe(`Bearer ${VENDOR_KEY}`);
    expect(third.headers['x-api-key']).toBeUndefined();
    expect(third.body).toContain('say second');
    expect(JSON.parse(third.body)).toMatchObject({ model: 'vendor/large' });

    await set('subscription');
    const fourth = await say(one, 'fourth', subscribed);
    expect(fourth.headers.authorization).toBe(`Bearer ${OAUTH_TOKEN}`);
    for (const words of ['first', 'second', 'third']) expect(fourth.body).toContain(`say ${words}`);
    expect(await environment(one)).toEqual({ ANTHROPIC_BASE_URL: `http://127.0.0.1:7878/direct/${one}` });
  },
  SWITCHES_MS,
);

test('other options by the same restart; a copy of the conversation beside it, with another provider', async () => {
  const { sessionOptions } = claude.services;
  const changed = await sessionOptions.set(identity, { id: one, effort: 'high', permissionMode: 'manual' });
  expect(changed).toMatchObject({
    effort: 'high',
    permissionMode: 'manual',
    provider: { kind: 'subscription' },
  });
  const request = await say(one, 'fifth', subscribed);
  expect(JSON.parse(request.body)).toMatchObject({ output_config: { effort: 'high' } });
  const copy = await claude.sessions.create(identity, {
    ...{ sandboxId: SANDBOX_ID, kind: 'claude', resumeFrom: one, providerId: ids.anthropic },
  });
  const copied = await say(copy.id, 'sixth', anthropic);
  expect(copied.body).toContain('say fifth');
  const again = await say(one, 'seventh', subscribed);
  expect(again.body).not.toContain('say sixth');
  await claude.sessions.end(identity, copy.id);

  const claudeIn = { sandboxId: SANDBOX_ID, kind: 'claude' } as const;
  const bad = [
    [{ ...claudeIn, resumeFrom: copy.id.replace(/^./, 'f').replace(/.$/, '0') }, 'not_found', 'resumeFrom'],
    [{ ...claudeIn, providerId: 'nobody' }, 'not_found', 'providerId'],
    [{ ...claudeIn, workdir: '/no/such' }, 'invalid_input', 'workdir'],
    [{ sandboxId: SANDBOX_ID, kind: 'shell', model: 'opus' }, 'invalid_input', undefined],
  ] as const;
  for (const [input, code, field] of bad)
    await expect(claude.sessions.create(identity, input)).rejects.toMatchObject({ code, field });
  await expect(sessionOptions.set(identity, { id: one, providerId: 'nobody' })).rejects.toMatchObject({
    ...{ code: 'not_found', field: 'providerId' },
  });
});

test('a second credential of the client’s is refused with a sentence, and goes nowhere', async () => {
  await claude.services.sessionOptions.set(identity, { id: one, providerId: ids.anthropic });
  await say(one, 'eighth', anthropic);
  // As a log-in to the Claude Console leaves it.
  await box.exec(['bash', '-c', `jq '.primaryApiKey = "${MINE}"' .claude.json >new && mv new .claude.json`]);
  await claude.sessions.restart(one);
  const before = messagesOf(anthropic).length;
  await claude.frames.call(identity, 'prompt', { id: one, input: { text: 'say ninth' } });
  const name = `=cc-${one.replaceAll('-', '').slice(0, 16)}:`;
  const tmux = ['tmux', '-S', '/run/cloud-claude/tmux.sock', 'capture-pane', '-p', '-J', '-t', name];
  const screen = await until('Claude tells of it', TURN_MS, async () => {
    const text = (await box.exec(tmux)).replace(/\s+/g, ' ');
    return /credential of its own/.test(text) ? text : null;
  });
  expect(screen).toMatch(/take API keys out of your settings/);
  expect(messagesOf(anthropic).length).toBe(before);
});

test('no secret is in the sandbox, the log, the database or an answer', async () => {
  const { providers } = claude.services;
  const secrets = [ANTHROPIC_KEY, VENDOR_KEY];
  // In brackets, so that the pattern is not what it finds.
  const pattern = secrets.map((it) => `[${it[0]}]${it.slice(1)}`).join('|');
  const places = '/home /run /tmp /etc/cloud-claude /var/log';
  const search = `grep -rlaE '${pattern}' ${places} 2>/dev/null; grep -laE '${pattern}' /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; true`;
  expect(await box.exec(['bash', '-c', search], 'root')).toBe('');
  const found = await box.exec(['bash', '-c', `grep -rlaE '[s]ay fourth' /home | head -1`], 'root');
  expect(found).not.toBe(''); // the search finds what is there

  const probes = await Promise.all(
    Object.values(ids).map((id) => providers.probe(identity, { id, model: undefined })),
  );
  expect(probes.map((it) => [it.ok, it.answer?.status])).toEqual([
    [true, 200],
    [true, 200],
  ]);
  const rows = await gateway.db.provider.findMany();
  const exchanges = await box.exec([
    'bash',
    '-c',
    `cat .cloud-claude/frames/${one}/* 2>/dev/null | head -c 8000000; true`,
  ]);
  const told = JSON.stringify([
    ...[probes, rows, await providers.list(identity), await claude.sessions.list(identity, {})],
    ...[gateway.recorded.entries, gateway.recorded.changes, logged, exchanges],
  ]);
  for (const secret of [...secrets, OAUTH_TOKEN, GOOD_CODE.split('#')[0] ?? ''])
    expect(told).not.toContain(secret);
  expect(told).toContain(`…${ANTHROPIC_KEY.slice(-4)}`);
});
