import { readFile } from 'node:fs/promises';
import type { DockerClient } from './docker';

/** What Docker's limit counts: what a container writes, or all it sees, its image included. Null: it has none. */
export type DiskQuota = 'written' | 'whole' | null;

/**
 * Whether Docker can limit a container's disk: overlay2 on xfs mounted with project quotas (Docker's manual,
 * "overlay2.size"), or one of the drivers that always can. Asked once; a create that is refused goes on without.
 */
export function createDiskQuotaProbe(docker: DockerClient): () => Promise<DiskQuota> {
  let answer: Promise<DiskQuota> | undefined;
  return () => {
    answer ??= probe(docker).catch(() => {
      answer = undefined;
      return null;
    });
    return answer;
  };
}

async function probe(docker: DockerClient): Promise<DiskQuota> {
  const info: { Driver: string; DriverStatus?: [string, string][] | null; DockerRootDir: string } =
    await docker.info();
  // A snapshot refers to all of the image, and `max_rfer` counts what is referred to (btrfs-qgroup(8)): seen.
  if (info.Driver === 'btrfs') return 'whole';
  if (info.Driver === 'zfs') return 'written';
  if (info.Driver !== 'overlay2') return null;
  const backing = (info.DriverStatus ?? []).find(([key]) => key === 'Backing Filesystem')?.[1];
  if (backing !== 'xfs') return null;
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return hasProjectQuota(mounts, info.DockerRootDir) ? 'written' : null;
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
