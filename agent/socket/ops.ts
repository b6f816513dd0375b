import {
  type AgentCheck,
  type AgentEvent,
  type AgentHealth,
  type AgentNotice,
  type AgentOp,
  type AgentOutput,
  type AgentStep,
  agentOps,
} from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import type { EgressTest } from '../egress-test/egress-test';
import type { Notices } from '../sandboxes/notices';
import type { Sandboxes } from '../sandboxes/sandboxes';
import type { TrafficWatch } from '../traffic/traffic';
import type { WireguardKeys } from '../wireguard/keys';

/** What an operation may use while it runs. */
export interface OpContext {
  /** Fires when the client has gone or the agent closes. */
  signal: AbortSignal;
  emit(event: AgentEvent): void;
}
type Handler<O extends AgentOp> = (input: ParsedInput<O>, context: OpContext) => Promise<AgentOutput<O>>;
type ParsedInput<O extends AgentOp> = ReturnType<(typeof agentOps)[O]['input']['parse']>;
export type Handlers = { [O in AgentOp]: Handler<O> };

export interface OpParts {
  sandboxes: Sandboxes;
  notices: Notices;
  wireguard: WireguardKeys;
  egressTest: EgressTest;
  traffic: Pick<TrafficWatch, 'since'>;
  health(input: { image?: string | undefined }): Promise<AgentHealth>;
}

/** One function per row of the table in shared/agent-api.ts; the type makes it complete. */
export function createHandlers({
  sandboxes,
  notices,
  wireguard,
  egressTest,
  traffic,
  health,
}: OpParts): Handlers {
  const work = (context: OpContext) => ({
    signal: context.signal,
    report: (step: AgentStep) => context.emit(step),
    onCheck: (check: AgentCheck) => context.emit(check),
  });
  return {
    health: (input) => health(input),
    'sandbox.list': () => sandboxes.list(),
    'sandbox.observe': ({ id }) => sandboxes.observe(id),
    'sandbox.usage': ({ id }) => sandboxes.usage(id),
    'sandbox.ensure': ({ firstSession, ...spec }, context) =>
      sandboxes.ensure(spec, { ...work(context), firstSession }),
    'sandbox.remove': async (input, context) => {
      await sandboxes.remove(input, work(context));
      return {};
    },
    'sandbox.prove': ({ id }, context) => sandboxes.prove(id, work(context)),
    'sandbox.proofs': (input) => sandboxes.proofs(input),
    'sandbox.traffic': ({ id, cursor }) => traffic.since(id, cursor),
    'egress.test': (input, context) => egressTest.test(input, work(context)),
    'egress.fetch': (input, { signal }) => egressTest.fetch(input, signal),
    'wireguard.newKey': () => wireguard.newKey(),
    'wireguard.removeKey': async ({ keyId }) => {
      await wireguard.removeKey(keyId);
      return {};
    },
    watch: async (_input, { signal, emit }) => {
      const stop = notices.listen((notice: AgentNotice) => emit({ type: 'notice', notice }));
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      stop();
      return {};
    },
  };
}

export function isOp(name: string): name is AgentOp {
  return Object.hasOwn(agentOps, name);
}

/** Checks the input by the table. Throws `invalid_input` naming the first wrong field. */
export function parseInput<O extends AgentOp>(op: O, input: unknown): ParsedInput<O> {
  const result = agentOps[op].input.safeParse(input);
  if (!result.success) {
    const issue = result.error.issues[0];
    const field = issue?.path.join('.') ?? '';
    throw new AppError(
      'invalid_input',
      `${op}: ${field === '' ? 'input' : field}: ${issue?.message ?? 'is wrong'}`,
      {
        field,
      },
    );
  }
  // The schema of `op` made it; TypeScript cannot follow a generic key through safeParse.
  return result.data as ParsedInput<O>;
}

/** Runs one operation with checked input. */
export async function perform<O extends AgentOp>(
  handlers: Handlers,
  op: O,
  call: { input: unknown; context: OpContext },
): Promise<AgentOutput<O>> {
  const handler: Handler<O> = handlers[op];
  return handler(parseInput(op, call.input), call.context);
}
