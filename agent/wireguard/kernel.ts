import { AppError } from '../../shared/errors';
import { uplinkNamespace } from '../../shared/names';
import { removeNamespace } from '../apply/netns';
import { CommandError, run } from '../apply/run';

/** Whether this kernel makes WireGuard links: tried in an empty namespace, nothing stays. */
export async function hasKernelWireguard(instance: string): Promise<boolean> {
  const scratch = `${uplinkNamespace(instance)}-wg`;
  await removeNamespace(scratch);
  await run(['ip', 'netns', 'add', scratch]);
  try {
    await run(['ip', '-n', scratch, 'link', 'add', 'wg0', 'type', 'wireguard']);
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  } finally {
    await removeNamespace(scratch);
  }
}

/** Throws `egress_failed` with the reason where a WireGuard egress in mode `kernel` cannot be served. */
export async function checkKernelMode(instance: string): Promise<void> {
  const there = await hasKernelWireguard(instance);
  throw new AppError(
    'egress_failed',
    there
      ? 'WireGuard in the kernel is not served yet: set the mode of the egress to `userspace`.'
      : "This host's kernel has no WireGuard: set the mode of the egress to `userspace`.",
  );
}
