/**
 * What the gateway and the agent agree on: one table of operations, zod in and zod out on both sides.
 *
 * Transport: HTTP/1.1 on the agent's Unix socket (mode 0600, owned by the gateway's user).
 *   POST /v1/{op}                    JSON body = input.
 *     plain op   -> 200 JSON output, or the error's HTTP status with {error, code}
 *     stream op  -> 200 application/x-ndjson, one AgentEvent a line; the last is `result` or `error`.
 *                   A closed connection cancels the work at the next step border; what was done stays and
 *                   the next `ensure` goes on from there.
 *   GET  /v1/streams/ssh?sandbox=ID  with `Connection: Upgrade`, `Upgrade: cloud-claude-stream`
 *     -> 101, then raw bytes of `sshd -i` in the sandbox, both ways, back-pressure by the socket.
 * Anything else is refused (404), as is a request with an Origin or Referer header (403): no browser belongs here.
 */
import { z } from 'zod';
import { SANDBOX_CPUS, SANDBOX_DISK_GB, SANDBOX_MEMORY_MB, SANDBOX_PIDS } from './limits';
import { instanceIdSchema, sandboxIdSchema } from './names';

/** Raised when an operation changes its meaning; the gateway refuses an agent of another version. */
export const AGENT_API_VERSION = 1;
export const AGENT_STREAM_PROTOCOL = 'cloud-claude-stream';

export const sandboxLimitsSchema = z.object({
  cpus: z.number().min(SANDBOX_CPUS.min).max(SANDBOX_CPUS.max),
  memoryMb: z.int().min(SANDBOX_MEMORY_MB.min).max(SANDBOX_MEMORY_MB.max),
  pids: z.int().min(SANDBOX_PIDS.min).max(SANDBOX_PIDS.max),
  /** Null = not limited. Enforced where the storage driver can (observed.diskLimited tells). */
  diskGb: z.int().min(SANDBOX_DISK_GB.min).max(SANDBOX_DISK_GB.max).nullable(),
});
export type SandboxLimits = z.infer<typeof sandboxLimitsSchema>;

/** The way out. Other kinds come with the egress issue; the path is the same for all. */
export const egressSchema = z.discriminatedUnion('kind', [z.object({ kind: z.literal('direct') })]);
export type Egress = z.infer<typeof egressSchema>;

/** An IANA zone name by shape; the agent checks that the host knows it. */
export const timezoneSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/)
  .max(64);
/** POSIX locale with UTF-8, such as `de_DE.UTF-8` or `C.UTF-8`. */
export const localeSchema = z.string().regex(/^([a-z]{2,3}_[A-Z]{2}|C)\.UTF-8$/);

/** Desired state of one sandbox. No container option is in it: the agent derives them all. */
export const sandboxSpecSchema = z.object({
  id: sandboxIdSchema,
  /** The container is made anew when this differs from the one it was made for; the home volume stays. */
  generation: z.int().min(1),
  power: z.enum(['running', 'paused', 'stopped']),
  /** `cloud-claude/sandbox:{content hash}`; anything else is refused. */
  image: z.string().regex(/^cloud-claude\/sandbox:[0-9a-f]{12,64}$/),
  hostname: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/),
  limits: sandboxLimitsSchema,
  timezone: timezoneSchema,
  locale: localeSchema,
  /** False: `no-new-privileges` and no sudo. */
  sudo: z.boolean(),
  egress: egressSchema,
  /** The gateway's public key line, `ssh-ed25519 AAAA... [comment]`. */
  gatewayKey: z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/=]{60,100}( [\w.@-]{1,64})?$/),
});
export type SandboxSpec = z.infer<typeof sandboxSpecSchema>;

export const tunnelStates = ['up', 'starting', 'restarting', 'fenced', 'absent'] as const;

/** What really is. `absent` power = no container. */
export const observedSandboxSchema = z.object({
  id: sandboxIdSchema,
  power: z.enum(['running', 'paused', 'stopped', 'absent']),
  generation: z.int().nullable(),
  image: z.string().nullable(),
  startedAt: z.string().nullable(),
  exitCode: z.int().nullable(),
  oomKilled: z.boolean(),
  homeExists: z.boolean(),
  network: z.object({
    /** The namespace's nft table is loaded and is what we would load now. */
    rules: z.boolean(),
    tunnel: z.enum(tunnelStates),
    /** Why the tunnel is not up, as a sentence for people. */
    reason: z.string().nullable(),
    restarts: z.int(),
  }),
  /** User code may run: everything before was right. */
  released: z.boolean(),
  /** `ssh-ed25519 AAAA...`: the gateway pins it. */
  hostKey: z.string().nullable(),
  diskLimited: z.boolean(),
});
export type ObservedSandbox = z.infer<typeof observedSandboxSchema>;

/** Steps of `sandbox.ensure`, in order. Each is reported when it starts and when it ends; a step with nothing to do is `done` at once. */
export const ensureSteps = [
  'image.check',
  'container.create',
  'container.start',
  'network.rules',
  'network.tunnel',
  'network.verify',
  'container.release',
  'ssh.ready',
  'container.stop',
  'container.pause',
] as const;
export type EnsureStep = (typeof ensureSteps)[number];

export const agentStepSchema = z.object({
  type: z.literal('step'),
  step: z.enum([...ensureSteps, 'container.remove', 'home.remove', 'network.remove']),
  state: z.enum(['started', 'done', 'failed']),
  message: z.string().optional(),
  at: z.string(),
});
export type AgentStep = z.infer<typeof agentStepSchema>;
export const agentErrorEventSchema = z.object({
  type: z.literal('error'),
  code: z.string(),
  error: z.string(),
});

export const agentHealthSchema = z.object({
  apiVersion: z.int(),
  instance: instanceIdSchema,
  startedAt: z.string(),
  checks: z.array(
    z.object({
      name: z.string(),
      ok: z.boolean(),
      detail: z.string(),
      /** What to do when it is not ok. */ mend: z.string().nullable(),
    }),
  ),
  image: z.object({ ref: z.string().nullable(), claudeVersion: z.string().nullable() }),
});
export type AgentHealth = z.infer<typeof agentHealthSchema>;

export const sandboxUsageSchema = z.object({
  id: sandboxIdSchema,
  /** CPU time used since start, in milliseconds: the reader makes the rate. */
  cpuMs: z.number(),
  memoryBytes: z.number(),
  pids: z.int(),
  rxBytes: z.number(),
  txBytes: z.number(),
});
export type SandboxUsage = z.infer<typeof sandboxUsageSchema>;

/** A change the agent saw by itself (a container died, a tunnel fell or came back). */
export const agentNoticeSchema = z.object({
  sandbox: sandboxIdSchema,
  what: z.enum(['container.died', 'container.started', 'tunnel.down', 'tunnel.up', 'rules.healed']),
  detail: z.string(),
  at: z.string(),
});
export type AgentNotice = z.infer<typeof agentNoticeSchema>;

const idOnly = z.object({ id: sandboxIdSchema });

/** op -> input, output, and whether it streams AgentSteps before its result. `watch` streams notices until closed. */
export const agentOps = {
  health: { input: z.object({}), output: agentHealthSchema, stream: false },
  'sandbox.list': { input: z.object({}), output: z.array(observedSandboxSchema), stream: false },
  'sandbox.observe': { input: idOnly, output: observedSandboxSchema, stream: false },
  'sandbox.ensure': { input: sandboxSpecSchema, output: observedSandboxSchema, stream: true },
  'sandbox.remove': {
    input: idOnly.extend({ /** Deletes the home volume too: not to be undone. */ home: z.boolean() }),
    output: z.object({}),
    stream: true,
  },
  'sandbox.usage': { input: idOnly, output: sandboxUsageSchema, stream: false },
  /** Lines of type `notice` until the client closes. */
  watch: { input: z.object({}), output: z.object({}), stream: true },
} as const;
export type AgentOp = keyof typeof agentOps;
export type AgentInput<O extends AgentOp> = z.input<(typeof agentOps)[O]['input']>;
export type AgentOutput<O extends AgentOp> = z.output<(typeof agentOps)[O]['output']>;

/** One line of a stream op. */
export type AgentEvent<O extends AgentOp = AgentOp> =
  | AgentStep
  | { type: 'notice'; notice: AgentNotice }
  | { type: 'result'; value: AgentOutput<O> }
  | z.infer<typeof agentErrorEventSchema>;
