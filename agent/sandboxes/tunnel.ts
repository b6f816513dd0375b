import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { tunnelStates } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { TUN_NAME } from '../../shared/names';
import { defaultByLo, Namespace, routeOut } from '../apply/netns';
import { contextSwitches, links, processFacts } from '../apply/proc';
import {
  adoptSingBox,
  hashOf,
  lastComplaint,
  recentComplaints,
  type SingBoxProcess,
  singBoxFiles,
  singBoxRuns,
  startSingBox,
  stopSingBox,
  writeConfig,
} from '../apply/singbox';
import { egressReason, SILENT_EGRESS, tunnelReason } from '../plan/tunnel-reason';
import type { Records } from './records';

export type TunnelState = (typeof tunnelStates)[number];

/** sing-box needs 0.1-0.3 s for its tun and routes on an idle machine; one that takes longer is started anew. */
const READY_DEADLINE_MS = 8_000;
const READY_POLL_MS = 10;
/** What `up` waits at most: room for three starts on a machine that is overloaded. */
const UP_DEADLINE_MS = 30_000;
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** A tunnel that held this long begins again with the first back-off. */
const STABLE_MS = 30_000;
/** How often a running sing-box is looked at; one that hangs is found after one or two looks. */
const WATCH_MS = 1_000;

export interface TunnelOptions {
  id: string;
  records: Records;
  log: Logger;
  /** Looks at the namespace after each start, once its default route is by the tun; throws with a sentence when it must not be used. */
  admit(namespace: Namespace, signal: AbortSignal): Promise<void>;
  /** It ended, or is about to be: before the next start. */
  close(namespace: Namespace): Promise<void>;
  /** It has ended, and its flows with it. */
  cut(namespace: Namespace): Promise<void>;
  onDown(reason: string): void;
  onBack(): void;
  /** `admit` refused: it was ended and stays so. */
  onRefused(reason: string): Promise<void>;
}

/**
 * One sandbox's sing-box, kept running. It is started detached and found again by a later agent. When it dies,
 * its tun is gone with it and nothing leaves until the next one is up and verified.
 */
export class Tunnel {
  #state: TunnelState = 'absent';
  #reason: string | null = null;
  #restarts = 0;
  /** The namespace that has its default route already, until the first sing-box in it. */
  #prepared: bigint | null = null;
  /** A fall was told and its end not yet. */
  #told = false;
  #loop: { stop: AbortController; done: Promise<void>; inode: bigint; hash: string } | undefined;
  readonly #changed = new EventEmitter();
  readonly #options: TunnelOptions;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#changed.setMaxListeners(0);
  }

  get state(): TunnelState {
    return this.#state;
  }
  get reason(): string | null {
    return this.#reason;
  }
  get restarts(): number {
    return this.#restarts;
  }

  /** What the next sing-box finds in a namespace that is new, done beside the rules. */
  async prepare(namespace: Namespace): Promise<void> {
    await defaultByLo(namespace);
    this.#prepared = namespace.inode;
  }

  /** It runs, or runs since an earlier agent, with this configuration in this namespace, and was not cut off. */
  async holds(namespace: Namespace, config: string): Promise<boolean> {
    const hash = hashOf(config);
    if (this.#loop) {
      return this.#state === 'up' && this.#loop.inode === namespace.inode && this.#loop.hash === hash;
    }
    const { tunnel } = await this.#options.records.read(this.#options.id);
    if (tunnel?.namespace !== String(namespace.inode) || tunnel.configHash !== hash) return false;
    return singBoxRuns(tunnel, this.#files);
  }

  /**
   * Why connections fail just now, in a sentence, from sing-box's log; null when it tells nothing. `silent`: none get
   * through, though there is a server that should answer.
   */
  async complaint(silent = false): Promise<string | null> {
    return egressReason(await recentComplaints(this.#files)) ?? (silent ? SILENT_EGRESS : null);
  }

  /** Ends sing-box, as before another way out; the state is told by what follows. */
  async end(): Promise<void> {
    await this.#end();
    if (this.#state !== 'fenced') this.#set('absent', null);
  }

  /** Converges to a running tunnel with this configuration in this namespace; resolves when it is up. */
  async up(namespace: Namespace, config: string, signal: AbortSignal): Promise<void> {
    const hash = hashOf(config);
    if (this.#loop && (this.#loop.inode !== namespace.inode || this.#loop.hash !== hash)) await this.#end();
    if (this.#state === 'fenced') await this.#end();
    if (!this.#loop) {
      const own = await Namespace.ofProcess(namespace.pid);
      if (own.inode !== namespace.inode) {
        await own.close();
        throw new AppError('agent_failed', 'The container ended while its tunnel was made.');
      }
      await writeConfig(this.#files, config);
      // Given up meanwhile: a loop that is begun now would be nobody's.
      if (signal.aborted) {
        await own.close();
        throw signal.reason;
      }
      this.#set('starting', null);
      const stop = new AbortController();
      const done = this.#keepRunning(own, hash, stop.signal).finally(() => own.close());
      done.catch((cause) =>
        this.#options.log.error({ err: cause, sandbox: this.#options.id }, 'tunnel loop ended'),
      );
      this.#loop = { stop, done, inode: namespace.inode, hash };
    }
    await this.#waitUp(signal);
  }

  /** Ends sing-box for good, as when the container is gone. */
  async down(): Promise<void> {
    await this.#end();
    this.#restarts = 0;
    this.#told = false;
    this.#set('absent', null);
  }

  /** Ends sing-box because something is wrong; the next `up` tries again. */
  async fence(reason: string): Promise<void> {
    await this.#end();
    this.#fallen('fenced', reason);
  }

  /** Lets go without ending sing-box: a later agent finds it by the record. */
  async release(): Promise<void> {
    const loop = this.#loop;
    this.#loop = undefined;
    loop?.stop.abort('release');
    await loop?.done.catch(() => {});
  }

  get #files() {
    return singBoxFiles(this.#options.records.folder(this.#options.id));
  }

  async #end(): Promise<void> {
    const { id, records } = this.#options;
    await this.release();
    const { tunnel } = await records.read(id);
    if (tunnel) {
      await stopSingBox(tunnel, this.#files);
      await records.change(id, { tunnel: null });
    }
  }

  /**
   * Starts, waits for the end, starts again; until `stop`, which leaves the process alone. Ends by itself when the
   * namespace must not be used: then sing-box is ended too.
   */
  async #keepRunning(namespace: Namespace, hash: string, stop: AbortSignal): Promise<void> {
    const { id, log } = this.#options;
    let backoffMs = BACKOFF_FIRST_MS;
    while (!stop.aborted) {
      const process_ = await this.#adoptOrStart(namespace, hash);
      const began = Date.now();
      const objection = await this.#holdUp(namespace, process_, stop);
      if (stop.aborted) return;
      // Closed first: the next tun must not find the rules open before it is looked at.
      await this.#options.close(namespace).catch((error) => {
        log.warn({ sandbox: id, err: error }, 'could not close the rules of the sandbox');
      });
      await stopSingBox(process_, this.#files, objection?.kind === 'hung' ? 'SIGKILL' : 'SIGTERM');
      await this.#options.cut(namespace);
      if (objection?.kind === 'refused') {
        log.error(
          { sandbox: id, reason: objection.reason },
          'the network of the sandbox is not as it must be, it is cut off',
        );
        this.#fallen('fenced', objection.reason);
        return this.#options.onRefused(objection.reason);
      }
      const complaint = await lastComplaint(this.#files, process_.logFrom);
      const late = complaint === null && this.#state === 'starting';
      const reason =
        objection?.reason ?? (late ? 'The tunnel did not get ready in time.' : tunnelReason(complaint));
      if (Date.now() - began > STABLE_MS) backoffMs = BACKOFF_FIRST_MS;
      this.#restarts += 1;
      this.#fallen('restarting', reason);
      log.warn(
        { sandbox: id, reason, backoffMs },
        'tunnel is down, nothing leaves; starting it again after the back-off',
      );
      await delay(backoffMs, undefined, { signal: stop }).catch(() => {});
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
    }
  }

  /** From the start of a process to its end or the stop; why it must be ended where it did not end itself. */
  async #holdUp(
    namespace: Namespace,
    process_: SingBoxProcess,
    stop: AbortSignal,
  ): Promise<{ kind: 'refused' | 'hung'; reason: string } | null> {
    const stopped = aborted(stop);
    const over = new AbortController();
    const ended = process_.exited.then(() => over.abort());
    const either = AbortSignal.any([stop, over.signal]);
    try {
      if (!(await this.#ready(namespace, () => either.aborted))) return null;
      await this.#options.admit(namespace, either);
      if (either.aborted) return null;
      this.#set('up', null);
      if (this.#told) this.#options.onBack();
      this.#told = false;
      const hung = this.#watch(namespace, process_, either);
      return (await Promise.race([ended, stopped.promise, hung])) ?? null;
    } catch (error) {
      // A tunnel that died while it was looked at is no fault of the namespace.
      if (either.aborted) return null;
      return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) };
    } finally {
      // Ends the watch.
      over.abort();
      stopped.dispose();
    }
  }

  /**
   * Until sing-box hangs: it was stopped by a signal, or the sandbox sent into the tun while none of its threads ran.
   * Nothing leaves then; but nothing would come back by itself either.
   */
  async #watch(
    namespace: Namespace,
    { pid }: SingBoxProcess,
    over: AbortSignal,
  ): Promise<{ kind: 'hung'; reason: string } | undefined> {
    let before = { sent: Number.POSITIVE_INFINITY, ticks: -1, switches: -1 };
    while (!over.aborted) {
      await delay(WATCH_MS, undefined, { signal: over }).catch(() => {});
      if (over.aborted) return undefined;
      const [facts, all] = await Promise.all([processFacts(pid), links(namespace.pid)]);
      if (facts === null) continue;
      if (facts.state === 'T' || facts.state === 't') {
        return { kind: 'hung', reason: 'The tunnel was stopped by a signal; it is ended and started again.' };
      }
      const sent = all.find((it) => it.name === TUN_NAME)?.txPackets ?? 0;
      const idle = facts.cpuTicks === before.ticks && sent > before.sent;
      // Reading a packet costs a switch even when it costs no tick; only then are all threads looked at.
      const switches = idle ? await contextSwitches(pid) : -1;
      if (idle && switches === before.switches) {
        return {
          kind: 'hung',
          reason: 'The tunnel took no packets any more; it is ended and started again.',
        };
      }
      before = { sent, ticks: facts.cpuTicks, switches };
    }
    return undefined;
  }

  async #adoptOrStart(namespace: Namespace, hash: string): Promise<SingBoxProcess> {
    const { id, records, log } = this.#options;
    const { tunnel } = await records.read(id);
    if (tunnel) {
      const adopted = await adoptSingBox(tunnel, this.#files);
      if (adopted && tunnel.namespace === String(namespace.inode) && tunnel.configHash === hash) {
        log.info({ sandbox: id, pid: tunnel.pid }, 'took over the running tunnel of an earlier agent');
        return adopted;
      }
      if (adopted) await stopSingBox(tunnel, this.#files);
    }
    if (this.#prepared !== namespace.inode) await defaultByLo(namespace);
    this.#prepared = null;
    const process_ = await startSingBox(namespace, this.#files);
    await records.change(id, {
      tunnel: {
        pid: process_.pid,
        startTime: process_.startTime,
        namespace: String(namespace.inode),
        configHash: hash,
      },
    });
    return process_;
  }

  /** True when the tun is there and takes the traffic; false when `over` or the deadline passed. */
  async #ready(namespace: Namespace, over: () => boolean): Promise<boolean> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (!over() && Date.now() < deadline) {
      const present = (await links(namespace.pid)).some((it) => it.name === TUN_NAME);
      if (present && (await routeOut(namespace)) === TUN_NAME) return true;
      await delay(READY_POLL_MS);
    }
    return false;
  }

  async #waitUp(signal: AbortSignal): Promise<void> {
    const deadline = AbortSignal.timeout(UP_DEADLINE_MS);
    const either = AbortSignal.any([signal, deadline]);
    while (this.#state !== 'up') {
      if (signal.aborted) throw signal.reason;
      if (deadline.aborted || this.#state === 'fenced' || this.#state === 'absent') {
        throw new AppError('agent_failed', this.#reason ?? 'The tunnel did not come up in time.');
      }
      const change = aborted(either);
      const changed = new Promise<void>((resolve) => this.#changed.once('state', resolve));
      await Promise.race([changed, change.promise]);
      change.dispose();
    }
  }

  /** It was up and is not: told once, until it is up again. */
  #fallen(state: 'restarting' | 'fenced', reason: string): void {
    const wasUp = this.#state === 'up';
    this.#set(state, reason);
    if (!wasUp) return;
    this.#told = true;
    this.#options.onDown(reason);
  }

  #set(state: TunnelState, reason: string | null): void {
    this.#state = state;
    this.#reason = reason;
    this.#changed.emit('state');
  }
}

/** A promise that resolves when the signal fires, and a way to let go of it: long-lived signals keep listeners. */
function aborted(signal: AbortSignal): { promise: Promise<void>; dispose(): void } {
  let stop = () => {};
  const promise = new Promise<void>((resolve) => {
    stop = () => resolve();
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return { promise, dispose: () => signal.removeEventListener('abort', stop) };
}
