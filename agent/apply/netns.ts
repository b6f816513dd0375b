import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Closeable } from '../../shared/lifecycle';
import { netnsInode } from './proc';
import { type RunOptions, type RunResult, run } from './run';

/** Where iproute2 keeps named namespaces. */
export const NAMED = '/run/netns';

/**
 * A network namespace held open by a descriptor. Commands enter it by that descriptor and never by a pid: a pid
 * may be used again by a process of the host between two calls, and rules for a sandbox must not land there.
 */
export class Namespace implements Closeable {
  readonly inode: bigint;
  /** Process whose namespace it was when opened; /proc/{pid}/net shows it while that process lives. */
  readonly pid: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, inode: bigint, pid: number) {
    this.#handle = handle;
    this.inode = inode;
    this.pid = pid;
  }

  /** Throws when the process is gone or shares the host's own namespace. */
  static async ofProcess(pid: number): Promise<Namespace> {
    const handle = await open(`/proc/${pid}/ns/net`, 'r');
    try {
      const { ino } = await handle.stat({ bigint: true });
      if (ino === (await netnsInode('self'))) {
        throw new Error(`process ${pid} is in the host's network namespace, not in one of a sandbox`);
      }
      return new Namespace(handle, ino, pid);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  static async named(name: string): Promise<Namespace> {
    const handle = await open(`${NAMED}/${name}`, 'r');
    const { ino } = await handle.stat({ bigint: true });
    return new Namespace(handle, ino, 0);
  }

  /** The command line that enters this namespace when descriptor 3 is `fd`. */
  enter(command: readonly string[]): string[] {
    return ['nsenter', '--net=/proc/self/fd/3', '--', ...command];
  }
  get fd(): number {
    return this.#handle.fd;
  }

  run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(this.enter(command), { ...options, fd3: this.fd });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** Gives the agent's own namespace (the host's) a name, so that sing-box may dial in it. Safe to repeat. */
export async function attachUplink(name: string): Promise<void> {
  const own = await netnsInode('self');
  const named = await stat(`${NAMED}/${name}`, { bigint: true }).then(
    (it) => it.ino,
    () => null,
  );
  if (named === own) return;
  if (named !== null) await removeNamespace(name);
  await run(['ip', 'netns', 'attach', name, String(process.pid)]);
}

export async function removeNamespace(name: string): Promise<void> {
  await run(['ip', 'netns', 'delete', name], { okCodes: [0, 1] });
}

/**
 * A default route that leads nowhere, for sing-box: without any it takes the network for lost and pauses all timers
 * (`missing default interface`), so that WireGuard never shakes hands again after its server was gone, nor QUIC keeps
 * alive (measured with 1.12.12; an `unreachable` route does not help). sing-box's own rules come before it. With the
 * address of loopback as source, so that a refusal finds its way back.
 */
export async function defaultByLo(namespace: Namespace): Promise<void> {
  // Up already, unless the container is still being started.
  const input = 'link set dev lo up\nroute replace default dev lo src 127.0.0.1\n';
  await namespace.run(['ip', '-4', '-batch', '-'], { input });
}

/** Settings of the namespace's own. Those that the kernel does not know are left out: one without IPv6 has none to switch off. */
export async function setSysctls(
  namespace: Namespace,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const values = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  await namespace.run(['sysctl', '-e', '-q', '-w', ...values]);
}

/** The link by which the namespace would send to a public address; null when there is none. No packet is sent. */
export async function routeOut(namespace: Namespace): Promise<string | null> {
  const { code, stdout } = await namespace.run(['ip', '-j', '-4', 'route', 'get', PUBLIC_PROBE], {
    okCodes: [0, 1, 2],
  });
  if (code !== 0) return null;
  // The shape is iproute2's own; only `dev` is read and it may be missing.
  const [route] = JSON.parse(stdout) as { dev?: string }[];
  return route?.dev ?? null;
}
/** Any address outside REFUSED_IPV4 will do: only the route is looked up. */
const PUBLIC_PROBE = '1.1.1.1';
