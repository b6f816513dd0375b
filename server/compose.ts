/** The composition root: every part of the gateway is built here, once, and closed in reverse. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { AppError } from '../shared/errors';
import { Scope } from '../shared/lifecycle';
import { createAgentClient } from './agent-client';
import { createAudit } from './auth/audit';
import { createProxyList } from './auth/client-address';
import type { KeyRing } from './auth/key-ring';
import { keepMasterToken } from './auth/master-token';
import { createOpenSockets } from './auth/open-sockets';
import { createPasswords, type Passwords } from './auth/password';
import { loadMasterKey } from './auth/secret-box';
import { createBusy } from './busy';
import { buildClaude } from './claude';
import type { Config } from './config';
import type { Db, Live, OpenSockets, Services } from './contracts';
import { openDb } from './db/open';
import { createEchoDns } from './echo/dns';
import { createEchoHttp } from './echo/http';
import { buildFiles } from './files';
import { type FirstAdmin, loadInstance, makeFirstAdmin, markAnnounced } from './first-start';
import { createActivity } from './gateway/activity';
import { createAnthropicProxy } from './gateway/anthropic-proxy';
import { createConnections, type GatewayConnections } from './gateway/connections';
import { loadGatewayKey } from './gateway/key';
import { createPortPasses } from './gateway/port-passes';
import { createPortProxy } from './gateway/port-proxy';
import { createSessionSocket } from './gateway/session-socket';
import { createTerminalEndpoint } from './gateway/terminal';
import { createUploads } from './gateway/uploads';
import { createHealth } from './http/health';
import { createListener } from './http/listener';
import { createMetrics } from './http/metrics';
import type { Pages } from './http/pages';
import { createHttpServer } from './http/server';
import { createTrpc } from './http/trpc';
import { createUpgrade } from './http/upgrade';
import { buildIdentity } from './identity-parts';
import { createEgressHealthJob } from './jobs/egress-health';
import { createExpiryJob } from './jobs/expiry';
import { createIdleJob } from './jobs/idle';
import { createStopSandboxesOf } from './jobs/stop-sandboxes';
import { createSubscriptionsJob } from './jobs/subscriptions';
import { createTrafficJob } from './jobs/traffic';
import { createTrimJob } from './jobs/trim';
import { createLive } from './live/live';
import { createVisible } from './live/visible';
import type { RestApp } from './rest/base';
import { createRest } from './rest/rest';
import { createAccount } from './services/account/service';
import { createAdmin } from './services/admin/service';
import { createEgressService } from './services/egress/service';
import { createNetwork } from './services/network/service';
import { createTrafficStore } from './services/network/traffic';
import { createPolicies } from './services/policies/service';
import { createAccess } from './services/sandboxes/access';
import { createSandboxes } from './services/sandboxes/service';
import { createSessionMonitor } from './services/sessions/monitor';
import { createSshKeys } from './services/ssh-keys/service';
import { createTasks } from './services/tasks/service';
import { createTokens } from './services/tokens/service';
import { createUsers } from './services/users/service';
import { createWorkspaces } from './services/workspaces/service';
import { loadSshHost } from './ssh-proxy/host';
import { createSshProxy } from './ssh-proxy/server';
import { buildTasks } from './task-parts';
import { buildUsage } from './usage-parts';

export interface Gateway {
  url: string;
  port: number;
  firstAdmin: FirstAdmin | null;
  services: Services;
  /** The real parts, for tests to look into; nothing else reads them. */
  parts: { db: Db; ring: KeyRing; sockets: OpenSockets; live: Live; rest: RestApp; agentSocket: string };
  /** The first administrator's password has been shown: it is never shown again. */
  announced(): Promise<void>;
  close(): Promise<Error[]>;
}

export interface ComposeOptions {
  config: Config;
  log: Logger;
  version: string;
  /** Starts Next on what is about to be served; without it only the APIs answer. */
  pages?: (at: { host: string; port: number }) => Promise<Pages>;
  /** Instead of SSH through the agent; for tests of what reads from sandboxes. */
  connections?: GatewayConnections;
  /** Instead of those at full cost; for tests. */
  passwords?: Passwords;
}

/** Builds and starts everything; on a failure half-way what was opened is closed again. */
export async function startGateway(options: ComposeOptions): Promise<Gateway> {
  const scope = new Scope();
  try {
    return await build(scope, options);
  } catch (error) {
    await scope.closeAll();
    throw error;
  }
}

async function build(
  scope: Scope,
  { config, log, version, pages, passwords = createPasswords(), connections: given }: ComposeOptions,
): Promise<Gateway> {
  const startPages = config.headless ? undefined : pages;
  const instance = loadInstance(config.dataDir);
  const masterKey = loadMasterKey(join(config.dataDir, 'keys', 'master.key'));
  const gatewayKey = await loadGatewayKey(join(config.dataDir, 'keys', 'gateway_ed25519'));
  const sshHost =
    config.sshProxy && (await loadSshHost(config.dataDir, { ...config.sshProxy, name: config.baseDomain }));
  const { db } = scope.own('database', await openDb({ url: config.databaseUrl }));

  // What everything writes to.
  const audit = createAudit({ log });
  const live = scope.own('live', createLive({ db, log, visible: createVisible({ db }) }));
  const { access, rights } = createAccess(db);
  const sockets = createOpenSockets({ access });
  const firstAdmin = await makeFirstAdmin(
    { db, audit, passwords },
    { username: config.adminUsername, password: config.adminPassword },
  );
  await keepMasterToken({ db, audit, log }, config.masterToken);

  const trusted = createProxyList(config.trustedProxy);
  const { ring, identify, throttle, nextAuth, restAuth } = buildIdentity({
    ...{ db, audit, log, sockets, passwords, masterKey, instance, trusted },
    scheme: config.baseScheme,
  });

  // Sandboxes.
  const agent = scope.own('agent client', createAgentClient({ socket: config.agentSocket, log }));
  const activity = scope.own('activity', createActivity({ db, live, log }));
  const usage = await buildUsage(scope, {
    ...{ db, live, audit, log, access },
    wake: () => claude.wakePushes(),
  });
  const proxy = scope.own(
    'Claude API proxy',
    createAnthropicProxy({
      masterKey,
      apiKey: config.anthropic.apiKey ?? undefined,
      authToken: config.anthropic.authToken ?? undefined,
      baseUrl: config.anthropic.baseUrl,
      log,
      onActivity: (id) => activity.touch(id),
      // It wants to know of what is built after it; nothing comes before there are connections.
      sessionUpstream: (place) => claude.upstreams.of(place),
      metering: usage.metering,
    }),
  );
  const connections = scope.own(
    'connections',
    given ??
      createConnections({
        ...{ agent, db, log, gatewayKey, provider: proxy },
        bring: async (id, connection) => {
          await Promise.all([
            claude.hooks.push(id, connection),
            claude.sessions.bringChoices(id, connection),
          ]);
        },
      }),
  );
  const claude = buildClaude(scope, {
    ...{ db, live, audit, log, masterKey, access, connections, activity },
    ...{ proxy, anthropicUrl: config.anthropic.baseUrl },
    ...{ keys: join(config.dataDir, 'keys'), push: config.push, providerReach: config.providerReach },
  });
  const { sessions } = claude;
  const at = { port: config.port };
  const common = { identify, trusted, scheme: config.baseScheme, baseDomain: config.baseDomain, log };
  const ports = scope.own(
    'ports',
    createPortProxy({
      ...{ ...common, db, audit, access, sockets, connections, dev: config.dev },
      passes: createPortPasses({ db, masterKey }),
      onActivity: (id) => activity.touch(id),
      // A free one is known when it is taken.
      mainPort: () => at.port,
    }),
  );
  const files = buildFiles(scope, {
    ...{ db, audit, log, access, connections, activity, ports },
    ...{ host: config.host, portRange: config.portRange },
  });
  const monitor = scope.own('session monitor', createSessionMonitor({ db, live, audit, log, connections }));
  const {
    engine,
    reconciler,
    proofs,
    secrets,
    image,
    jobs: convergence,
  } = buildTasks(scope, {
    ...{ db, live, audit, log, agent, connections, claude, proxy, masterKey, config },
    gatewayKey: gatewayKey.publicLine,
  });

  // Services.
  const cutOff = async (userId: string) => {
    await db.authSession.updateMany({ where: { userId, revokedAt: null }, data: { revokedAt: new Date() } });
    sockets.closeUser(userId);
  };
  const { probes, egressDns: defaultDns } = config;
  const traffic = createTrafficStore({ db, agent });
  const stopSandboxesOf = createStopSandboxesOf({ db, engine, audit, log });
  const health = {
    db,
    image: config.sandboxImage,
    agent,
    instance,
    version,
    startedAt: Date.now(),
    reconcilerChecks: () => reconciler.checks(),
  };
  const egress = createEgressService({ db, live, audit, agent, engine, secrets, probes, defaultDns, proofs });
  const services: Services = {
    account: createAccount({ db, live, audit, sockets, passwords }),
    tokens: createTokens({ db, live, audit, sockets, access }),
    sshKeys: createSshKeys({ db, live, audit, sockets, server: sshHost?.shown ?? null }),
    users: createUsers({
      db,
      live,
      audit,
      passwords,
      sockets,
      cutOff,
      stopSandboxesOf: async (userId, reason) => {
        await stopSandboxesOf(userId, { reason, auditType: 'admin.host.action' });
      },
    }),
    workspaces: createWorkspaces({ db, live, audit, sockets }),
    sandboxes: createSandboxes({
      db,
      live,
      audit,
      agent,
      engine,
      image,
      viewers: (id) => connections.viewers(id),
      providers: claude.providers,
    }),
    sessions,
    ...claude.services,
    ...files.services,
    ...usage.services,
    tasks: createTasks({ db, engine }),
    admin: createAdmin(health),
    egress,
    policies: createPolicies({ db, live, audit, engine, access }),
    network: createNetwork({ db, audit, agent, proofs, traffic, rights }),
  };

  // The edge.
  const terminal = scope.own(
    'terminals',
    createTerminalEndpoint({ db, live, audit, log, connections, access, openSockets: sockets, activity }),
  );
  const sessionSocket = scope.own(
    'session sockets',
    createSessionSocket({ frames: claude.frames, openSockets: sockets, log }),
  );
  const metrics = createMetrics({
    token: config.metricsToken,
    db,
    openSockets: () => sockets.size,
    terminals: () => terminal.count(),
    claude: claude.figures,
  });
  const rest = createRest({
    services,
    frames: claude.frames,
    chat: claude.chat,
    typing: claude.typing,
    prefs: claude.prefs,
    headless: config.headless,
    history: claude.history,
    live,
    sockets,
    version,
    report: (error, requestId) => log.error({ requestId, err: error.cause }, 'a request failed'),
    auth: restAuth,
  });
  const served: { current: Pages | null } = { current: null };
  const upgrade = scope.own(
    'upgrades',
    createUpgrade({
      ...common,
      endpoints: { terminal, session: sessionSocket },
      development: config.dev ? (...args) => served.current?.upgrade?.(...args) : null,
      newRequestId: randomUUID,
    }),
  );
  const listener = createListener({
    ...common,
    nextAuth,
    trpc: createTrpc({ services, log }),
    rest: rest.handle,
    upload: createUploads({ db, audit, access, connections }),
    health: createHealth(health),
    metrics,
    echo: createEchoHttp(),
    pages: startPages ? (request, response) => servePage(served.current, request, response) : null,
    headless: config.headless,
    dev: config.dev,
  });
  const server = scope.own(
    'http server',
    createHttpServer({
      request: (...args) => (ports.takes(args[0]) ? ports.handle(...args) : listener(...args)),
      upgrade: (...args) => (ports.takes(args[0]) ? ports.upgrade(...args) : upgrade.handle(...args)),
    }),
  );
  if (config.echoDns !== null) {
    await scope.own('DNS echo', createEchoDns({ ...config.echoDns, log })).start();
  }
  const port = await server.listen(config.port, config.host);
  at.port = port;
  if (sshHost !== null) {
    const page = (id: string) => `${urlOf(config, at.port)}/sandboxes/${id}`;
    const parts = { db, audit, log, access, sockets, connections, activity, throttle, page };
    await scope.own('SSH proxy', createSshProxy({ ...parts, ...sshHost })).start();
    const { fingerprint } = sshHost.shown;
    log.info({ ...config.sshProxy, fingerprint }, 'the SSH proxy listens');
  }
  if (startPages) served.current = scope.own('pages', await startPages({ host: config.host, port }));

  // Work begins when all is there to serve it.
  const jobs = [
    createExpiryJob({ db, live, audit, log, cutOff, stopSandboxesOf }),
    createIdleJob({
      db,
      engine,
      log,
      timeoutMs: config.idleTimeoutMs,
      viewers: (id) => connections.viewers(id),
      busy: createBusy({ agent }),
    }),
    createSubscriptionsJob({ log, refreshDue: (signal) => egress.refreshDue(signal) }),
    createTrafficJob({ db, traffic, log }),
    createTrimJob({ db, log }),
    createEgressHealthJob({ db, log, everyMs: config.egressHealthMs, test: egress.testSaved }),
  ].map((job) => scope.own('job', job));
  for (const part of [connections, monitor, ...convergence, ...claude.jobs, files.listeners, ...jobs])
    part.start();
  return {
    url: urlOf(config, port),
    port,
    firstAdmin,
    services,
    parts: { db, ring, sockets, live, rest: rest.app, agentSocket: config.agentSocket },
    announced: () => markAnnounced(db),
    close: () => scope.closeAll(),
  };
}

async function servePage(
  pages: Pages | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!pages) throw new AppError('unavailable', 'The pages are still starting.');
  await pages.request(request, response);
}

function urlOf(config: Config, port: number): string {
  if (config.baseDomain !== null) return `${config.baseScheme}://${config.baseDomain}`;
  const host = config.host === '0.0.0.0' || config.host === '::' ? 'localhost' : config.host;
  return `${config.baseScheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
