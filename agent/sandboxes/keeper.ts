import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { containerName, LABEL_INSTANCE, LABEL_SANDBOX, sandboxIdSchema } from '../../shared/names';
import type { ContainerState } from '../apply/docker';
import { Namespace } from '../apply/netns';
import { type ProcessId, stopProcess } from '../apply/owned-process';
import { processFacts } from '../apply/proc';
import { boundLog, LOG_MAX_BYTES, linkFiles, singBoxFiles } from '../apply/singbox';
import { sweepLinks } from '../wireguard/link';
import type { EnsureParts } from './ensure';
import type { Notices } from './notices';
import type { WorkQueue } from './queue';
import { isReleased } from './records';

/** Everything is looked at this often; rules that somebody changes are told of at once. */
const CHECK_MS = 5_000;
const RECONNECT_FIRST_MS = 200;
const RECONNECT_MAX_MS = 5_000;

export type Keeper = ReturnType<typeof createKeeper>;

/**
 * Keeps what was ensured true while nobody asks: sweeps what a killed agent left, follows Docker's events, and
 * looks at rules and tunnels on a timer.
 */
export function createKeeper(
  parts: EnsureParts,
  options: { queue: WorkQueue; notices: Notices; log: Logger },
) {
  const { docker, network, records, instance } = parts;
  const { queue, notices, log } = options;
  const stop = new AbortController();
  const background = new Set<Promise<void>>();
  let watch: { close(): Promise<void> } | undefined;
  function inBackground(work: Promise<void>): void {
    background.add(work);
    work.finally(() => background.delete(work));
  }

  async function runningIds(): Promise<string[]> {
    const containers = await docker.containersWithLabel(`${LABEL_INSTANCE}=${instance}`);
    return containers
      .filter((it) => it.running)
      .map((it) => it.labels[LABEL_SANDBOX])
      .filter((id) => id !== undefined && sandboxIdSchema.safeParse(id).success) as string[];
  }

  /** Rules and tunnel of one sandbox. Not its power: that is the gateway's to ask for. */
  async function tend(id: string): Promise<void> {
    const container = await docker.inspect(containerName(instance, id));
    if (container?.status !== 'running' && container?.status !== 'paused') {
      await network.way(id).retire();
      return;
    }
    // Not released: an ensure was cut off half way. It has no way out yet and gets one by the next ensure.
    if (!isReleased(await records.read(id), container)) return;
    await tendNetwork(id, container);
  }

  async function tendNetwork(id: string, container: ContainerState): Promise<void> {
    const { spec } = await records.read(id);
    if (spec === null) return;
    const namespace = await Namespace.ofProcess(container.pid);
    try {
      const target = { ...spec, mayOpen: container.status === 'running' };
      await network.way(id).tend(namespace, target, stop.signal);
    } finally {
      await namespace.close();
    }
    await boundLog(singBoxFiles(records.folder(id)).log);
    await boundLog(linkFiles(records.folder(id)).log, LOG_MAX_BYTES);
  }

  async function noteWay(id: string): Promise<void> {
    const { spec, tunnel } = await records.read(id);
    if (spec === null || tunnel === null) return;
    await network
      .way(id)
      .note(spec.network)
      .catch((error) =>
        log.warn({ sandbox: id, err: error }, 'its chain in the host table is not known yet'),
      );
  }

  /** In the sandbox's queue, so that it never meets an ensure; failures are logged and tried at the next round. */
  async function tendQueued(id: string): Promise<void> {
    try {
      await queue.run(id, stop.signal, () => tend(id));
    } catch (error) {
      if (!stop.signal.aborted)
        log.warn({ sandbox: id, err: error }, 'could not look after the sandbox, will try again');
    }
  }

  async function round(): Promise<void> {
    await checkHost();
    const running = new Set(await runningIds());
    for (const id of running) if (!queue.busy(id)) await tendQueued(id);
    await retireDead(running);
  }

  async function checkHost(what: 'all' | 'table' = 'all'): Promise<void> {
    if (await network.checkHost(what))
      log.warn('the host firewall table had been changed and was loaded again');
  }

  /** Those that a look is on its way to. */
  const told = new Set<string | null>();
  function onRulesChanged(id: string | null): void {
    if (stop.signal.aborted || told.has(id)) return;
    told.add(id);
    const look = async () => {
      if (id === null) {
        told.delete(id);
        return checkHost('table');
      }
      await queue.run(id, stop.signal, async () => {
        told.delete(id);
        const container = await docker.inspect(containerName(instance, id));
        if (container?.status !== 'running' && container?.status !== 'paused') return;
        const namespace = await Namespace.ofProcess(container.pid);
        await network
          .way(id)
          .mendRules(namespace)
          .finally(() => namespace.close());
      });
    };
    inBackground(
      look().catch((error) => {
        told.delete(id);
        if (!stop.signal.aborted) log.warn({ sandbox: id, err: error }, 'could not look at changed rules');
      }),
    );
  }

  async function rounds(): Promise<void> {
    while (!stop.signal.aborted) {
      await delay(CHECK_MS, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) return;
      await round().catch((error) => log.warn({ err: error }, 'the periodic check failed, will try again'));
    }
  }

  async function follow(): Promise<void> {
    let waitMs = RECONNECT_FIRST_MS;
    while (!stop.signal.aborted) {
      try {
        const stream = await docker.events(`${LABEL_INSTANCE}=${instance}`);
        const end = () => {
          if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
        };
        stop.signal.addEventListener('abort', end, { once: true });
        waitMs = RECONNECT_FIRST_MS;
        try {
          if (stop.signal.aborted) return;
          await readEvents(stream);
        } finally {
          stop.signal.removeEventListener('abort', end);
          end();
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        log.warn({ err: error, waitMs }, "lost Docker's events, connecting again after the wait");
      }
      await delay(waitMs, undefined, { signal: stop.signal }).catch(() => {});
      waitMs = Math.min(waitMs * 2, RECONNECT_MAX_MS);
    }
  }

  /**
   * Sandboxes that have a tunnel and run no longer: of their end Docker did not tell, as it was down, or its events were
   * not asked for again yet.
   */
  async function retireDead(running: ReadonlySet<string>): Promise<void> {
    for (const id of await records.ids()) {
      const { tunnel } = network.way(id);
      if (running.has(id) || tunnel.state === 'absent' || queue.busy(id)) continue;
      await tendQueued(id);
      if (network.way(id).tunnel.state === 'absent')
        notices.emit(id, 'container.died', 'The sandbox ended, and Docker did not tell.');
    }
  }

  async function readEvents(stream: NodeJS.ReadableStream): Promise<void> {
    let rest = '';
    for await (const chunk of stream) {
      rest += String(chunk);
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') onEvent(JSON.parse(line));
    }
  }

  function onEvent(event: { Action?: string; Actor?: { Attributes?: Record<string, string> } }): void {
    const attributes = event.Actor?.Attributes ?? {};
    const id = attributes[LABEL_SANDBOX];
    if (id === undefined || !sandboxIdSchema.safeParse(id).success) return;
    if (event.Action === 'start') notices.emit(id, 'container.started', 'The sandbox was started.');
    if (event.Action === 'die') {
      notices.emit(
        id,
        'container.died',
        `The sandbox ended with exit code ${attributes.exitCode ?? 'unknown'}.`,
      );
      inBackground(tendQueued(id));
    }
  }

  /** Tunnels' processes of ours whose sandbox does not run: found by what they were started for. */
  async function endStrays(running: ReadonlySet<string>): Promise<void> {
    const known = new Map<string, string>();
    for (const id of await records.ids()) {
      known.set(singBoxFiles(records.folder(id)).config, id);
      known.set(linkFiles(records.folder(id)).config, id);
    }
    for (const entry of await readdir('/proc')) {
      const pid = Number(entry);
      if (!Number.isInteger(pid)) continue;
      const facts = await processFacts(pid);
      const id = known.get(facts?.owner ?? '');
      if (!facts?.owner || id === undefined) continue;
      const { tunnel } = await records.read(id);
      const isThis = (it?: ProcessId | null) => it?.pid === pid && it.startTime === facts.startTime;
      if (running.has(id) && (isThis(tunnel) || isThis(tunnel?.link?.maker))) continue;
      log.info({ sandbox: id, pid }, 'ending a tunnel that an earlier agent left');
      await stopProcess(facts.owner, { pid, startTime: facts.startTime });
      if (isThis(tunnel)) await records.change(id, { tunnel: null });
    }
    await endStrayLinks(running);
  }

  async function endStrayLinks(running: ReadonlySet<string>): Promise<void> {
    const kept = new Set<string>();
    for (const id of running) {
      const { tunnel } = await records.read(id);
      if (tunnel?.link) kept.add(tunnel.link.namespace);
    }
    const ended = await sweepLinks(instance, kept);
    if (ended.length > 0) log.info({ ended }, 'took away WireGuard links that an earlier agent left');
  }

  return {
    /** Sweeps, then begins to follow. Running sandboxes keep running; each is tended in the background. */
    async start(): Promise<void> {
      // A host that lacks something must still be able to say so through `health`: nothing here ends the agent.
      try {
        const running = await runningIds();
        // The table is loaded as a whole: what runs must be in it from the first time on.
        for (const id of running) await noteWay(id);
        await network.checkHost();
        await endStrays(new Set(running));
        for (const id of running) inBackground(tendQueued(id));
        inBackground(network.gates.warm());
        if (running.length > 0) log.info({ sandboxes: running.length }, 'took over running sandboxes');
      } catch (error) {
        log.error(
          { err: error },
          'could not take over what runs; the periodic check will try again, see health',
        );
      }
      watch = network.onRulesChanged(onRulesChanged);
      inBackground(follow());
      inBackground(rounds());
    },
    /** Gives up what is under way, such as a proof: nothing new is begun. */
    stop(): void {
      stop.abort(new Error('the agent is closing'));
    },
    /** Leaves sandboxes and their tunnels as they are. */
    async close(): Promise<void> {
      stop.abort(new Error('the agent is closing'));
      // Before the tunnels are let go: what is under way could begin one anew.
      await watch?.close();
      await Promise.all(background);
      await network.release();
      const left = await runningIds().catch(() => ['unknown']);
      if (left.length === 0) await network.removeHost();
    },
  };
}
