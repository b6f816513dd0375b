/**
 * A gateway's engine in a process of its own, to be killed: `engine-process DB_URL SOCKET`. It begins when it reads
 * one line on stdin, an EngineOrder.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import pino from 'pino';
import { createAgentClient } from '../../agent-client';
import { createAudit } from '../../auth/audit';
import { createSecretBox } from '../../auth/secret-box';
import type { AgentClient, Live } from '../../contracts';
import { openDb } from '../../db/open';
import { createEgressSecrets } from '../../egress/secrets';
import { createLive } from '../../live/live';
import { createVisible } from '../../live/visible';
import { createNetworkOf } from '../../services/egress/network-of';
import { createSandboxSpec } from '../../services/sandboxes/spec';
import { createTaskEngine } from '../engine';
import { createReconciler } from '../reconciler';
import type { EngineOrder } from './engine-children';
import { quick, TEST_DNS, TEST_IMAGE, TEST_KEY, TEST_PROBES } from './facts';

const [url = '', socket = ''] = process.argv.slice(2);
let order: EngineOrder = {};
const killSelf = (at: string) => {
  if (order.killAt === at) process.kill(process.pid, 'SIGKILL');
};
const log = pino({ level: process.env.TEST_LOG ?? 'silent' }, pino.destination(2));
const { db } = await openDb({ url });
const real = createLive({ db, log, visible: createVisible({ db }) });
const live: Live = {
  ...real,
  async record(tx, change) {
    await real.record(tx, change);
    // Inside the transaction that settles the row.
    if (change.topic === 'sandbox') killSelf('finish');
  },
};
const audit = createAudit({ log });
const client = createAgentClient({ socket, log });
const agent: AgentClient = {
  ...client,
  call: (op, input, options) =>
    client.call(op, input, {
      ...options,
      onStep: (event) => {
        killSelf(event.state === 'started' ? event.step : `${event.step}.${event.state}`);
        options.onStep?.(event);
      },
    }),
};

const [line] = await once(createInterface({ input: process.stdin }), 'line');
order = JSON.parse(String(line));
process.stdin.unref();
const networkOf = () => {
  if (order.masterKey === undefined) return {};
  const masterKey = Buffer.from(order.masterKey, 'base64');
  const secrets = createEgressSecrets({ box: createSecretBox(masterKey), masterKey });
  return { networkOf: createNetworkOf({ db, live, secrets, probes: TEST_PROBES, defaultDns: TEST_DNS }) };
};
const spec = createSandboxSpec({ gatewayKey: TEST_KEY, ...networkOf() });
const image = order.image ?? TEST_IMAGE;
const engine = createTaskEngine({
  db,
  live,
  audit,
  agent,
  log,
  image: () => image,
  sandboxSpec: (row, power) => {
    killSelf('prepare');
    return spec(row, power);
  },
  // A delete asks for no spec; it is at its first border here.
  dropConnection: () => killSelf('prepare'),
  openSession: async (sandboxId, userId) => {
    if ((await db.session.count({ where: { sandboxId } })) > 0) return;
    await db.session.create({
      data: {
        id: crypto.randomUUID(),
        sandboxId,
        kind: 'claude',
        name: 'Claude',
        workdir: '/',
        createdById: userId,
      },
    });
    killSelf('sessions.open');
  },
  timings: { ...quick, leaseMs: order.leaseMs ?? quick.leaseMs, stepLimitMs: 60_000 },
});
engine.start();
createReconciler({ db, live, audit, agent, engine, log }).start();
