/**
 * A host agent for tests: a real server on a real Unix socket that speaks shared/agent-api.ts and keeps its
 * sandboxes in memory, as Docker would. It can be told to fail, hang or die at a step.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import {
  AGENT_API_VERSION,
  AGENT_STREAM_PROTOCOL,
  type AgentNotice,
  type AgentStep,
  type ObservedSandbox,
  type SandboxSpec,
  sandboxSpecSchema,
} from '../../../shared/agent-api';
import { AppError, type ErrorCode, errorTable } from '../../../shared/errors';
import type { Proof } from '../../../shared/proof';

import { answerEgress, createScriptedEgress, type ScriptedEgress } from './scripted-egress';

export type StepName = AgentStep['step'];
export type Mischief =
  | { type: 'die' }
  | { type: 'hang' }
  | { type: 'fail'; code: ErrorCode; message: string };

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBqh0Jm3m8mE3jW0c2v1C5m3W8k9bqkq0Yt2m8s6y0aB';

export interface ScriptedAgent {
  readonly socket: string;
  readonly sandboxes: Map<string, ObservedSandbox>;
  readonly egress: ScriptedEgress;
  /** Specs in the order in which they were asked for. */
  readonly asked: SandboxSpec[];
  /** Containers ever made, by sandbox. */
  readonly created: Map<string, number>;
  /** The next time (or times) this step is reached, do this instead of the step. */
  at(step: StepName, mischief: Mischief, times?: number): void;
  /** Resolves when the step has been reported as started. */
  reached(step: StepName): Promise<void>;
  /** Changes what is there behind the gateway's back and tells the watchers. */
  disturb(id: string, change: (it: ObservedSandbox) => void, notice?: AgentNotice['what']): void;
  /** Takes a proof by itself, as on a timer; a red one fences. */
  prove(id: string, over: Partial<Proof>): Proof;
  /** How many watch. */
  watched(): number;
  /** As kill -9: every connection breaks; containers stay. */
  die(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startScriptedAgent(socket: string): Promise<ScriptedAgent> {
  const sandboxes = new Map<string, ObservedSandbox>();
  const asked: SandboxSpec[] = [];
  const created = new Map<string, number>();
  const mischiefs: { step: StepName; mischief: Mischief }[] = [];
  const waiting: { step: StepName; resolve: () => void }[] = [];
  const watchers = new Set<ServerResponse>();
  const egress = createScriptedEgress();
  const queues = new Map<string, Promise<void>>();
  const sockets = new Set<Socket>();
  let server: Server | undefined;

  function observe(id: string): ObservedSandbox {
    const known = sandboxes.get(id);
    if (known) return structuredClone(known);
    return {
      id,
      power: 'absent',
      generation: null,
      image: null,
      startedAt: null,
      exitCode: null,
      oomKilled: false,
      homeExists: false,
      network: {
        rules: false,
        tunnel: 'absent',
        reason: null,
        restarts: 0,
        gate: 'closed',
        egressId: null,
        proof: null,
      },
      released: false,
      hostKey: null,
      diskLimited: false,
    };
  }

  function put(id: string, change: (it: ObservedSandbox) => void): void {
    const next = observe(id);
    change(next);
    sandboxes.set(id, next);
  }

  function tell(id: string, what: AgentNotice['what'], detail = 'test'): void {
    const notice = { sandbox: id, what, detail, at: new Date().toISOString() };
    for (const it of watchers) it.write(`${JSON.stringify({ type: 'notice', notice })}\n`);
  }

  function prove(id: string, over: Partial<Proof>): Proof {
    const { egressId } = observe(id).network;
    const proof = egress.makeProof({ sandboxId: id, egressId, cause: 'timer', ...over });
    egress.kept.set(id, [...(egress.kept.get(id) ?? []), proof]);
    const red = proof.verdict === 'red';
    put(id, (it) => {
      it.network.proof = proof;
      if (red) Object.assign(it.network, { tunnel: 'fenced', gate: 'closed', reason: proof.reason });
    });
    tell(id, `proof.${proof.verdict}`, proof.reason ?? 'All passed.');
    if (red) tell(id, 'network.fenced', proof.reason ?? '');
    return proof;
  }

  const effects: Record<string, (spec: SandboxSpec) => void> = {
    'container.create': (spec) => {
      const present = sandboxes.get(spec.id);
      if (present && present.power !== 'absent' && present.generation === spec.generation) return;
      created.set(spec.id, (created.get(spec.id) ?? 0) + 1);
      put(spec.id, (it) => {
        it.power = 'stopped';
        it.generation = spec.generation;
        it.image = spec.image;
        it.homeExists = true;
        it.hostKey = HOST_KEY;
        it.released = false;
      });
    },
    'container.start': (spec) =>
      put(spec.id, (it) => {
        if (it.power !== 'running') it.startedAt = new Date().toISOString();
        it.power = 'running';
      }),
    'network.rules': (spec) =>
      put(spec.id, (it) => {
        it.network.rules = true;
      }),
    'network.tunnel': (spec) =>
      put(spec.id, (it) => {
        it.network.tunnel = 'up';
        it.network.reason = null;
        if (it.network.egressId !== spec.network.egressId) it.network.gate = 'closed';
        it.network.egressId = spec.network.egressId;
      }),
    'network.proof': (spec) => {
      const { egressId } = spec.network;
      const way = egress.ways.get(egressId ?? 'direct');
      if (!way) return;
      const proof = prove(spec.id, { cause: 'switch', ...way });
      if (proof.verdict === 'red') throw new AppError('proof_failed', proof.reason ?? 'It is red.');
    },
    'container.release': (spec) =>
      put(spec.id, (it) => {
        it.released = true;
        it.network.gate = 'open';
      }),
    'container.stop': (spec) =>
      put(spec.id, (it) => {
        if (it.power === 'absent') return;
        Object.assign(it, { power: 'stopped', startedAt: null, released: false });
        it.network = { ...it.network, rules: false, tunnel: 'absent', gate: 'closed' };
      }),
    'container.pause': (spec) =>
      put(spec.id, (it) => {
        it.power = 'paused';
      }),
  };
  const stepsTo: Record<SandboxSpec['power'], StepName[]> = {
    running: [
      'image.check',
      'container.create',
      'container.start',
      'network.rules',
      'network.tunnel',
      'network.verify',
      'network.proof',
      'container.release',
      'ssh.ready',
    ],
    stopped: ['container.stop'],
    paused: ['container.pause'],
  };

  /** One piece of work at a time for a sandbox, as the real agent does. */
  async function inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const mine = (queues.get(id) ?? Promise.resolve()).then(work, work);
    queues.set(
      id,
      mine.catch(() => {}),
    );
    await mine;
  }

  async function walk(
    response: ServerResponse,
    work: { steps: StepName[]; effect: (step: StepName) => void; result: () => unknown },
  ): Promise<void> {
    const line = (value: unknown) => response.write(`${JSON.stringify(value)}\n`);
    for (const step of work.steps) {
      if (response.destroyed) return;
      line({ type: 'step', step, state: 'started', at: new Date().toISOString() });
      for (const it of waiting.filter((one) => one.step === step)) it.resolve();
      const planned = mischiefs.findIndex((it) => it.step === step);
      const mischief = planned === -1 ? undefined : mischiefs.splice(planned, 1)[0]?.mischief;
      // Lets what was reported reach the other side before anything happens.
      await wait(2);
      if (mischief?.type === 'die') return void die();
      if (mischief?.type === 'hang') return void (await closed(response));
      const fail = ({ code, message }: { code: ErrorCode; message: string }) => {
        line({ type: 'step', step, state: 'failed', message, at: new Date().toISOString() });
        line({ type: 'error', code, error: message });
        response.end();
      };
      if (mischief?.type === 'fail') return fail(mischief);
      try {
        work.effect(step);
      } catch (thrown) {
        if (!(thrown instanceof AppError)) throw thrown;
        return fail(thrown);
      }
      line({ type: 'step', step, state: 'done', at: new Date().toISOString() });
    }
    line({ type: 'result', value: work.result() });
    response.end();
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const input = JSON.parse(Buffer.concat(parts).toString() || '{}');
    const json = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const op = request.url?.replace('/v1/', '');
    if (op === 'health')
      return json(200, {
        apiVersion: AGENT_API_VERSION,
        instance: '00000000',
        startedAt: new Date().toISOString(),
        checks: [],
        proofKeys: egress.proofKeys,
        image: { ref: null, claudeVersion: null },
      });
    if (op === 'sandbox.list') return json(200, [...sandboxes.values()]);
    if (op === 'sandbox.observe') return json(200, observe(input.id));
    if (op === 'sandbox.usage')
      return json(200, { id: input.id, cpuMs: 5, memoryBytes: 6, pids: 7, rxBytes: 8, txBytes: 9 });
    const line = (value: unknown, last: boolean) => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`${JSON.stringify(value)}\n`);
      if (last) response.end();
    };
    if (await answerEgress(egress, { op: op ?? '', input }, { json, line, gone: closed(response) })) return;
    if (op !== 'sandbox.ensure' && op !== 'sandbox.remove' && op !== 'watch')
      return json(404, { error: errorTable.not_found.title, code: 'not_found' });
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    if (op === 'watch') {
      watchers.add(response);
      response.once('close', () => watchers.delete(response));
      return;
    }
    if (op === 'sandbox.remove')
      return inTurn(input.id, () =>
        walk(response, {
          steps: ['container.remove', ...(input.home ? (['home.remove'] as const) : []), 'network.remove'],
          effect: (step) => {
            if (step === 'container.remove' && sandboxes.has(input.id))
              put(input.id, (it) => {
                it.power = 'absent';
              });
            if (step === 'network.remove') sandboxes.delete(input.id);
          },
          result: () => ({}),
        }),
      );
    const spec = sandboxSpecSchema.parse(input);
    asked.push(spec);
    return inTurn(spec.id, () =>
      walk(response, {
        steps: stepsTo[spec.power],
        effect: (step) => effects[step]?.(spec),
        result: () => observe(spec.id),
      }),
    );
  }

  function listen(): Promise<void> {
    const next = createServer((request, response) => {
      serve(request, response).catch(() => response.destroy());
    });
    next.on('upgrade', (_request, stream) => {
      stream.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${AGENT_STREAM_PROTOCOL}\r\n\r\nhello `,
      );
      stream.pipe(stream);
    });
    next.on('connection', (one) => {
      sockets.add(one);
      one.once('close', () => sockets.delete(one));
    });
    server = next;
    return new Promise((resolve) => next.listen(socket, resolve));
  }

  async function die(): Promise<void> {
    const ended = new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    server = undefined;
    for (const one of sockets) one.destroy();
    await ended;
  }

  await listen();
  return {
    socket,
    sandboxes,
    egress,
    asked,
    created,
    at: (step, mischief, times = 1) => {
      for (let n = 0; n < times; n++) mischiefs.push({ step, mischief });
    },
    reached: (step) => new Promise((resolve) => waiting.push({ step, resolve })),
    disturb(id, change, what) {
      put(id, change);
      if (what) tell(id, what);
    },
    prove,
    watched: () => watchers.size,
    die,
    restart: listen,
    close: die,
  };
}

function closed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.once('close', () => resolve());
  });
}
