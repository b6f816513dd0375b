import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { tunnelStates } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { defaultByLo, Namespace } from '../apply/netns';
import { lastComplaint } from '../apply/singbox';
import { tunnelReason } from '../plan/tunnel-reason';
import type { TunnelPlan } from '../plan/way-out';
import { watchLink } from '../wireguard/link';
import type { Records } from './records';
import { planHash, type Running, TunnelProcesses } from './tunnel-processes';
import { hangOf, tunReady } from './tunnel-watch';

export type TunnelState = (typeof tunnelStates)[number];

/** What `up` waits at most: room for three starts on a machine that is overloaded. */
const UP_DEADLINE_MS = 30_000;
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** A tunnel that held this long begins again with the first back-off. */
const STABLE_MS = 30_000;

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
 * One sandbox's sing-box, and for WireGuard the link it dials by, kept running. Both are started detached and found
 * again by a later agent. When either dies, the other is ended; with sing-box its tun is gone, and without the link there
 * is no way on: nothing leaves until new ones are up and verified.
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
  readonly #processes: TunnelProcesses;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#processes = new TunnelProcesses(options.id, options.records, options.log);
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

  /** It runs, or runs since an earlier agent, by this plan in this namespace, and was not cut off. */
  async holds(namespace: Namespace, plan: TunnelPlan): Promise<boolean> {
    if (this.#loop) {
      const same = this.#loop.inode === namespace.inode && this.#loop.hash === planHash(plan);
      return this.#state === 'up' && same;
    }
    return this.#processes.stand(namespace, plan);
  }

  /**
   * Why connections fail just now, in a sentence; null when nothing tells. `silent`: none get through, though there is a
   * server that should answer.
   */
  complaint(silent = false): Promise<string | null> {
    return this.#processes.complaint(silent);
  }

  /** For what `holds`: the plan's server may have moved since. */
  follow(plan: TunnelPlan): Promise<void> {
    return this.#processes.follow(plan);
  }

  /** Ends sing-box, as before another way out; the state is told by what follows. */
  async end(): Promise<void> {
    await this.#end();
    if (this.#state !== 'fenced') this.#set('absent', null);
  }

  /** Converges to a running tunnel by this plan in this namespace; resolves when it is up. */
  async up(namespace: Namespace, plan: TunnelPlan, signal: AbortSignal): Promise<void> {
    const hash = planHash(plan);
    if (this.#loop && (this.#loop.inode !== namespace.inode || this.#loop.hash !== hash)) await this.#end();
    if (this.#state === 'fenced') await this.#end();
    if (!this.#loop) {
      const own = await Namespace.ofProcess(namespace.pid);
      if (own.inode !== namespace.inode) {
        await own.close();
        throw new AppError('agent_failed', 'The container ended while its tunnel was made.');
      }
      await this.#processes.configure(plan);
      // Given up meanwhile: a loop that is begun now would be nobody's.
      if (signal.aborted) {
        await own.close();
        throw signal.reason;
      }
      this.#set('starting', null);
      const stop = new AbortController();
      const done = this.#keepRunning(own, plan, stop.signal).finally(() => own.close());
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

  async #end(): Promise<void> {
    await this.release();
    await this.#processes.endRecorded();
  }

  /**
   * Starts, waits for the end, starts again; until `stop`, which leaves the process alone. Ends by itself when the
   * namespace must not be used: then sing-box is ended too.
   */
  async #keepRunning(namespace: Namespace, plan: TunnelPlan, stop: AbortSignal): Promise<void> {
    const { id, log } = this.#options;
    let backoffMs = BACKOFF_FIRST_MS;
    while (!stop.aborted) {
      const running = await this.#start(namespace, plan).catch((error: unknown) =>
        error instanceof Error ? error.message : String(error),
      );
      if (typeof running === 'string') {
        await this.#pause(running, backoffMs, stop);
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
        continue;
      }
      const began = Date.now();
      const objection = await this.#holdUp(namespace, running, stop);
      if (stop.aborted) return;
      // Closed first: the next tun must not find the rules open before it is looked at.
      await this.#options.close(namespace).catch((error) => {
        log.warn({ sandbox: id, err: error }, 'could not close the rules of the sandbox');
      });
      await this.#processes.end(running, objection?.kind === 'hung' ? 'SIGKILL' : 'SIGTERM');
      await this.#options.cut(namespace);
      if (objection?.kind === 'refused') {
        log.error(
          { sandbox: id, reason: objection.reason },
          'the network of the sandbox is not as it must be, it is cut off',
        );
        this.#fallen('fenced', objection.reason);
        return this.#options.onRefused(objection.reason);
      }
      const complaint = await lastComplaint(this.#processes.files, running.singBox.logFrom);
      const late = complaint === null && this.#state === 'starting';
      const reason =
        objection?.reason ?? (late ? 'The tunnel did not get ready in time.' : tunnelReason(complaint));
      if (Date.now() - began > STABLE_MS) backoffMs = BACKOFF_FIRST_MS;
      await this.#pause(reason, backoffMs, stop);
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
    }
  }

  async #pause(reason: string, backoffMs: number, stop: AbortSignal): Promise<void> {
    const { id, log } = this.#options;
    this.#restarts += 1;
    this.#fallen('restarting', reason);
    log.warn(
      { sandbox: id, reason, backoffMs },
      'tunnel is down, nothing leaves; starting it again after the back-off',
    );
    await delay(backoffMs, undefined, { signal: stop }).catch(() => {});
  }

  /** From the start of a process to its end or the stop; why it must be ended where it did not end itself. */
  async #holdUp(
    namespace: Namespace,
    { singBox, link }: Running,
    stop: AbortSignal,
  ): Promise<{ kind: 'refused' | 'hung'; reason: string } | null> {
    const stopped = aborted(stop);
    const over = new AbortController();
    const ended = singBox.exited.then(() => over.abort());
    let linkReason: string | undefined;
    const either = AbortSignal.any([stop, over.signal]);
    const linkFell = link
      ? watchLink(link, this.#processes.linkFiles, either).then((reason) => {
          linkReason = reason;
          over.abort();
        })
      : null;
    const asHung = (reason: string | null | undefined) => (reason ? { kind: 'hung' as const, reason } : null);
    const fell = () => asHung(linkReason);
    try {
      if (!(await tunReady(namespace, either))) return fell();
      await this.#options.admit(namespace, either);
      if (either.aborted) return fell();
      this.#set('up', null);
      if (this.#told) this.#options.onBack();
      this.#told = false;
      const hung = hangOf(namespace, singBox.pid, either).then(asHung);
      return (await Promise.race([ended, stopped.promise, hung, ...(linkFell ? [linkFell] : [])])) ?? fell();
    } catch (error) {
      // A tunnel that died while it was looked at is no fault of the namespace.
      if (either.aborted) return fell();
      return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) };
    } finally {
      // Ends the watches.
      over.abort();
      await linkFell;
      stopped.dispose();
    }
  }

  #start(namespace: Namespace, plan: TunnelPlan): Promise<Running> {
    return this.#processes.adoptOrStart(namespace, plan, async () => {
      if (this.#prepared !== namespace.inode) await defaultByLo(namespace);
      this.#prepared = null;
    });
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
