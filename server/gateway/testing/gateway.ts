/** For tests: everything of the gateway's byte streams on a real database, a real http server and a real container. */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { AppError } from '../../../shared/errors';
import { Scope } from '../../../shared/lifecycle';
import { createOpenSockets } from '../../auth/open-sockets';
import type { AgentClient, AuditEntry, Db, Identity, Live, LiveChange, SandboxAccess } from '../../contracts';
import { openTestDb } from '../../db/testing';
import { createActivity } from '../activity';
import { type AnthropicProxyOptions, createAnthropicProxy } from '../anthropic-proxy';
import { createConnections } from '../connections';
import { type GatewayKey, loadGatewayKey } from '../key';
import { createTerminalEndpoint } from '../terminal';
import type { Box } from './box';

export const SANDBOX_ID = 'sgatewaytest0001';
export const identity: Identity = {
  userId: 'u1',
  username: 'ada',
  role: 'user',
  via: 'browser',
  credentialId: 'cred1',
  mustChangePassword: false,
  scopes: null,
  sandboxId: null,
  endsAt: null,
  address: '127.0.0.1',
  userAgent: 'test',
};

export interface TestGateway extends Awaited<ReturnType<typeof startGateway>> {}

export async function makeKey(scope: Scope): Promise<GatewayKey> {
  const folder = await mkdtemp(join(tmpdir(), 'cc-gateway-'));
  scope.add('key folder', folder, (it) => rm(it, { recursive: true }));
  return loadGatewayKey(join(folder, 'keys', 'gateway_ed25519'));
}

/** `upstream`: base URL of a Claude API. */
export async function startGateway(options: {
  box: Box;
  key: GatewayKey;
  upstream?: string;
  apiKey?: string;
  /** Who answers sessions that have chosen. */
  sessionUpstream?: AnthropicProxyOptions['sessionUpstream'];
  /** Gets every line of the log. */
  logged?: (line: string) => void;
}) {
  const scope = new Scope();
  const folder = await mkdtemp(join(tmpdir(), 'cc-gateway-'));
  scope.add('folder', folder, (it) => rm(it, { recursive: true }));
  const { db } = scope.own('db', await openTestDb(folder));
  const { logged } = options;
  const log = logged
    ? pino({ level: 'trace' }, { write: logged })
    : pino({ level: process.env.TEST_LOG ?? 'silent' });
  const recorded = recorder();
  await seed(db, options.box.hostKey);
  const agent: AgentClient = {
    call: () => Promise.reject(new AppError('agent_unreachable')),
    openSsh: () => options.box.openSsh(),
  };
  const activity = scope.own('activity', createActivity({ db, live: recorded.live, log }));
  const proxy = scope.own(
    'proxy',
    createAnthropicProxy({
      masterKey: randomBytes(32),
      log,
      apiKey: options.apiKey,
      baseUrl: options.upstream,
      ...(options.sessionUpstream ? { sessionUpstream: options.sessionUpstream } : {}),
      onActivity: (id) => activity.touch(id),
    }),
  );
  const connections = scope.own(
    'connections',
    createConnections({ agent, db, log, gatewayKey: options.key, provider: proxy }),
  );
  const access: SandboxAccess = async (asking, sandboxId) => {
    if (sandboxId !== SANDBOX_ID) throw new AppError('not_found');
    if (asking.userId !== identity.userId) throw new AppError('forbidden');
  };
  const sockets = createOpenSockets({ access });
  const terminal = scope.own(
    'terminal',
    createTerminalEndpoint({
      db,
      log,
      connections,
      activity,
      live: recorded.live,
      audit: recorded.audit,
      openSockets: sockets,
      access,
    }),
  );
  let who = identity;
  const server = createServer();
  server.on('upgrade', (request, socket, head) => terminal(request, socket, head, who));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.add('http', server, (it) => {
    it.close();
  });
  const { port } = server.address() as AddressInfo; // a TCP server
  return {
    db,
    log,
    connections,
    terminal,
    proxy,
    activity,
    access,
    sockets,
    port,
    recorded,
    /** Who the next sockets belong to. */
    actAs(next: Identity) {
      who = next;
    },
    async session(fields: { kind?: string; workdir?: string; id?: string } = {}): Promise<string> {
      const id = fields.id ?? randomUUID();
      await db.session.create({
        data: {
          id,
          sandboxId: SANDBOX_ID,
          kind: fields.kind ?? 'shell',
          name: 'Shell 1',
          workdir: fields.workdir ?? '/home/claude/workspace',
          createdById: identity.userId,
        },
      });
      return id;
    },
    close: () => scope.close(),
  };
}

async function seed(db: Db, hostKey: string): Promise<void> {
  await db.user.create({
    data: { id: identity.userId, username: identity.username, passwordHash: '-', role: 'user' },
  });
  await db.workspace.create({ data: { id: 'w1', name: 'Ada', personalOf: identity.userId } });
  await db.sandbox.create({
    data: {
      id: SANDBOX_ID,
      workspaceId: 'w1',
      ownerId: identity.userId,
      name: 'box',
      state: 'running',
      image: 'cloud-claude/sandbox:000000000000',
      hostname: 'box',
      cpus: 1,
      memoryMb: 1024,
      pids: 512,
      timezone: 'UTC',
      locale: 'en_US.UTF-8',
      hostKey,
    },
  });
}

/** The narrow interfaces of other parts, as lists that a test can read. */
export function recorder() {
  const changes: LiveChange[] = [];
  const entries: AuditEntry[] = [];
  const live: Live = {
    record: async (_db, change) => {
      changes.push(change);
    },
    flush: () => undefined,
    subscribe: () => {
      throw new Error('nobody subscribes here');
    },
  };
  return {
    changes,
    entries,
    live,
    audit: {
      record: async (_db: unknown, entry: AuditEntry) => {
        entries.push(entry);
      },
    },
  };
}
