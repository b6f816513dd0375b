/** The part of the composition that makes sandboxes what they should be: tasks, drift, proofs, another way out. */
import type { Logger } from 'pino';
import { AppError } from '../shared/errors';
import type { Scope } from '../shared/lifecycle';
import { createSecretBox } from './auth/secret-box';
import type { ClaudeParts } from './claude';
import type { Config } from './config';
import type { AgentClient, Audit, Db, Live } from './contracts';
import { createCountryOf } from './egress/country';
import { createProofStore, type ProofStore } from './egress/proof-store';
import { createEgressSecrets, type EgressSecrets } from './egress/secrets';
import type { AnthropicProxy } from './gateway/anthropic-proxy';
import type { GatewayConnections } from './gateway/connections';
import { createFailoverJob, createOtherWay } from './jobs/failover';
import { createProofsJob } from './jobs/proofs';
import { createNetworkOf } from './services/egress/network-of';
import { createSandboxSpec } from './services/sandboxes/spec';
import { firstSession } from './services/sessions/service';
import { createTaskEngine, type TaskEngine } from './tasks/engine';
import { createReconciler, type Reconciler } from './tasks/reconciler';

export interface TaskParts {
  engine: TaskEngine;
  reconciler: Reconciler;
  proofs: ProofStore;
  secrets: EgressSecrets;
  /** The image of new sandboxes. Throws AppError `image_missing`. */
  image(): string;
  /** To be started when all is there to serve it. */
  jobs: { start(): void }[];
}

export function buildTasks(
  scope: Scope,
  options: {
    db: Db;
    live: Live;
    audit: Audit;
    log: Logger;
    agent: AgentClient;
    connections: GatewayConnections;
    claude: Pick<ClaudeParts, 'sessions' | 'hooks'>;
    proxy: Pick<AnthropicProxy, 'env'>;
    masterKey: Buffer;
    /** A line of authorized_keys. */
    gatewayKey: string;
    config: Pick<Config, 'sandboxImage' | 'geoipDb' | 'probes' | 'egressDns'>;
  },
): TaskParts {
  const { db, live, audit, log, agent, connections, claude, proxy, masterKey, gatewayKey, config } = options;
  const image = () => {
    if (config.sandboxImage === null) throw new AppError('image_missing');
    return config.sandboxImage;
  };
  const secrets = createEgressSecrets({ box: createSecretBox(masterKey), masterKey });
  const countryOf = createCountryOf({ path: config.geoipDb, log });
  // It wants to hear of what is built after it.
  const later: { proven?: () => void } = {};
  const proofs = createProofStore({
    ...{ db, live, audit, agent, log, countryOf },
    onStored: () => later.proven?.(),
  });
  const pulled = scope.own('proofs', createProofsJob({ db, agent, proofs, log }));
  const { probes, egressDns: defaultDns } = config;
  const networkOf = createNetworkOf({ db, live, secrets, probes, defaultDns });
  const engine = scope.own(
    'task engine',
    createTaskEngine({
      ...{ db, live, audit, agent, log, image },
      sandboxSpec: createSandboxSpec({ gatewayKey, networkOf }),
      dropConnection: (id, reason) => {
        connections.drop(id, reason);
      },
      expectConnection: (id) => connections.expect(id),
      connect: (id, released) => connections.released(id, released),
      openSession: (sandboxId, userId, sessionId) => claude.sessions.openFirst(sandboxId, userId, sessionId),
      firstSession: async (sandboxId, sessionId) =>
        firstSession(sessionId, {
          provider: proxy.env(sandboxId),
          hooks: await claude.hooks.contentOf(sandboxId),
        }),
      otherWay: createOtherWay({
        ...{ db, live },
        proven: (id) => pulled.pull(id),
        noteFailure: (id, reason) => proofs.noteFailure(id, reason),
      }),
    }),
  );
  const reconciler = scope.own(
    'reconciler',
    createReconciler({ db, live, audit, agent, engine, log, onNotice: (it) => pulled.notice(it) }),
  );
  const failover = scope.own('fail-over', createFailoverJob({ db, live, audit, agent, engine, log }));
  later.proven = () => failover.wake();
  return { engine, reconciler, proofs, secrets, image, jobs: [engine, reconciler, pulled, failover] };
}
