/** Ports of a sandbox, as its user's browser and the gateway name them. */
import { z } from 'zod';
import { listeningPortSchema } from './files';

export const portNumberSchema = z.int().min(1).max(65_535);

/** Where a port is opened: the gateway leads from here to the address that fits, see docs/ports.md. */
export function portPath(sandboxId: string, port: number): string {
  return `/sandboxes/${sandboxId}/ports/${port}/`;
}

/** The first label of a port's own host name: below 63 characters, as DNS wants. */
export function portLabel(sandboxId: string, port: number): string {
  return `${port}-${sandboxId}`;
}

export const portViewSchema = listeningPortSchema.extend({
  /** Path at the gateway. */
  url: z.string(),
});
export type PortView = z.output<typeof portViewSchema>;
