/** A sandbox's row as the desired state that the agent gets. Pure. */
import type { Sandbox } from '../../../prisma/generated/client';
import { directNetwork, type SandboxSpec, sandboxSpecSchema } from '../../../shared/agent-api';

/** Throws ZodError when the row holds something the agent would refuse. */
export function toSpec(
  row: Sandbox,
  wanted: { power: SandboxSpec['power']; gatewayKey: string },
): SandboxSpec {
  return sandboxSpecSchema.parse({
    id: row.id,
    generation: row.generation,
    power: wanted.power,
    image: row.image,
    hostname: row.hostname,
    limits: { cpus: row.cpus, memoryMb: row.memoryMb, pids: row.pids, diskGb: row.diskGb },
    timezone: row.timezone,
    locale: row.locale,
    sudo: row.sudo,
    network: directNetwork,
    gatewayKey: wanted.gatewayKey,
  });
}

/** The same with the gateway's key line filled in: what the task engine is given. */
export function createSandboxSpec({ gatewayKey }: { gatewayKey: string }) {
  return (row: Sandbox, power: SandboxSpec['power']): SandboxSpec => toSpec(row, { power, gatewayKey });
}
