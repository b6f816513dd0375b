/** For tests: the whole gateway on port 0 in a folder of its own, with an agent socket that leads nowhere. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { createPasswords } from '../auth/password';
import { type ComposeOptions, type Gateway, startGateway } from '../compose';
import { loadConfig } from '../config';
import { TEST_PASSWORD_COST } from '../services/testing';

export const ADMIN = { username: 'admin', password: 'correct horse battery' };

export interface TestServer extends Gateway {
  folder: string;
  /** fetch against this server without following redirects; `as` is a Cookie header. */
  ask(path: string, init?: RequestInit & { as?: string }): Promise<Response>;
  /** Signs in by REST; returns the Cookie header. */
  signIn(username: string, password: string): Promise<string>;
  /** A user with a password of the own choice, signed in. */
  person(username: string): Promise<{ id: string; password: string; cookie: string }>;
  stop(): Promise<void>;
}

export async function startTestServer(
  env: Record<string, string> = {},
  more: Pick<ComposeOptions, 'connections'> = {},
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'cc-server-'));
  const config = loadConfig({
    DATA_DIR: folder,
    PORT: '0',
    ADMIN_PASSWORD: ADMIN.password,
    SANDBOX_IMAGE: 'cloud-claude/sandbox:0123456789ab',
    ...env,
  });
  const log = pino({ level: 'silent' });
  const passwords = createPasswords({ cost: TEST_PASSWORD_COST });
  const gateway = await startGateway({ config, log, version: '0.0.0-test', passwords, ...more });
  const base = `http://127.0.0.1:${gateway.port}`;

  const ask: TestServer['ask'] = (path, { as, headers, ...init } = {}) =>
    fetch(base + path, {
      redirect: 'manual',
      ...init,
      headers: { ...(as ? { cookie: as } : {}), ...Object.fromEntries(new Headers(headers)) },
    });
  const post = (path: string, body: unknown, as?: string) =>
    ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
      as,
    });
  async function signIn(username: string, password: string): Promise<string> {
    const response = await post('/api/auth/login', { username, password });
    if (response.status !== 200) throw new Error(`sign-in of ${username}: ${response.status}`);
    return response.headers
      .getSetCookie()
      .map((it) => it.split(';')[0])
      .join('; ');
  }
  let admin: string | undefined;
  return {
    ...gateway,
    folder,
    ask,
    signIn,
    async person(username) {
      // A test may have ended the log-in of the one before.
      if (!admin || (await ask('/api/auth/check', { as: admin })).status !== 200)
        admin = await signIn(ADMIN.username, ADMIN.password);
      const response = await post(
        '/api/trpc/users.create',
        { username, role: 'user', expiresAt: null },
        admin,
      );
      const { result } = (await response.json()) as {
        result: { data: { user: { id: string }; password: string } };
      };
      const { user, password } = result.data;
      const cookie = await signIn(username, password);
      const own = `${password}-own`;
      await post('/api/trpc/account.changePassword', { current: password, next: own }, cookie);
      return { id: user.id, password: own, cookie };
    },
    async stop() {
      const errors = await gateway.close();
      await rm(folder, { recursive: true, force: true });
      if (errors.length > 0) throw new AggregateError(errors, 'the gateway did not close well');
    },
  };
}
