/**
 * The real engine and the real agent, Docker and sing-box, killed at every border between two steps: one sandbox is
 * made, stopped, started, rebuilt and deleted while the agent is killed at each, and one while the engine is.
 */
import { once } from 'node:events';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AgentStep } from '../../shared/agent-api';
import { createAgentClient } from '../agent-client';
import type { AgentClient, Identity } from '../contracts';
import { openTaskBench, type TaskBench, until } from './testing/bench';
import { buildEngineProgram, type EngineChildren, openEngineChildren } from './testing/engine-children';
import { openRealAgent, type RealAgent, type Traces } from './testing/real-agent';

const toRunning = [
  'image.check',
  'container.create',
  'container.start',
  'network.rules',
  'network.tunnel',
  'network.verify',
  'network.proof',
  'container.release',
  'ssh.ready',
];
interface Deed {
  name: string;
  steps: string[];
  ask(id: string): Promise<unknown>;
  /** Null: gone. */
  state: 'running' | 'stopped' | null;
  /** Containers that it makes. */
  makes: number;
}
const running: Traces = { containers: ['running'], volumes: 1, singBoxes: 1, record: true };
const stopped: Traces = { containers: ['exited'], volumes: 1, singBoxes: 0, record: true };
const nothing: Traces = { containers: [], volumes: 0, singBoxes: 0, record: false };

/** Longer than a busy machine pauses a heartbeat; that of a killed engine is taken over at once. */
const LEASE_MS = 15_000;
/** The agent is back in half a second: nothing is won by waiting longer than that for another try. */
const RETRY_BASE_MS = 1;

let real: RealAgent;
let client: ReturnType<typeof createAgentClient>;

beforeAll(async () => {
  real = await openRealAgent();
  client = createAgentClient({ socket: real.socket, log: pino({ level: 'silent' }) });
});
afterAll(async () => {
  client?.close();
  await real?.close();
});

function deeds(t: TaskBench, ann: Identity): Deed[] {
  const request = (action: 'stop' | 'start' | 'rebuild') => (id: string) =>
    t.sandboxes.request(ann, { id, action });
  return [
    { name: 'create', steps: toRunning, ask: async () => {}, state: 'running', makes: 1 },
    { name: 'stop', steps: ['container.stop'], ask: request('stop'), state: 'stopped', makes: 0 },
    { name: 'start', steps: toRunning, ask: request('start'), state: 'running', makes: 0 },
    { name: 'rebuild', steps: toRunning, ask: request('rebuild'), state: 'running', makes: 1 },
    {
      name: 'delete',
      steps: ['container.remove', 'network.remove', 'home.remove'],
      ask: (id) => t.sandboxes.remove(ann, { id }),
      state: null,
      makes: 0,
    },
  ];
}

/** Waits for the end of a deed and looks at what is on the host. */
async function check(t: TaskBench, id: string, deed: Deed): Promise<void> {
  const { state } = deed;
  if (state === null)
    await until('row gone', async () => (await t.db.sandbox.count({ where: { id } })) === 0);
  else await t.rests(id, state);
  const wanted = state === 'running' ? running : state === 'stopped' ? stopped : nothing;
  expect(await real.traces(id), deed.name).toEqual(wanted);
  // Of each deed one task, which ended well: the reconciler had nothing to mend.
  const tasks = await t.db.task.findMany({ where: { sandboxId: id }, orderBy: { id: 'desc' } });
  expect(
    tasks.map((it) => it.kind).filter((it) => it === `sandbox.${deed.name}`),
    deed.name,
  ).toHaveLength(1);
  expect(tasks[0], deed.name).toMatchObject({ kind: `sandbox.${deed.name}`, state: 'succeeded' });
  const steps = await t.db.taskStep.findMany({ where: { taskId: tasks[0]?.id ?? '' } });
  expect(
    steps.filter((it) => it.state !== 'done').map((it) => `${it.name} ${it.state}`),
    deed.name,
  ).toEqual([]);
}

test('the agent killed at every step border of each task', async () => {
  /** Borders still to come, in order. */
  let plan: string[] = [];
  const onBorder = (event: AgentStep) => {
    if (plan[0] !== `${event.step} ${event.state}`) return;
    // What it had sent before it died still arrives. With its last word the deed is done, dead or not.
    if (real.kill() || event.state === 'done') plan.shift();
  };
  const agent: AgentClient = {
    ...client,
    async call(op, input, options) {
      await real.up();
      return client.call(op, input, {
        ...options,
        onStep: (event) => {
          onBorder(event);
          options.onStep?.(event);
        },
      });
    },
  };
  const t = await openTaskBench({
    agent,
    image: real.image,
    timings: { leaseMs: LEASE_MS, retryBaseMs: RETRY_BASE_MS, stepLimitMs: 60_000, observeMs: 10_000 },
  });
  t.reconciler.start();
  try {
    const ann = await t.person('ann');
    let id = '';
    let made = 0;
    for (const deed of deeds(t, ann)) {
      plan = [...deed.steps.map((it) => `${it} started`), `${deed.steps.at(-1)} done`];
      if (id === '') id = (await t.create(ann, { openClaude: false })).id;
      else await deed.ask(id);
      await check(t, id, deed);
      expect(plan, `${deed.name}: kills that did not happen`).toEqual([]);
      made += deed.makes;
      expect(real.created(id), `${deed.name}: containers made`).toBe(made);
    }
  } finally {
    await t.close();
  }
}, 240_000);

test('the engine killed at every step border of each task', async () => {
  const removeProgram = await buildEngineProgram();
  const t = await openTaskBench({ engine: false, agent: client, image: real.image });
  const engines: EngineChildren = openEngineChildren({ db: t.db, socket: real.socket });
  const order = { leaseMs: LEASE_MS, image: real.image };
  try {
    const ann = await t.person('ann');
    let id = '';
    let made = 0;
    for (const deed of deeds(t, ann)) {
      if (id === '') id = (await t.create(ann, { openClaude: false })).id;
      else await deed.ask(id);
      for (const killAt of ['prepare', ...deed.steps, `${deed.steps.at(-1)}.done`, 'finish'])
        await once(await engines.start({ ...order, killAt }), 'exit');
      const last = await engines.start(order);
      await check(t, id, deed);
      await engines.kill(last);
      made += deed.makes;
      expect(real.created(id), `${deed.name}: containers made`).toBe(made);
    }
  } finally {
    await engines.close();
    await t.close();
    await removeProgram();
  }
}, 240_000);
