/** A gateway's engine in a process of its own, to be killed: `engine-process DB_URL SOCKET [KILL_AT] [LEASE_MS]`. */
import pino from 'pino';
import { createAgentClient } from '../../agent-client';
import { createAudit } from '../../auth/audit';
import type { Live } from '../../contracts';
import { openDb } from '../../db/open';
import { createLive } from '../../live/live';
import { createVisible } from '../../live/visible';
import { createSandboxSpec } from '../../services/sandboxes/spec';
import { createTaskEngine } from '../engine';
import { createReconciler } from '../reconciler';
import { quick, TEST_IMAGE, TEST_KEY } from './bench';

const [url = '', socket = '', killAt = '', leaseMs = ''] = process.argv.slice(2);
const killSelf = (at: string) => {
  if (killAt === at) process.kill(process.pid, 'SIGKILL');
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
const agent = createAgentClient({ socket, log });
const spec = createSandboxSpec({ gatewayKey: TEST_KEY });
const engine = createTaskEngine({
  db,
  live,
  audit,
  agent,
  log,
  image: () => TEST_IMAGE,
  sandboxSpec: (row, power) => {
    killSelf('prepare');
    return spec(row, power);
  },
  dropConnection: () => {},
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
  timings: leaseMs === '' ? quick : { ...quick, leaseMs: Number(leaseMs) },
});
engine.start();
createReconciler({ db, live, audit, agent, engine, log }).start();
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
