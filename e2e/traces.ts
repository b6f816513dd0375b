/** What a product leaves on its host, by its instance's names: found, and taken away. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { hostTable, LABEL_INSTANCE, uplinkNamespace } from '../shared/names';

const run = promisify(execFile);

/** Sandboxes outlive the product by design; a test's must not. Everything is found by this instance's names. */
export async function removeTraces(instance: string): Promise<void> {
  const label = `label=${LABEL_INSTANCE}=${instance}`;
  const containers = await lines('docker', ['ps', '-aq', '--filter', label]);
  const tunnels = (await Promise.all(containers.map(tunnelOf))).filter((pid) => pid !== null);
  if (containers.length > 0) await run('docker', ['rm', '-f', '-v', ...containers]);
  for (const pid of tunnels) process.kill(pid, 'SIGKILL');
  const volumes = await lines('docker', ['volume', 'ls', '-q', '--filter', label]);
  if (volumes.length > 0) await run('docker', ['volume', 'rm', ...volumes]);
  // Gone already after an orderly end.
  await run('nft', ['delete', 'table', 'inet', hostTable(instance)]).catch(() => undefined);
  await run('ip', ['netns', 'delete', uplinkNamespace(instance)]).catch(() => undefined);
}

/** Pid of the sing-box that makes a container's tunnel: it runs on the host, in the container's network namespace. */
export async function tunnelOf(container: string): Promise<number | null> {
  const inspect = ['inspect', '--type', 'container', '--format', '{{.State.Pid}}', container];
  const [pid] = await lines('docker', inspect).catch(() => []);
  const namespace = networkOf(Number(pid));
  if (!Number(pid) || namespace === null) return null;
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.find((it) => networkOf(it) === namespace && /^\S*sing-box /.test(commandLine(it))) ?? null;
}

function networkOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}

export async function lines(file: string, args: readonly string[]): Promise<string[]> {
  const { stdout } = await run(file, args);
  return stdout.split('\n').filter((line) => line !== '');
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
