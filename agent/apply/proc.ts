import { readdir, readFile, stat } from 'node:fs/promises';
import { endianness } from 'node:os';

/** What /proc tells of a process; null when it is gone or a zombie (proc(5)). */
export interface ProcessFacts {
  /** Clock ticks since boot: together with the pid it names a process for good, pids alone are used again. */
  startTime: string;
  /** Value of OWNER_VARIABLE in its environment: which of our files it was started for. */
  owner: string | null;
  /** One letter of proc(5): R, S, D, T (stopped by a signal), t (by a debugger). */
  state: string;
  /** CPU time used so far, in clock ticks. */
  cpuTicks: number;
}

/** Set on every process that outlives the agent, so that the next agent can tell its own from others. */
export const OWNER_VARIABLE = 'CLOUD_CLAUDE_OWNER';

export async function processFacts(pid: number): Promise<ProcessFacts | null> {
  try {
    const [statText, environ] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/environ`, 'utf8').catch(unreadable),
    ]);
    // The second field is the name in brackets and may hold anything: fields are counted after the last bracket.
    const fields = statText.slice(statText.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const startTime = fields[19];
    if (startTime === undefined || state === 'Z' || state === 'X') return null;
    const mark = environ.split('\0').find((it) => it.startsWith(`${OWNER_VARIABLE}=`));
    const cpuTicks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
    return { startTime, owner: mark?.slice(OWNER_VARIABLE.length + 1) ?? null, state: state ?? '', cpuTicks };
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** A process that is not dumpable (some PID 1s) shows its environment to nobody, root included: it is not ours. */
function unreadable(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'EACCES') return '';
  throw error;
}

/** Inode of a process's network namespace, or null when the process is gone. */
export async function netnsInode(pid: number | 'self'): Promise<bigint | null> {
  try {
    return (await stat(`/proc/${pid}/ns/net`, { bigint: true })).ino;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** How often any thread of a process was switched to since its start: one that reads a packet was. */
export async function contextSwitches(pid: number): Promise<number> {
  let sum = 0;
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const text = await readOrEmpty(`/proc/${pid}/task/${thread}/status`);
    for (const [, count] of text.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)$/gm))
      sum += Number(count);
  }
  return sum;
}

/** TCP ports that are listened on at this IPv4 address in a process's network namespace; empty when it is gone. */
export async function listeningPorts(pid: number, address: string): Promise<number[]> {
  // proc(5), net/tcp: `0: 010012C6:D135 00000000:0000 0A ...`, the address as a number of the processor's, 0A = LISTEN.
  const bytes = Buffer.from(address.split('.').map(Number));
  const local = (endianness() === 'LE' ? bytes.reverse() : bytes).toString('hex').toUpperCase();
  const text = await readOrEmpty(`/proc/${pid}/net/tcp`);
  return [...text.matchAll(/^ *\d+: ([0-9A-F]{8}):([0-9A-F]{4}) [0-9A-F:]+ 0A /gm)].flatMap(
    ([, at, port = '']) => (at === local ? [Number.parseInt(port, 16)] : []),
  );
}

export interface LinkCounters {
  name: string;
  rxBytes: number;
  txBytes: number;
  txPackets: number;
}

/** The links in a process's network namespace; empty when it is gone. */
export async function links(pid: number): Promise<LinkCounters[]> {
  const text = await readOrEmpty(`/proc/${pid}/net/dev`);
  const found: LinkCounters[] = [];
  // Two header lines, then `name: 8 receive columns, 8 transmit columns`.
  for (const line of text.split('\n').slice(2)) {
    const colon = line.lastIndexOf(':');
    if (colon < 0) continue;
    const columns = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    found.push({
      name: line.slice(0, colon).trim(),
      rxBytes: Number(columns[0] ?? 0),
      txBytes: Number(columns[8] ?? 0),
      txPackets: Number(columns[9] ?? 0),
    });
  }
  return found;
}

/** Links that have an IPv6 address in a process's network namespace. */
export async function ipv6Links(pid: number): Promise<string[]> {
  const text = await readOrEmpty(`/proc/${pid}/net/if_inet6`);
  const names = text
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[5])
    .filter((name) => name !== undefined);
  return [...new Set(names)];
}

/** The agent's own hard limit of open files: what root's processes on this host may have. */
export async function openFilesMax(): Promise<number> {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
  return hard === undefined || hard === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(hard);
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL';
}
