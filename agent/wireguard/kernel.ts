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

/**
 * Throws `egress_failed` with the reason why a WireGuard egress in mode `kernel` is not served; see
 * docs/decisions/0022-wireguard-in-user-space.md.
 */
export async function checkKernelMode(instance: string): Promise<void> {
  const kernel = (await hasKernelWireguard(instance))
    ? "This host's kernel has WireGuard, but this version carries it in user space only."
    : "This host's kernel has no WireGuard.";
  throw new AppError(
    'egress_failed',
    `${kernel} Set the mode of the egress to \`userspace\`: the same keys and the same peer work there, and the host needs nothing for it.`,
  );
}
