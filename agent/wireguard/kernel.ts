import type { EgressOf } from '../../shared/egress';
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

/** Throws `egress_failed` with what to do where a WireGuard egress in mode `kernel` cannot be served. */
export async function checkKernelMode(instance: string, egress: EgressOf<'wireguard'>): Promise<void> {
  const refuse = (why: string) =>
    new AppError(
      'egress_failed',
      `${why} Set the mode of the egress to \`userspace\`: the same keys and the same peer work there, and the host needs nothing for it.`,
    );
  if (egress.reserved !== null) {
    throw refuse("The kernel's WireGuard knows no reserved bytes, and this egress has some.");
  }
  if (!(await hasKernelWireguard(instance))) throw refuse("This host's kernel has no WireGuard.");
  if (!(await hasWg())) {
    throw refuse(
      'This host lacks the program `wg`; its administrator installs it with the package wireguard-tools.',
    );
  }
}

async function hasWg(): Promise<boolean> {
  return run(['wg', '--version']).then(
    () => true,
    () => false,
  );
}
