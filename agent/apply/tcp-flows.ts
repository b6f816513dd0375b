import { TUN_ADDRESS } from '../plan/ranges';
import type { Namespace } from './netns';

/**
 * Ends what was established through the tunnel, as the kernel itself: whoever reads or writes gets ECONNABORTED at once.
 * Without it a program that only reads never learns that its flow was cut. A connection that is just being made (SYN
 * sent) may still be made by the next way out. The kernel says good-bye with a reset: only for a gate that is closed.
 * Needs INET_DIAG_DESTROY (sock_diag(7), in every distribution's kernel); ss says nothing where it is missing.
 */
export async function abortTcpFlows(namespace: Namespace): Promise<void> {
  const flows = ['state', 'connected', 'exclude', 'syn-sent', 'src', TUN_ADDRESS];
  await namespace.run(['ss', '--kill', '--tcp', '--numeric', '--no-header', ...flows]);
}
