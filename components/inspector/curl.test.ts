import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { Exchange } from '../../shared/sandboxd-api';
import { curlOf } from './curl';

const exchange: Exchange = {
  exchange: 1,
  at: '2026-11-21T10:00:00.000Z',
  turn: 1,
  agent: null,
  purpose: 'turn',
  method: 'POST',
  path: '/proxy/anthropic/v1/messages?beta=true',
  model: 'opus',
  status: 200,
  messageId: 'msg_1',
  tokens: null,
  requestBytes: 1,
  answerBytes: 1,
  firstByteMs: 1,
  firstTokenMs: 1,
  durationMs: 1,
  error: null,
  requestHeaders: [
    ['Authorization', 'Bearer sk-…masked'],
    ['Content-Length', '9'],
    ['X-Thing', "it's $HOME `id`"],
    ['Cookie', '…'],
  ],
  requestBody: `{"text":"it's \\"quoted\\" $HOME"}`,
  answerHeaders: [],
  answerBody: null,
  events: [],
  truncated: false,
};

/** What a real shell makes of the command's words. */
function words(command: string, env: Record<string, string>): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync('/bin/sh', ['-c', script], { env: { NODE_ENV: 'test', ...env } })
    .toString()
    .split('\0')
    .slice(0, -1);
}

test('a shell reads back what was sent, with the reader’s own key and no masked one', () => {
  const curl = curlOf(exchange);
  expect(curl).not.toContain('masked');
  expect(words(curl, { ANTHROPIC_AUTH_TOKEN: 'mine', HOME: '/wrong' })).toEqual([
    '-N',
    '-X',
    'POST',
    'https://api.anthropic.com/v1/messages?beta=true',
    '-H',
    'authorization: Bearer mine',
    '-H',
    "X-Thing: it's $HOME `id`",
    '--data-binary',
    exchange.requestBody,
  ]);
});
