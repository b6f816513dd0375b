import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sandboxSpecSchema } from '../../shared/agent-api';
import { sandboxIdSchema } from '../../shared/names';

/**
 * What the agent must know of a sandbox after it was killed. Nothing here is truth about the sandbox: each fact
 * names the container, the start or the process that it was true for, and is checked against those.
 */
const recordSchema = z.object({
  /** Last spec that was asked for: a running sandbox is healed towards it when the agent starts. */
  spec: sandboxSpecSchema.nullable().default(null),
  /** The container and hash of keys that were put into it. */
  keys: z.object({ containerId: z.string(), hash: z.string() }).nullable().default(null),
  /** User code was let run in this start of this container. */
  released: z.object({ containerId: z.string(), startedAt: z.string() }).nullable().default(null),
  /** The sing-box process, by pid and start time, in which namespace, from which plan; for WireGuard the link. */
  tunnel: z
    .object({
      pid: z.int(),
      startTime: z.string(),
      namespace: z.string(),
      configHash: z.string(),
      link: z
        .object({
          namespace: z.string(),
          name: z.string().nullable(),
          maker: z.object({ pid: z.int(), startTime: z.string() }).nullable(),
        })
        .nullable()
        .default(null),
    })
    .nullable()
    .default(null),
  /** Names its firewall marks and its chains in the host table; kept until it is removed. */
  slot: z.int().nullable().default(null),
  /** What the names of its way out and of its grants meant when they were last resolved. */
  names: z.record(z.string(), z.array(z.ipv4())).default({}),
  /** What the way out was opened for: another server, address or mode must be proven first, also while it is open. */
  admitted: z.string().nullable().default(null),
  /** It was cut off on purpose: what a new agent must not undo without looking. */
  fence: z
    .object({ reason: z.string(), by: z.enum(['proof', 'check']), at: z.string() })
    .nullable()
    .default(null),
});
export type SandboxRecord = z.infer<typeof recordSchema>;
export type TunnelRecord = NonNullable<SandboxRecord['tunnel']>;

/** Whether user code was let run in this very start of this container. */
export function isReleased(
  record: SandboxRecord,
  container: { id: string; startedAt: string | null },
): boolean {
  return record.released?.containerId === container.id && record.released.startedAt === container.startedAt;
}

export type Records = ReturnType<typeof createRecords>;

/** One folder per sandbox in the agent's data folder, 0700: `record.json`, the host key, sing-box's files. */
export function createRecords(dataDir: string) {
  const root = join(dataDir, 'sandboxes');
  const folder = (id: string) => join(root, sandboxIdSchema.parse(id));
  const path = (id: string) => join(folder(id), 'record.json');
  const known = new Map<string, SandboxRecord>();
  /** The last write of each, under way or done: steps that run beside each other change one record. */
  const writes = new Map<string, Promise<void>>();

  /** Reads under way. All who wait for one go on in the order in which they asked. */
  const reads = new Map<string, Promise<SandboxRecord>>();

  function read(id: string): Promise<SandboxRecord> {
    const cached = known.get(id);
    if (cached) return Promise.resolve(cached);
    const begun = reads.get(id) ?? load(id).finally(() => reads.delete(id));
    reads.set(id, begun);
    return begun;
  }

  async function load(id: string): Promise<SandboxRecord> {
    let record = recordSchema.parse({});
    try {
      record = recordSchema.parse(JSON.parse(await readFile(path(id), 'utf8')));
    } catch {
      // Missing, or unreadable after a crash of the disk: without it the sandbox is only taken for less than it
      // is (not released, no tunnel), and the next `ensure` finds the way from there.
    }
    known.set(id, record);
    return record;
  }

  async function write(id: string, record: SandboxRecord): Promise<void> {
    await mkdir(folder(id), { recursive: true, mode: 0o700 });
    const draft = `${path(id)}.${process.pid}.new`;
    await writeFile(draft, JSON.stringify(record), { mode: 0o600 });
    await rename(draft, path(id));
  }

  return {
    folder,
    read,
    /** Changes fields and writes the record by rename: a reader sees the old or the new one, never half. */
    async change(id: string, change: Partial<SandboxRecord>): Promise<void> {
      const found = await read(id);
      // Of those that waited for one read each goes on from what the one before it has made.
      const record = { ...(known.get(id) ?? found), ...change };
      known.set(id, record);
      const before = writes.get(id) ?? Promise.resolve();
      const written = before.catch(() => {}).then(() => write(id, record));
      writes.set(id, written);
      await written.finally(() => {
        if (writes.get(id) === written) writes.delete(id);
      });
    },
    async remove(id: string): Promise<void> {
      known.delete(id);
      await writes.get(id)?.catch(() => {});
      await rm(folder(id), { recursive: true, force: true });
    },
    async ids(): Promise<string[]> {
      await mkdir(root, { recursive: true, mode: 0o700 });
      return (await readdir(root)).filter((name) => sandboxIdSchema.safeParse(name).success);
    },
  };
}
