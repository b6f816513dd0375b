/** The product on a folder and a port of its own: the real agent and the real gateway, without launcher and pages. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { removeTraces } from '../e2e/traces';
import { Scope } from '../shared/lifecycle';
import { source, startProgram } from './processes';

const root = dirname(import.meta.dirname);
const user = { username: 'admin', password: randomBytes(16).toString('hex') };

export interface Product {
  url: string;
  cookie: string;
  gatewayPid: number;
  /** Throws with status and body for anything but 2xx. The answer's shape is the route's own. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  fetch(method: string, path: string, body?: unknown): Promise<Response>;
  close(): Promise<void>;
}

/** `claudeApi`: base URL; left out: one that knows nothing. */
export async function startProduct(image: string, claudeApi?: string): Promise<Product> {
  const scope = new Scope();
  try {
    return await build(scope, image, claudeApi);
  } catch (error) {
    await scope.close();
    throw error;
  }
}

async function build(scope: Scope, image: string, claudeApi: string | undefined): Promise<Product> {
  const instance = randomBytes(4).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'cloud-claude-bench-'));
  scope.add('folder', folder, (it) => rm(it, { recursive: true }));
  scope.add('traces', instance, removeTraces);
  await mkdir(join(folder, 'run'));
  await writeFile(join(folder, 'instance'), `${instance}\n`);
  const socket = join(folder, 'run', 'agent.sock');

  // Claude speaks to its API only when somebody speaks to Claude.
  const api = createServer((_request, response) => void response.writeHead(404).end());
  api.listen(0, '127.0.0.1');
  await new Promise((resolve) => api.once('listening', resolve));
  scope.add('Claude API', api, (it) => {
    it.closeAllConnections();
    it.close();
  });
  const { port } = api.address() as AddressInfo; // a TCP server

  const data = ['--data', join(folder, 'agent'), '--socket', socket];
  const owner = ['--owner', `${process.getuid?.()}:${process.getgid?.()}`];
  const agent = [...source(join(root, 'agent/main.ts')), '--instance', instance, ...data, ...owner];
  const quiet = { LOG_LEVEL: 'error', NODE_ENV: 'production' };
  scope.own('agent', await startProgram(agent, quiet));
  const gateway = await startProgram(source(join(import.meta.dirname, 'gateway.ts')), {
    ...quiet,
    PORT: '0',
    DATA_DIR: folder,
    HOST_AGENT_SOCKET: socket,
    SANDBOX_IMAGE: image,
    ADMIN_USERNAME: user.username,
    ADMIN_PASSWORD: user.password,
    ANTHROPIC_BASE_URL: claudeApi ?? `http://127.0.0.1:${port}`,
    ANTHROPIC_API_KEY: 'sk-ant-bench',
  });
  scope.own('gateway', gateway);

  const url = String(gateway.ready.url);
  const cookies: string[] = [];
  const ask = (method: string, path: string, body?: unknown) =>
    fetch(url + path, {
      method,
      headers: { cookie: cookies.join('; '), 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await ask(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text || 'null') as T; // checked by the server against the same schemas
  };
  const signedIn = await ask('POST', '/api/auth/login', user);
  if (!signedIn.ok) throw new Error(`sign-in: ${signedIn.status} ${await signedIn.text()}`);
  for (const it of signedIn.headers.getSetCookie()) cookies.push(it.split(';')[0] ?? '');
  const close = () => scope.close();
  return { url, cookie: cookies.join('; '), gatewayPid: gateway.pid, call, fetch: ask, close };
}
