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

/** One person's programs; more is a script that forgets to take away what it made. */
export const PORT_MAPPINGS_PER_SANDBOX = 16;

/** The only address that a port is ever mapped to: the sandbox's own loopback. */
export const MAPPED_HOST = '127.0.0.1';

export const portMappingSchema = z.object({
  hostPort: portNumberSchema,
  sandboxId: z.string(),
  internalPort: portNumberSchema,
  createdAt: z.string(),
  /** Null: it listens. Else what is in the way and what to do, for people. */
  problem: z.string().nullable(),
});
export type PortMapping = z.output<typeof portMappingSchema>;

export const portMappingsSchema = z.object({
  /** Null: nothing can be mapped here. */
  range: z.object({ first: portNumberSchema, last: portNumberSchema }).nullable(),
  mappings: z.array(portMappingSchema),
});
export type PortMappings = z.output<typeof portMappingsSchema>;

export const portViewSchema = listeningPortSchema.extend({
  /** Path at the gateway. */
  url: z.string(),
});
export type PortView = z.output<typeof portViewSchema>;
