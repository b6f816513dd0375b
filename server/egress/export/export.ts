/** Writes a way out as a text that others read: a share link, WireGuard's file, or sing-box JSON. Pure. */
import type { Egress } from '../../../shared/egress';
import { AppError } from '../../../shared/errors';
import { linkOf } from './link';
import { singBoxOf } from './sing-box';
import { wireguardFile } from './wireguard';

export type ExportFormat = 'link' | 'wireguard' | 'sing-box';

/**
 * The text holds the secrets. `importEgresses` reads it back to the same egress.
 *
 * Throws `invalid_input` for `wireguard` of another kind, and for a key that the agent keeps.
 */
export function exportEgress(egress: Egress, label: string, format: ExportFormat): string {
  if (egress.kind === 'wireguard' && egress.privateKey === null) {
    throw new AppError(
      'invalid_input',
      'The private key of this egress was made by the agent and never leaves it, so there is nothing whole to export.',
    );
  }
  switch (format) {
    case 'link':
      return linkOf(egress, label);
    case 'sing-box':
      return singBoxOf(egress, label);
    case 'wireguard':
      if (egress.kind !== 'wireguard') {
        throw new AppError('invalid_input', 'Only a WireGuard egress can be written as a WireGuard file.');
      }
      return wireguardFile(egress, label);
  }
}
