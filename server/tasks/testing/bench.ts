/** A real database, a scripted agent and an engine with short times, for the tests of tasks. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pino from 'pino';
import type { AgentNotice } from '../../../shared/agent-api';
import { createSandboxSchema } from '../../../shared/views';
import { createAgentClient } from '../../agent-client';
import { createSecretBox } from '../../auth/secret-box';
import { type AgentClient, actorOf, type Identity } from '../../contracts';
import { createEgressSecrets } from '../../egress/secrets';
import { createNetworkOf } from '../../services/egress/network-of';
import { createProviderRefs } from '../../services/providers/refs';
import { createSandboxes } from '../../services/sandboxes/service';
import { createSandboxSpec } from '../../services/sandboxes/spec';
import { createTasks } from '../../services/tasks/service';
import { openServiceTest } from '../../services/testing';
import type { AttemptDeps, Timings } from '../attempt';
import { createTaskEngine } from '../engine';
import { createReconciler } from '../reconciler';
import { quick, TEST_DNS, TEST_IMAGE, TEST_KEY, TEST_PROBES } from './facts';
import { startScriptedAgent } from './scripted-agent';

/** Far beyond what anything here takes on a machine that is busy with other tests. */
const WAIT_LIMIT_MS = 60_000;

/** Waits until `look` gives something else than undefined, null or false. */
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
  limitMs = WAIT_LIMIT_MS,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await look();
    // Checked right here; the conditional type does not follow.
    if (value !== undefined && value !== null && value !== false)
      return value as Exclude<T, undefined | null | false>;
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await wait(20);
  }
}

export async function openTaskBench(
  options: {
    timings?: Partial<Timings>;
    engine?: boolean;
    /** Instead of the scripted one. */
    agent?: AgentClient;
    image?: string;
  } = {},
) {
  const base = await openServiceTest();
  const folder = await mkdtemp(join(tmpdir(), 'cc-tasks-'));
  const log = pino({ level: process.env.TEST_LOG ?? 'silent' });
  const peer = await startScriptedAgent(join(folder, 'agent.sock'));
  const scripted = createAgentClient({ socket: peer.socket, log });
  const agent = options.agent ?? scripted;
  const image = { ref: options.image ?? TEST_IMAGE };
  const opened: string[] = [];
  const dropped: string[] = [];
  const { db, live, audit } = base;
  const masterKey = randomBytes(32);
  const secrets = createEgressSecrets({ box: createSecretBox(masterKey), masterKey });
  /** Set by tests that build the parts behind them. */
  const hooks: { notice?: (it: AgentNotice | null) => void; otherWay?: AttemptDeps['otherWay'] } = {};
  const network = { secrets, probes: TEST_PROBES, defaultDns: TEST_DNS };
  const engine = createTaskEngine({
    db,
    live,
    audit,
    agent,
    log,
    image: () => image.ref,
    sandboxSpec: createSandboxSpec({
      gatewayKey: TEST_KEY,
      networkOf: createNetworkOf({ db, live, ...network }),
    }),
    dropConnection: (id, reason) => void dropped.push(`${id} ${reason}`),
    openSession: async (id) => void opened.push(id),
    otherWay: async (id, error) => (await hooks.otherWay?.(id, error)) ?? false,
    timings: { ...quick, ...options.timings },
  });
  const reconciler = createReconciler({
    db,
    live,
    audit,
    agent,
    engine,
    log,
    healBaseMs: 20,
    orphanGraceMs: 0,
    onNotice: (it) => hooks.notice?.(it),
  });
  const sandboxes = createSandboxes({
    db,
    live,
    audit,
    agent,
    engine,
    image: () => image.ref,
    viewers: () => 0,
    providers: createProviderRefs({ db, gatewayKey: true }),
  });
  if (options.engine !== false) engine.start();

  return {
    ...base,
    log,
    peer,
    agent,
    image,
    opened,
    dropped,
    engine,
    reconciler,
    hooks,
    sandboxes,
    network,
    masterKey,
    tasks: createTasks({ db, engine }),
    create: (who: Identity, input: Record<string, unknown> = {}) =>
      sandboxes.create(who, createSandboxSchema.parse(input)),
    actor: (who: Identity) => actorOf(who),
    row: (id: string) => db.sandbox.findUniqueOrThrow({ where: { id } }),
    /** Resolves with the row when it is in this state and no task works on it. */
    rests: (id: string, state: string) =>
      until(`${id} is ${state}`, async () => {
        const row = await db.sandbox.findUnique({ where: { id } });
        const busy = await db.task.count({ where: { sandboxId: id, state: { in: ['queued', 'running'] } } });
        return row?.state === state && busy === 0 ? row : null;
      }),
    async close() {
      await reconciler.close();
      await engine.close();
      scripted.close();
      await peer.close();
      await base.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type TaskBench = Awaited<ReturnType<typeof openTaskBench>>;
