/** A sandbox's row as the desired state that the agent gets. */
import type { Sandbox } from '../../../prisma/generated/client';
import {
  directNetwork,
  type NetworkSpec,
  type SandboxSpec,
  sandboxSpecSchema,
} from '../../../shared/agent-api';

/** Pure. Throws ZodError when the row holds something the agent would refuse. */
function toSpec(
  row: Sandbox,
  wanted: { power: SandboxSpec['power']; gatewayKey: string; network: NetworkSpec },
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
    network: wanted.network,
    gatewayKey: wanted.gatewayKey,
  });
}

/** With the gateway's key line and the way out filled in: what the task engine is given. */
export function createSandboxSpec({
  gatewayKey,
  networkOf = async () => directNetwork,
}: {
  gatewayKey: string;
  /** See services/egress/network-of.ts; left out where only power and limits matter. */
  networkOf?: (row: Sandbox) => Promise<NetworkSpec>;
}) {
  return async (row: Sandbox, power: SandboxSpec['power']): Promise<SandboxSpec> => {
    const network = await networkOf(row).catch((thrown: unknown) => {
      // A stop must not fail because a way out cannot be told, and nothing passes a stopped sandbox.
      if (power === 'stopped') return directNetwork;
      throw thrown;
    });
    return toSpec(row, { power, gatewayKey, network });
  };
}
