/**
 * The other end of a WireGuard way out: a named namespace that sing-box in the sandbox's namespace dials in, and that
 * leads to the peer and nowhere else. Nobody in the sandbox gets there, and the encrypted packets leave by the host's
 * namespace with the sandbox's mark.
 */
import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { wireguardLink, wireguardLinks, wireguardNamespaces } from '../../shared/names';
import { NAMED, Namespace, removeNamespace, setSysctls } from '../apply/netns';
import { loadRules } from '../apply/nft';
import { endOf, type ProcessId, runsFor } from '../apply/owned-process';
import { links, processFacts } from '../apply/proc';
import { run } from '../apply/run';
import { awaitStarted, type SingBoxFiles, startOnHost, stopSingBox, writeConfig } from '../apply/singbox';
import { NO_IPV6 } from '../plan/sysctls';
import { type KernelLink, type LinkPlan, linkRules } from '../plan/wireguard-link';

/** What a later agent must know of it; each fact is checked before it is used. */
export interface LinkRecord {
  namespace: string;
  /** The kernel's link in it. */
  name: string | null;
  /** Or the sing-box that listens there. */
  maker: ProcessId | null;
}
export interface Link {
  record: LinkRecord;
  /** Resolves when its sing-box has ended, never for the kernel's. */
  exited: Promise<void>;
}

/** How often its sing-box is looked at, and the link itself with every so many looks. */
const WATCH_MS = 1_000;
const LINK_EVERY = 3;
const ENDED = 'The WireGuard link was ended from outside; it is made again.';
const STOPPED = 'The WireGuard link was stopped by a signal; it is ended and made again.';
const never = new Promise<void>(() => {});

/** Throws with the reason; then nothing of it is left. */
export async function raiseLink(plan: LinkPlan, files: SingBoxFiles): Promise<Link> {
  const record: LinkRecord = {
    namespace: plan.namespace,
    name: plan.by === 'kernel' ? plan.name : null,
    maker: null,
  };
  await takeAway(record);
  try {
    await makeNamespace(plan.namespace);
    if (plan.by === 'sing-box') return await raiseBySingBox(plan.config, record, files);
    await raiseByKernel(plan, record, files);
    return { record, exited: never };
  } catch (error) {
    await takeAway(record);
    throw error;
  }
}

async function makeNamespace(name: string): Promise<void> {
  await run(['ip', 'netns', 'add', name]);
  const namespace = await Namespace.named(name);
  try {
    // A new namespace has forwarding from the host, where Docker switches it on: what comes there is for us or nobody.
    await setSysctls(namespace, { ...NO_IPV6, 'net.ipv4.ip_forward': '0' });
  } finally {
    await namespace.close();
  }
}

async function raiseBySingBox(config: string, record: LinkRecord, files: SingBoxFiles): Promise<Link> {
  await run(['ip', '-n', record.namespace, 'link', 'set', 'lo', 'up']);
  await writeConfig(files, config);
  const { pid, startTime, exited, logFrom } = await startOnHost(files);
  try {
    await awaitStarted({ pid, startTime, exited, logFrom }, files);
  } catch (error) {
    await stopSingBox({ pid, startTime }, files, 'SIGKILL');
    throw error;
  }
  return { record: { ...record, maker: { pid, startTime } }, exited };
}

/**
 * Born in the host's namespace, where its own packets leave, then moved to where it may be used. `lo` stays down there
 * and there is no second link, so nothing else can be reached, in whatever way.
 */
async function raiseByKernel(
  plan: KernelLink,
  { namespace }: LinkRecord,
  files: SingBoxFiles,
): Promise<void> {
  const { name, addresses, mtu, config, peer } = plan;
  const there = await Namespace.named(namespace);
  await loadRules(there, linkRules(addresses)).finally(() => there.close());
  await run(['ip', 'link', 'add', name, 'type', 'wireguard']);
  // By a file: what is in a command line is everybody's to read, and `wg` cannot open the socket that our pipes are.
  const told = join(dirname(files.config), 'wireguard.conf');
  try {
    await writeFile(told, `${config}Endpoint = ${peer.address}:${peer.port}\n`, { mode: 0o600 });
    await run(['wg', 'setconf', name, told]);
  } finally {
    await rm(told, { force: true });
  }
  await run(['ip', 'link', 'set', name, 'netns', namespace]);
  const lines = [
    ...addresses.map((it) => `addr add ${it} dev ${name}`),
    `link set ${name} mtu ${mtu} up`,
    `route replace default dev ${name}`,
  ];
  await run(['ip', '-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** For the kernel's: its peer's name means another address, or the peer roamed to one that the host does not let out. */
export async function pointLink({ namespace, name }: LinkRecord, plan: LinkPlan): Promise<void> {
  if (plan.by !== 'kernel' || name === null) return;
  const { publicKey, address, port } = plan.peer;
  const set = ['wg', 'set', name, 'peer', publicKey, 'endpoint', `${address}:${port}`];
  // Gone meanwhile: its watch sees that.
  await run(['ip', 'netns', 'exec', namespace, ...set], { okCodes: GONE });
}

/** It is there, up, and made by whom the record says. */
export async function linkStands(
  { namespace, name, maker }: LinkRecord,
  files: SingBoxFiles,
): Promise<boolean> {
  if (maker !== null && !(await runsFor(files.config, maker))) return false;
  if (name === null) return existsSync(join(NAMED, namespace));
  const { code, stdout } = await run(['ip', '-n', namespace, '-4', '-o', 'addr', 'show', 'dev', name, 'up'], {
    okCodes: GONE,
  });
  return code === 0 && stdout.trim() !== '';
}

/** Until something is wrong with it: why, in a sentence; undefined when `over` fires first. */
export async function watchLink(
  link: Link,
  files: SingBoxFiles,
  over: AbortSignal,
): Promise<string | undefined> {
  const gone = new AbortController();
  void link.exited.then(() => gone.abort());
  const either = AbortSignal.any([over, gone.signal]);
  for (let looks = 1; !over.aborted; looks += 1) {
    await delay(WATCH_MS, undefined, { signal: either }).catch(() => {});
    if (over.aborted) break;
    if (gone.signal.aborted) return ENDED;
    const facts = link.record.maker && (await processFacts(link.record.maker.pid));
    if (facts?.state === 'T' || facts?.state === 't') return STOPPED;
    if (looks % LINK_EVERY === 0 && !(await linkStands(link.record, files))) return ENDED;
  }
  return undefined;
}

/** The link of an earlier agent, if it is as it was recorded. */
export async function adoptLink(record: LinkRecord, files: SingBoxFiles): Promise<Link | null> {
  if (!(await linkStands(record, files))) return null;
  return { record, exited: record.maker === null ? never : endOf(files.config, record.maker) };
}

/** After the sing-box that dials by it. The link first: what was opened through it can send nothing more. Safe to repeat. */
export async function endLink(record: LinkRecord, files: SingBoxFiles): Promise<void> {
  await takeAway(record);
  if (record.maker !== null) await stopSingBox(record.maker, files);
}

/** What an agent that was killed left, but for the namespaces that are `kept`. Gives their names. */
export async function sweepLinks(instance: string, kept: ReadonlySet<string>): Promise<string[]> {
  const prefix = wireguardNamespaces(instance);
  const left = (await readdir(NAMED).catch(() => [])).filter((it) => it.startsWith(prefix) && !kept.has(it));
  for (const namespace of left) {
    const name = wireguardLink(instance, Number(namespace.slice(prefix.length)));
    await takeAway({ namespace, name });
  }
  // Born and not moved.
  const own = (await links(process.pid)).map((it) => it.name);
  const halfway = own.filter((it) => it.startsWith(wireguardLinks(instance)));
  for (const name of halfway) await run(['ip', 'link', 'delete', name], { okCodes: GONE });
  return [...left, ...halfway];
}

/** A namespace lives on without its name while a socket in it does; without the link it leads nowhere. */
async function takeAway({ namespace, name }: Pick<LinkRecord, 'namespace' | 'name'>): Promise<void> {
  if (name !== null) {
    await run(['ip', 'link', 'delete', name], { okCodes: GONE });
    await run(['ip', '-n', namespace, 'link', 'delete', name], { okCodes: GONE });
  }
  await removeNamespace(namespace);
}
/** ip-link(8): 1 where there is no such link, 255 where there is no such namespace. */
const GONE = [0, 1, 255];
