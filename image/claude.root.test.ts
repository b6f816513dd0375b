import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SANDBOX_API_PORT } from '../shared/limits';
import { SANDBOX_GATEWAY_SOCKET, tmuxName } from '../shared/names';
import { imageRef, TestSandbox, until } from './testing/sandbox';

const WORKDIR = '/home/claude/workspace';
const STOP_MAX_MS = 3_000;

/** The least of an Anthropic API: one streamed text block, whatever is asked. */
const FAKE_API = `
const events = [
  ['message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } } }],
  ['content_block_start', { index: 0, content_block: { type: 'text', text: '' } }],
  ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'PONG-FROM-GATEWAY' } }],
  ['content_block_stop', { index: 0 }],
  ['message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 3 } }],
  ['message_stop', {}],
];
require('http').createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [type, data] of events) response.write('event: ' + type + '\\ndata: ' + JSON.stringify({ type, ...data }) + '\\n\\n');
    response.end();
  });
}).listen(process.argv[2]);
`;

let box: TestSandbox;
const screen = async (id: string) => (await box.tmux(`capture-pane -p -t ${tmuxName(id)}`)).stdout;
const atPrompt = (text: string) => /^❯/m.test(text) && /(mode|permissions) on/.test(text);

async function startGateway(): Promise<void> {
  await box.ssh('cat > /tmp/api.cjs', FAKE_API);
  await box.ssh(`node /tmp/api.cjs ${SANDBOX_GATEWAY_SOCKET} </dev/null >/tmp/api.log 2>&1 & echo started`);
  await until(
    () => box.ssh(`test -S ${SANDBOX_GATEWAY_SOCKET}`),
    ({ code }) => code === 0,
  );
}

beforeAll(async () => {
  box = await TestSandbox.create(await imageRef());
  await box.start();
  await box.release();
});
afterAll(() => box?.remove());

it('reaches its prompt without a dialog, in the permission mode asked for', async () => {
  const wanted = {
    bypassPermissions: 'bypass permissions on',
    manual: 'manual mode on',
    plan: 'plan mode on',
  };
  for (const [mode, shown] of Object.entries(wanted)) {
    const id = randomUUID();
    expect((await box.session('open', id, 'claude', WORKDIR, mode, '110', '30')).code).toBe(0);
    const text = await until(() => screen(id), atPrompt);
    expect(text).toContain(shown);
    expect(text).toContain('Claude Code v');
    await box.session('end', id);
  }
});

it('keeps a conversation over a stop and start of the sandbox', async () => {
  await startGateway();
  const provider = `ANTHROPIC_BASE_URL=http://127.0.0.1:${SANDBOX_API_PORT}/proxy/anthropic\nANTHROPIC_AUTH_TOKEN=token\n`;
  await box.ssh('/usr/local/lib/cloud-claude/session provider', provider);
  const id = randomUUID();
  const open = () => box.session('open', id, 'claude', WORKDIR, 'bypassPermissions', '110', '30');
  expect((await open()).code).toBe(0);
  await until(() => screen(id), atPrompt);
  await box.tmux(`send-keys -t ${tmuxName(id)} PING-TO-GATEWAY Enter`);
  await until(
    () => screen(id),
    (text) => text.includes('PONG-FROM-GATEWAY'),
  );
  // The transcript is written just after the turn: it is what a resume needs.
  await until(
    () => box.ssh(`grep -l PONG ~/.claude/projects/*/${id}.jsonl`),
    ({ code }) => code === 0,
  );
  await box.closeSsh();
  expect(await box.stop()).toBeLessThan(STOP_MAX_MS);

  await box.start();
  await box.release();
  expect((await box.session('status', id)).stdout).toBe('absent\n');
  expect((await open()).code).toBe(0);
  const back = await until(() => screen(id), atPrompt);
  expect(back).toContain('PING-TO-GATEWAY');
  expect(back).toContain('PONG-FROM-GATEWAY');
  await box.tmux(`send-keys -t ${tmuxName(id)} /exit Enter`);
  await until(
    () => box.session('status', id),
    ({ stdout }) => stdout === 'ended 0\n',
  );
});

it('comes back after the sandbox was killed before anything was said', async () => {
  const id = randomUUID();
  const open = () => box.session('open', id, 'claude', WORKDIR, 'bypassPermissions', '110', '30');
  await open();
  await until(() => screen(id), atPrompt);
  await box.closeSsh();
  await box.kill();
  await box.start();
  await box.release();
  expect((await open()).code).toBe(0);
  await until(() => screen(id), atPrompt);
  expect((await box.session('status', id)).stdout).toBe('running\n');
});
