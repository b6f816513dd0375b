/**
 * Who holds a lease, told so that a later gateway on the same machine can be certain that the holder is dead: the
 * boot, the namespace that its pid counts in, the pid and its start time. Anything else waits for the lease to end.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

interface Place {
  /** Random, made anew by every boot (proc(5)). */
  boot: string;
  /** `pid:[4026531836]`: pids of two containers do not count together. */
  namespace: string;
}

const SEPARATOR = '/';
let place: Place | null | undefined;
let own: string | undefined;

/** Null where the kernel does not tell: then nobody is ever certain. */
function placeOfThisProcess(): Place | null {
  if (place !== undefined) return place;
  try {
    place = {
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      namespace: readlinkSync('/proc/self/ns/pid'),
    };
  } catch {
    place = null;
  }
  return place;
}

/** State letter and clock ticks from boot to its start; null when it is gone or hidden from us. */
function processOf(pid: number): { state: string; startTime: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets and may hold anything: fields are counted after the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
  } catch {
    return null;
  }
}

/** A token that no other claim has, with the holder in front of it. */
export function newLeaseToken(): string {
  own ??= (() => {
    const here = placeOfThisProcess();
    const self = processOf(process.pid);
    if (here === null || self === null) return '';
    return [here.boot, here.namespace, process.pid, self.startTime, ''].join(SEPARATOR);
  })();
  return own + randomUUID();
}

/** False whenever there is any doubt, and for a holder that lives. */
export function isCertainlyDead(token: string): boolean {
  const here = placeOfThisProcess();
  const [boot, namespace, pidText, startTime, unique] = token.split(SEPARATOR);
  const pid = Number(pidText);
  if (here === null || unique === undefined || !Number.isInteger(pid) || pid <= 0) return false;
  if (boot !== here.boot || namespace !== here.namespace) return false;
  if (!exists(pid)) return true;
  // Null: it is there, but a /proc with hidepid does not show it. A zombie runs nothing any more.
  const now = processOf(pid);
  return now !== null && (now.startTime !== startTime || now.state === 'Z');
}

/** By signal 0, which a /proc with hidepid does not hide: EPERM is a process of somebody else. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
