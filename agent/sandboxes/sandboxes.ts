/** One instance's sandboxes on this host: the operations of the agent's table, one at a time per sandbox. */
import type { Logger } from 'pino';
import type {
  AgentCheck,
  AgentStep,
  FirstSession,
  ObservedSandbox,
  SandboxSpec,
} from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import {
  containerName,
  homeVolumeName,
  LABEL_INSTANCE,
  LABEL_SANDBOX,
  sandboxIdSchema,
} from '../../shared/names';
import type { Proof } from '../../shared/proof';
import { Namespace } from '../apply/netns';
import { type EnsureParts, ensure, type Report } from './ensure';
import { publicHostKey } from './host-keys';
import { observe, usage } from './observe';
import type { WorkQueue } from './queue';
import { isReleased } from './records';
import type { SshStream } from './ssh';

export interface Work {
  report(step: AgentStep): void;
  /** Of a proof that is part of the work. */
  onCheck?(check: AgentCheck): void;
  signal: AbortSignal;
}
export type Sandboxes = ReturnType<typeof createSandboxes>;

export function createSandboxes(parts: EnsureParts, options: { queue: WorkQueue; log: Logger }) {
  const { docker, network, records, instance } = parts;
  const { queue, log } = options;

  /** Steps for the caller and the log, with the time each took. */
  function reporter(id: string, work: Work): Report {
    const begun = new Map<string, number>();
    return (step, state, message) => {
      if (state === 'started') begun.set(step, Date.now());
      const ms = state === 'started' ? undefined : Date.now() - (begun.get(step) ?? Date.now());
      log[state === 'failed' ? 'warn' : 'debug'](
        { sandbox: id, step, state, ms, reason: message },
        `${step} ${state}`,
      );
      work.report({ type: 'step', step, state, message, at: new Date().toISOString() });
    };
  }

  return {
    async ensure(
      spec: SandboxSpec,
      work: Work & { firstSession?: FirstSession | undefined },
    ): Promise<ObservedSandbox> {
      return queue.run(spec.id, work.signal, async () => {
        const began = Date.now();
        log.info(
          { sandbox: spec.id, power: spec.power, generation: spec.generation },
          `bringing the sandbox to ${spec.power}`,
        );
        await ensure(parts, spec, {
          report: reporter(spec.id, work),
          onCheck: work.onCheck,
          signal: work.signal,
          firstSession: work.firstSession,
        });
        log.info({ sandbox: spec.id, ms: Date.now() - began }, `the sandbox is ${spec.power}`);
        return observe(parts, spec.id);
      });
    },

    async remove(input: { id: string; home: boolean }, work: Work): Promise<void> {
      const { id } = input;
      await queue.run(id, work.signal, async () => {
        const report = reporter(id, work);
        const step = async (which: AgentStep['step'], does: () => Promise<unknown>) => {
          work.signal.throwIfAborted();
          report(which, 'started');
          try {
            await does();
            report(which, 'done');
          } catch (error) {
            report(which, 'failed', error instanceof Error ? error.message : undefined);
            throw error;
          }
        };
        // Container first: while it lives, its tunnel is what observes see.
        await step('container.remove', () => docker.remove(containerName(instance, id)));
        await step('network.remove', () => network.forget(id));
        await records.change(id, { spec: null, keys: null, released: null, fence: null, names: {} });
        if (input.home) {
          await step('home.remove', async () => {
            await docker.removeVolume(homeVolumeName(instance, id));
            await records.remove(id);
          });
        }
        log.info(
          { sandbox: id, home: input.home },
          input.home ? 'removed with its home' : 'removed, its home is kept',
        );
      });
    },

    /** A proof now; a bad one is acted upon as the mode says. Throws `sandbox_not_running`, `unavailable`. */
    async prove(id: string, work: Pick<Work, 'signal' | 'onCheck'>): Promise<Proof> {
      return queue.run(id, work.signal, async () => {
        const [container, record] = await Promise.all([
          docker.inspect(containerName(instance, id)),
          records.read(id),
        ]);
        if (container === null) throw new AppError('not_found', 'There is no such sandbox on this host.');
        if (container.status !== 'running' || record.spec === null || !isReleased(record, container)) {
          throw new AppError('sandbox_not_running');
        }
        const namespace = await Namespace.ofProcess(container.pid);
        try {
          return await network.way(id).prove(namespace, record.spec, { cause: 'asked', ...work });
        } finally {
          await namespace.close();
        }
      });
    },
    proofs: (input: { id: string; after: string | null }) => network.proofs.after(input.id, input.after),

    observe: (id: string) => observe(parts, id),
    usage: (id: string) => usage(parts, id),

    /** All that carry this instance's label, those too that nobody asked for: a container, or only a home volume. */
    async list(): Promise<ObservedSandbox[]> {
      const label = `${LABEL_INSTANCE}=${instance}`;
      const [containers, volumes] = await Promise.all([
        docker.containersWithLabel(label),
        docker.volumesWithLabel(label),
      ]);
      const labels = [...containers.map((it) => it.labels), ...volumes];
      const ids = new Set(
        labels.map((it) => it[LABEL_SANDBOX]).filter((id) => sandboxIdSchema.safeParse(id).success),
      );
      const found: ObservedSandbox[] = [];
      for (const id of ids) if (id !== undefined) found.push(await observe(parts, id));
      return found.filter((it) => it.power !== 'absent' || it.homeExists);
    },

    /**
     * Raw `sshd -i`, and the host key that it shows. Throws `sandbox_not_running` when it does not run, or was not let
     * run user code yet; an `early` stream is let in before that: sshd starts nothing on it until then (nologin(5)).
     */
    async ssh(id: string, early: boolean): Promise<{ stream: SshStream; hostKey: string | null }> {
      const name = containerName(instance, id);
      const [container, record, hostKey] = await Promise.all([
        docker.inspect(name),
        records.read(id),
        publicHostKey(records, id),
      ]);
      if (container === null) throw new AppError('not_found', 'There is no such sandbox on this host.');
      if (container.status === 'paused') throw new AppError('sandbox_not_running', 'The sandbox is paused.');
      if (container.status !== 'running') throw new AppError('sandbox_not_running');
      if (!early && !isReleased(record, container)) {
        throw new AppError(
          'sandbox_not_running',
          'The sandbox is still starting: its network is not verified yet.',
        );
      }
      return { stream: await parts.ssh.open(container), hostKey };
    },
  };
}
