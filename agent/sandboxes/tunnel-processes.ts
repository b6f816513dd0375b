import type { Logger } from 'pino';
import type { Namespace } from '../apply/netns';
import type { ProcessId } from '../apply/owned-process';
import {
  adoptSingBox,
  hashOf,
  linkFiles,
  recentComplaints,
  type SingBoxProcess,
  singBoxFiles,
  singBoxRuns,
  startSingBox,
  stopSingBox,
  writeConfig,
} from '../apply/singbox';
import { egressReason, SILENT_EGRESS } from '../plan/tunnel-reason';
import type { TunnelPlan } from '../plan/way-out';
import { linkComplaint } from '../wireguard/complaint';
import {
  adoptLink,
  endLink,
  type Link,
  type LinkRecord,
  linkStands,
  pointLink,
  raiseLink,
} from '../wireguard/link';
import type { Records } from './records';

/** What runs for one tunnel. They live and die together: a link without its sing-box, or the other way, is of no use. */
export interface Running {
  singBox: SingBoxProcess;
  link: Link | null;
}

/**
 * The processes of one sandbox's tunnel: its sing-box, and for WireGuard the link it dials by. Started detached, kept in
 * the sandbox's record and found again there by a later agent.
 */
export class TunnelProcesses {
  readonly #id: string;
  readonly #records: Records;
  readonly #log: Logger;

  constructor(id: string, records: Records, log: Logger) {
    this.#id = id;
    this.#records = records;
    this.#log = log;
  }

  get files() {
    return singBoxFiles(this.#records.folder(this.#id));
  }
  get linkFiles() {
    return linkFiles(this.#records.folder(this.#id));
  }

  /** What the record names runs by this plan in this namespace. */
  async stand(namespace: Namespace, plan: TunnelPlan): Promise<boolean> {
    const { tunnel } = await this.#records.read(this.#id);
    if (tunnel?.namespace !== String(namespace.inode) || tunnel.configHash !== planHash(plan)) return false;
    if (tunnel.link !== null && !(await linkStands(tunnel.link, this.linkFiles))) return false;
    return singBoxRuns(tunnel, this.files);
  }

  /** Before the first start by a plan. */
  async configure({ config }: TunnelPlan): Promise<void> {
    await writeConfig(this.files, config);
  }

  /** Those of an earlier agent where they run by this plan, else new ones. `prepare`: what new ones find in the namespace. */
  async adoptOrStart(namespace: Namespace, plan: TunnelPlan, prepare: () => Promise<void>): Promise<Running> {
    const hash = planHash(plan);
    const { tunnel } = await this.#records.read(this.#id);
    if (tunnel) {
      const singBox = await adoptSingBox(tunnel, this.files);
      const link = tunnel.link && (await adoptLink(tunnel.link, this.linkFiles));
      const right = tunnel.namespace === String(namespace.inode) && tunnel.configHash === hash;
      if (singBox && right && (link !== null) === (plan.link !== null)) {
        this.#log.info(
          { sandbox: this.#id, pid: tunnel.pid },
          'took over the running tunnel of an earlier agent',
        );
        return { singBox, link };
      }
      await this.endRecorded();
    }
    await prepare();
    const link = plan.link && (await raiseLink(plan.link, this.linkFiles));
    let singBox: SingBoxProcess | undefined;
    try {
      singBox = await startSingBox(namespace, this.files);
      const { pid, startTime } = singBox;
      const found = { namespace: String(namespace.inode), configHash: hash, link: link?.record ?? null };
      await this.#records.change(this.#id, { tunnel: { pid, startTime, ...found } });
      return { singBox, link };
    } catch (error) {
      // What is in no record nobody would end before the next agent.
      await this.#stop(singBox, link?.record);
      throw error;
    }
  }

  async end({ singBox, link }: Running, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#stop(singBox, link?.record, signal);
  }

  /** Ends what the record names, and forgets it. */
  async endRecorded(): Promise<void> {
    const { tunnel } = await this.#records.read(this.#id);
    if (!tunnel) return;
    await this.#stop(tunnel, tunnel.link);
    await this.#records.change(this.#id, { tunnel: null });
  }

  async #stop(
    singBox: ProcessId | undefined,
    link: LinkRecord | null | undefined,
    signal?: 'SIGTERM' | 'SIGKILL',
  ): Promise<void> {
    if (singBox) await stopSingBox(singBox, this.files, signal);
    if (link) await endLink(link, this.linkFiles);
  }

  /** The plan's server may have moved since. */
  async follow({ link }: TunnelPlan): Promise<void> {
    const { tunnel } = await this.#records.read(this.#id);
    if (link !== null && tunnel?.link) await pointLink(tunnel.link, link);
  }

  /** Why connections fail just now, from what the processes wrote; null when they tell nothing. */
  async complaint(silent: boolean): Promise<string | null> {
    const { tunnel } = await this.#records.read(this.#id);
    const ofLink = tunnel?.link ? await linkComplaint(tunnel.link, this.linkFiles, silent) : null;
    const own = async () => egressReason(await recentComplaints(this.files));
    return ofLink ?? (await own()) ?? (silent ? SILENT_EGRESS : null);
  }
}

/**
 * Plans are told apart by this: two ways out by WireGuard differ in their links alone. What the name of a peer means is
 * not in it where the link follows that while it runs.
 */
export function planHash({ config, link }: TunnelPlan): string {
  if (link === null) return hashOf(config);
  if (link.by === 'sing-box') return hashOf(JSON.stringify([config, link]));
  const { address: _, ...peer } = link.peer;
  return hashOf(JSON.stringify([config, { ...link, peer }]));
}
