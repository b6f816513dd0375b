/**
 * For tests: Anthropic as a sandbox sees it. A TLS server inside the sandbox answers to the names that Claude Code dials
 * for its log-in, trusted there by the machine's own list; what asks for messages goes on to a scripted API.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PooledConnection } from '../../../gateway/connection';
import type { Box } from '../../../gateway/testing/box';
import { until } from '../../../gateway/testing/until';

export const OAUTH_TOKEN = `sk-ant-oat01-${'subscription'.repeat(6)}`;
/** The one that is taken. */
export const GOOD_CODE = 'right-code_1#state-1';
const NAMES = ['platform.claude.com', 'api.anthropic.com', 'claude.com', 'claude.ai'];
const BACK = '/run/cloud-claude/stand-in.sock';

const SERVER = `
const [key, cert, token, back] = process.argv.slice(1);
const http = require('http');
const account = { uuid: '11111111-1111-4111-8111-111111111111' };
const organization = { uuid: '22222222-2222-4222-8222-222222222222' };
function say(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
require('https').createServer({ key, cert }, (request, response) => {
  const path = request.url.split('?')[0];
  if (path === '/v1/oauth/token') {
    let text = '';
    request.on('data', (data) => { text += data; });
    request.on('end', () => {
      if (JSON.parse(text).code !== 'right-code_1') return say(response, 400, { error: 'invalid_grant' });
      say(response, 200, { access_token: token, refresh_token: token.replace('oat', 'ort'), expires_in: 28800, token_type: 'Bearer',
        scope: 'user:inference user:profile user:sessions:claude_code', account: { ...account, email_address: 'ada@example.org' }, organization });
    });
  } else if (path === '/api/oauth/profile') {
    say(response, 200, { account: { ...account, email: 'ada@example.org' }, organization: { ...organization, organization_type: 'claude_max', rate_limit_tier: 'default_claude_max_5x' } });
  } else if (path === '/v1/messages') {
    const on = http.request({ socketPath: back, method: request.method, path: request.url, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    on.on('error', () => response.destroy());
    request.pipe(on);
  } else say(response, 404, { type: 'error', error: { type: 'not_found_error', message: 'not scripted' } });
}).listen(443, '127.0.0.1');
`;

/** Lasts as long as the box and the connection. */
export async function standInForAnthropic(
  box: Box,
  connection: PooledConnection,
  apiUrl: string,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'cc-stand-in-'));
  const at = (name: string) => join(folder, name);
  try {
    execFileSync('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', '/CN=stand-in', '-addext', `subjectAltName=${NAMES.map((it) => `DNS:${it}`).join()}`],
      ...['-keyout', at('key'), '-out', at('cert')],
    ]);
    const [key, cert] = [readFileSync(at('key'), 'utf8'), readFileSync(at('cert'), 'utf8')];
    const trust =
      'printf "%s\\n" "$1" >/usr/local/share/ca-certificates/stand-in.crt && update-ca-certificates >&2 && ' +
      'printf "127.0.0.1 %s\\n" "$2" >>/etc/hosts';
    await box.exec(['sh', '-c', trust, 'sh', cert, NAMES.join(' ')], 'root');
    const port = Number(new URL(apiUrl).port);
    await connection.listenUnix(BACK, (stream) => {
      const upstream = connect(port, '127.0.0.1');
      stream.pipe(upstream).pipe(stream);
      upstream.on('error', () => stream.destroy());
      stream.on('error', () => upstream.destroy());
      stream.on('close', () => upstream.destroy());
    });
    // Ends with the box.
    box.exec(['node', '-e', SERVER, '--', key, cert, OAUTH_TOKEN, BACK], 'root').catch(() => undefined);
    await until('the stand-in listens', 10_000, async () => {
      await box.exec(['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/443']);
      return true;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
