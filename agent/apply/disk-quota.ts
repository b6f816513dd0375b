import { readFile } from 'node:fs/promises';
import type { DockerClient } from './docker';

/**
 * Whether Docker can limit a container's own layer: overlay2 on xfs mounted with project quotas (Docker's manual,
 * "overlay2.size"), or one of the drivers that always can. Asked once; a create that is refused goes on without.
 */
export function createDiskQuotaProbe(docker: DockerClient): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  return () => {
    answer ??= probe(docker).catch(() => {
      answer = undefined;
      return false;
    });
    return answer;
  };
}

async function probe(docker: DockerClient): Promise<boolean> {
  const info: { Driver: string; DriverStatus?: [string, string][] | null; DockerRootDir: string } =
    await docker.info();
  if (info.Driver === 'btrfs' || info.Driver === 'zfs') return true;
  if (info.Driver !== 'overlay2') return false;
  const backing = (info.DriverStatus ?? []).find(([key]) => key === 'Backing Filesystem')?.[1];
  if (backing !== 'xfs') return false;
  return hasProjectQuota(await readFile('/proc/self/mounts', 'utf8'), info.DockerRootDir);
}

/** Looks at the mount that holds `path` in the text of /proc/mounts. */
export function hasProjectQuota(mounts: string, path: string): boolean {
  let best = { length: -1, options: [] as string[] };
  for (const line of mounts.split('\n')) {
    const [, point, , options] = line.split(' ');
    if (point === undefined || options === undefined) continue;
    const inside = path === point || path.startsWith(point === '/' ? '/' : `${point}/`);
    if (inside && point.length >= best.length) best = { length: point.length, options: options.split(',') };
  }
  return best.options.includes('pquota') || best.options.includes('prjquota');
}
