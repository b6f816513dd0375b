import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Namespace } from './netns';

/** A look is two or three small files of the kernel's. */
const LOOK_MS = 4;

/** Where Docker puts a container's processes: cgroup v1 and v2, with its own driver and with systemd's. */
const procsOf = (container: string): string[] =>
  ['memory/', 'pids/', 'unified/', ''].flatMap((root) => [
    `/sys/fs/cgroup/${root}docker/${container}/cgroup.procs`,
    `/sys/fs/cgroup/${root}system.slice/docker-${container}.scope/cgroup.procs`,
  ]);

/**
 * The network namespace of a container that Docker is starting: it is there some 100 ms before Docker says that the
 * container runs, and before the first program of its image. Null when `over` fires first, as where this Docker Engine
 * keeps its control groups somewhere else. A hint: who uses it compares it with what Docker says in the end.
 *
 * @param container full id
 */
export async function namespaceOfStart(container: string, over: AbortSignal): Promise<Namespace | null> {
  while (!over.aborted) {
    for (const path of procsOf(container)) {
      for (const pid of await pidsIn(path)) {
        if (!(await isInit(pid))) continue;
        const namespace = await Namespace.ofProcess(pid).catch(() => null);
        if (namespace !== null) return namespace;
      }
    }
    await delay(LOOK_MS);
  }
  return null;
}

async function pidsIn(path: string): Promise<number[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

/**
 * PID 1 of a process namespace below ours. runc enters the new namespaces before it forks that process (runc,
 * nsexec.c), so its network is the container's for good; the helpers of runc beside it end soon.
 */
async function isInit(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^NSpid:\t\d+\t(?:\d+\t)*1$/m.test(status);
}
