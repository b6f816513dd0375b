import { createHash } from 'node:crypto';
import { open, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tunnelReason } from '../plan/tunnel-reason';
import type { Namespace } from './netns';
import { endOf, type ProcessId, runsFor, stopProcess } from './owned-process';
import { OWNER_VARIABLE, processFacts } from './proc';
import { startDetached } from './run';

/** Each connection is some ten lines. Who reads them (agent/traffic) empties the file above this, having read it. */
export const LOG_MAX_BYTES = 512 * 1024;
/** Where nobody reads it the file is emptied above this, read or not: the disk is everybody's. */
const UNREAD_LOG_MAX_BYTES = 64 * 1024 * 1024;
/** How much of the end of the log is read for why connections fail: some hundred connections. */
const LOG_TAIL_BYTES = 128 * 1024;

/**
 * Go gives memory back from the first size on and ends itself at the second (RLIMIT_DATA, setrlimit(2)): SANDBOX_FLOWS
 * flows take some 300 MiB. So one sandbox cannot take the host's memory through its tunnel.
 */
const GO_MEMORY = '384MiB';
const DATA_MAX_BYTES = 1024 * 1024 * 1024;
const LIMITED = ['prlimit', `--data=${DATA_MAX_BYTES}`, '--core=0'];
/** Above everything of the gateway's: when the host runs out of memory a tunnel goes first, and comes back. */
const OOM_SCORE = '500';
/**
 * All that sing-box may do as root: make the tun and its routes and set marks (NET_ADMIN), and enter the uplink
 * namespace to dial (SYS_ADMIN, setns(2)). It gets its configuration as an open file: without DAC_OVERRIDE root
 * cannot pass through a data folder that belongs to the gateway's user.
 */
const REDUCED = ['setpriv', '--bounding-set=-all,+net_admin,+sys_admin', '--inh-caps=-all', '--no-new-privs'];
const COMMAND = [...LIMITED, ...REDUCED, 'sing-box', 'run', '--disable-color', '-c', 'stdin'];
/** It has begun in some 50 ms. */
const STARTED_DEADLINE_MS = 8_000;
const POLL_MS = 10;

export interface SingBoxProcess extends ProcessId {
  /** Resolves when it has ended. */
  exited: Promise<void>;
  /** Where its own log lines begin in the log file. */
  logFrom: number;
}

export interface SingBoxFiles {
  config: string;
  log: string;
}
export function singBoxFiles(folder: string): SingBoxFiles {
  return { config: join(folder, 'sing-box.json'), log: join(folder, 'sing-box.log') };
}
/** Of the other one, which speaks to the peer of a WireGuard way out. */
export function linkFiles(folder: string): SingBoxFiles {
  return { config: join(folder, 'wireguard.json'), log: join(folder, 'wireguard.log') };
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

export async function writeConfig(files: SingBoxFiles, text: string): Promise<void> {
  await writeFile(files.config, text, { mode: 0o600 });
}

/** What the server's name means, read by a running sing-box within seconds. Replaced by rename: never read by half. */
export async function writeHosts(
  files: SingBoxFiles,
  name: string,
  addresses: readonly string[],
): Promise<void> {
  const path = join(dirname(files.config), 'hosts');
  await writeFile(`${path}.new`, addresses.map((it) => `${it} ${name}\n`).join(''), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Files of ranges beside it (plan/singbox.ts); one that says the same already is left alone. */
export async function writeRangeSets(
  files: SingBoxFiles,
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    const path = join(dirname(files.config), `${name}.json`);
    if ((await readFile(path, 'utf8').catch(() => null)) === text) continue;
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
}

/** In a namespace that has a default route (`defaultByLo`). */
export async function startSingBox(namespace: Namespace, files: SingBoxFiles): Promise<SingBoxProcess> {
  // Descriptor 4 is where it finds ENDPOINT_HOSTS; a folder, since the file in it is replaced.
  const folder = await open(dirname(files.config), 'r');
  return start(namespace.enter(COMMAND), files, [namespace.fd, folder.fd]).finally(() => folder.close());
}

/** In the agent's own namespace, the host's: for what must send there by itself (plan/wireguard-link.ts). */
export async function startOnHost(files: SingBoxFiles): Promise<SingBoxProcess> {
  return start(COMMAND, files, []);
}

async function start(
  command: readonly string[],
  files: SingBoxFiles,
  fds: readonly number[],
): Promise<SingBoxProcess> {
  const logFrom = await sizeOf(files.log);
  const { pid, exited } = await startDetached(command, {
    logFile: files.log,
    inputFile: files.config,
    fds,
    env: { [OWNER_VARIABLE]: files.config, GOMEMLIMIT: GO_MEMORY },
  });
  await writeFile(`/proc/${pid}/oom_score_adj`, OOM_SCORE).catch(() => {});
  const facts = await processFacts(pid);
  return { pid, startTime: facts?.startTime ?? '', exited, logFrom };
}

/** Until it says that all of it has begun. Throws with its last words. */
export async function awaitStarted(process_: SingBoxProcess, files: SingBoxFiles): Promise<void> {
  let ended = false;
  void process_.exited.then(() => {
    ended = true;
  });
  const deadline = Date.now() + STARTED_DEADLINE_MS;
  const began = async () =>
    (await tail(files, process_.logFrom, LOG_TAIL_BYTES)).some((it) => / sing-box started /.test(it));
  while (!(await began())) {
    if (ended || Date.now() > deadline) {
      throw new Error(tunnelReason(await lastComplaint(files, process_.logFrom)));
    }
    await delay(POLL_MS);
  }
}

/** Whether the recorded process still is the one that was recorded and ours. */
export async function singBoxRuns(record: ProcessId, files: SingBoxFiles): Promise<boolean> {
  return runsFor(files.config, record);
}

/** The recorded process if it still is the one that was recorded and ours; pids alone are used again. */
export async function adoptSingBox(record: ProcessId, files: SingBoxFiles): Promise<SingBoxProcess | null> {
  if (!(await runsFor(files.config, record))) return null;
  return { ...record, exited: endOf(files.config, record), logFrom: await sizeOf(files.log) };
}

/** Ends it, checking each time that the pid still means our process. One that hangs is not asked first. */
export async function stopSingBox(
  process_: ProcessId,
  files: SingBoxFiles,
  first: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  await stopProcess(files.config, process_, first);
}

/** Its last fatal words in the log since `from`, without time stamp; null when it said none. */
export async function lastComplaint(files: SingBoxFiles, from: number): Promise<string | null> {
  // Other lines tell of single connections and not why the process ended. After a crash of Go's runtime its words are
  // followed by a trace of every flow, whatever GOTRACEBACK says (sing-box sets it anew).
  const lines = await tail(files, from, LOG_MAX_BYTES);
  const line = lines.find((it) => /\bFATAL\b|^panic: |^fatal error: |^SIG[A-Z]+: /.test(it));
  return line === undefined ? null : line.replace(/^.*?\bFATAL\b(\[\d+\])?\s*/, '').trim();
}

/** The end of the log, newest line first. */
export const recentLines = (files: SingBoxFiles): Promise<string[]> => tail(files, 0, LOG_TAIL_BYTES);

/** The lines at the end of the log that tell of connections that failed, newest first. */
export async function recentComplaints(files: SingBoxFiles): Promise<string[]> {
  return (await recentLines(files)).filter((it) => /\b(ERROR|FATAL)\b/.test(it));
}

/** Lines of the end of the log, not before `from`, newest first. */
async function tail(files: SingBoxFiles, from: number, bytes: number): Promise<string[]> {
  const size = await sizeOf(files.log);
  // It was emptied since.
  const begin = from > size ? 0 : from;
  const start = Math.max(begin, size - bytes);
  if (size <= start) return [];
  const handle = await open(files.log, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.subarray(0, bytesRead).toString('utf8').split('\n').reverse();
  } finally {
    await handle.close();
  }
}

/** Empties the log when it is too large; the writer is in append mode and goes on at the start. */
export async function boundLog(log: string, maxBytes = UNREAD_LOG_MAX_BYTES): Promise<void> {
  if ((await sizeOf(log)) > maxBytes) await truncate(log, 0);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (it) => it.size,
    () => 0,
  );
}
