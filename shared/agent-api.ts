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
 *     -> 101, then raw bytes of `sshd -i` in the sandbox, both ways, back-pressure by the socket. The header
 *        `cloud-claude-host-key` is what `hostKey` of ObservedSandbox is. With `&early=1` also before the release: one
 *        can log in then, and sshd starts nothing.
 * Anything else is refused (404), as is a request with an Origin or Referer header (403): no browser belongs here.
 */
import { z } from 'zod';
import { egressDnsSchema, egressSchema } from './egress';
import { SANDBOX_CPUS, SANDBOX_DISK_GB, SANDBOX_MEMORY_MB, SANDBOX_PIDS } from './limits';
import { instanceIdSchema, sandboxIdSchema, sessionIdSchema } from './names';
import { networkPolicySchema, openPolicy } from './network-policy';
import {
  egressTestStages,
  probeSettingsSchema,
  proofCheckSchema,
  proofModeSchema,
  proofSchema,
} from './proof';
import { trafficSchema } from './traffic';

/** Raised when an operation changes its meaning; the gateway refuses an agent of another version. */
export const AGENT_API_VERSION = 2;
export const AGENT_STREAM_PROTOCOL = 'cloud-claude-stream';
/** In the answer to such an upgrade: `ssh-ed25519 AAAA...`. */
export const AGENT_HOST_KEY_HEADER = 'cloud-claude-host-key';

export const sandboxLimitsSchema = z.object({
  cpus: z.number().min(SANDBOX_CPUS.min).max(SANDBOX_CPUS.max),
  memoryMb: z.int().min(SANDBOX_MEMORY_MB.min).max(SANDBOX_MEMORY_MB.max),
  pids: z.int().min(SANDBOX_PIDS.min).max(SANDBOX_PIDS.max),
  /** Null = not limited. Enforced where the storage driver can (observed.diskLimited tells). */
  diskGb: z.int().min(SANDBOX_DISK_GB.min).max(SANDBOX_DISK_GB.max).nullable(),
});
export type SandboxLimits = z.infer<typeof sandboxLimitsSchema>;

/** A sandbox's way out, what it may reach, and how that is proven. */
export const networkSpecSchema = z.object({
  /** The gateway's row; null for `direct` without a row. Goes into proofs. */
  egressId: z.string().max(64).nullable(),
  egress: egressSchema,
  /** Null: the agent's default resolver for this kind (the host's own for `direct`). */
  dns: egressDnsSchema.nullable(),
  /** The exit address it must have; null: any that the echo services agree on. Never corrected by us. */
  expectedAddress: z.ipv4().nullable(),
  policy: networkPolicySchema,
  proof: proofModeSchema,
  probes: probeSettingsSchema,
});
export type NetworkSpec = z.infer<typeof networkSpecSchema>;

/** The host's own uplink, nothing granted, nothing proven: what a sandbox has before anybody chose. */
export const directNetwork: NetworkSpec = {
  egressId: null,
  egress: { kind: 'direct' },
  dns: null,
  expectedAddress: null,
  policy: openPolicy,
  proof: 'off',
  probes: { connectUrl: null, echoUrls: [], dnsEcho: null, intervalSeconds: 900 },
};

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
  network: networkSpecSchema,
  /** The gateway's public key line, `ssh-ed25519 AAAA... [comment]`. */
  gatewayKey: z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/=]{60,100}( [\w.@-]{1,64})?$/),
});
export type SandboxSpec = z.infer<typeof sandboxSpecSchema>;

/** Two lists of fifty commands of the greatest length fit; what does not is brought in by the first connection. */
export const FIRST_SESSION_HOOKS_MAX_CHARS = 900_000;

/**
 * A Claude session that PID 1 opens in the very moment of the release, before any connection stands. Taken up once, at
 * the release; later asks leave it out or repeat it, and a session that is there or has ended stays as it is.
 */
export const firstSessionSchema = z.object({
  id: sessionIdSchema,
  /** Claude's permission mode, or empty. */
  permissionMode: z.string().regex(/^[A-Za-z]{0,32}$/),
  cols: z.int().min(1).max(9_999),
  rows: z.int().min(1).max(9_999),
  /** The sandbox's provider.env, lines KEY=VALUE; may hold the sandbox's own token, which is kept nowhere else. */
  provider: z
    .string()
    .max(16_384)
    .regex(/^(?:[A-Z_][A-Z0-9_]*=[^\n\0]*\n)*$/),
  /** What the gateway keeps of users' hooks, JSON: there before Claude starts. Absent: there are none. */
  hooks: z
    .string()
    .max(FIRST_SESSION_HOOKS_MAX_CHARS)
    .regex(/^[^\0]+$/)
    .optional(),
});
export type FirstSession = z.infer<typeof firstSessionSchema>;

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
    /** Packets of the sandbox may pass its own rules: everything before was right. */
    gate: z.enum(['open', 'closed']),
    egressId: z.string().nullable(),
    /** The newest one of this container's start; null before the first. */
    proof: proofSchema.nullable(),
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
  'network.proof',
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
/** One check of a proof, or one stage of a test, as it happens. */
export const agentCheckSchema = z.object({
  type: z.literal('check'),
  stage: z.enum(egressTestStages).nullable(),
  state: z.enum(['started', 'done', 'failed']),
  check: proofCheckSchema.nullable(),
  message: z.string(),
  at: z.string(),
});
export type AgentCheck = z.infer<typeof agentCheckSchema>;
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
  /** Ed25519 public keys (SPKI, base64) by id that proofs are signed with; newest first. */
  proofKeys: z.array(z.object({ keyId: z.string(), publicKey: z.string() })),
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
  what: z.enum([
    'container.died',
    'container.started',
    'tunnel.down',
    'tunnel.up',
    'rules.healed',
    /** A proof was taken; `sandbox.proofs` has it. */
    'proof.green',
    'proof.red',
    'proof.incomplete',
    /** No packet leaves until a later proof or ensure is green; `detail` says why. */
    'network.fenced',
    'network.unfenced',
    /** The egress's name has other addresses now; the host rule followed. */
    'endpoint.moved',
  ]),
  detail: z.string(),
  at: z.string(),
});
export type AgentNotice = z.infer<typeof agentNoticeSchema>;

const idOnly = z.object({ id: sandboxIdSchema });

/** op -> input, output, and whether it streams AgentSteps before its result. `watch` streams notices until closed. */
export const agentOps = {
  health: {
    input: z.object({
      /** The image that new sandboxes are made from, to be looked for; without it the newest of ours. */
      image: z.string().max(256).optional(),
    }),
    output: agentHealthSchema,
    stream: false,
  },
  'sandbox.list': { input: z.object({}), output: z.array(observedSandboxSchema), stream: false },
  'sandbox.observe': { input: idOnly, output: observedSandboxSchema, stream: false },
  'sandbox.ensure': {
    input: sandboxSpecSchema.extend({ firstSession: firstSessionSchema.optional() }),
    output: observedSandboxSchema,
    stream: true,
  },
  'sandbox.remove': {
    input: idOnly.extend({ /** Deletes the home volume too: not to be undone. */ home: z.boolean() }),
    output: z.object({}),
    stream: true,
  },
  'sandbox.usage': { input: idOnly, output: sandboxUsageSchema, stream: false },
  /** Takes a proof now, whatever the mode; a red one is acted upon as the mode says. */
  'sandbox.prove': { input: idOnly, output: proofSchema, stream: true },
  /** Kept proofs after this time, oldest first: the gateway stores them, the agent keeps the last PROOFS_KEPT. */
  'sandbox.proofs': {
    input: idOnly.extend({ after: z.string().nullable() }),
    output: z.array(proofSchema),
    stream: false,
  },
  /** What passed and was denied since `cursor` (0: from what the ring still holds). */
  'sandbox.traffic': {
    input: idOnly.extend({ cursor: z.int().min(0) }),
    output: trafficSchema,
    stream: false,
  },
  /** Tries an egress that is bound to nothing, in a namespace of its own, by the same path a sandbox takes. */
  'egress.test': {
    input: networkSpecSchema.pick({
      egressId: true,
      egress: true,
      dns: true,
      expectedAddress: true,
      probes: true,
    }),
    output: proofSchema,
    stream: true,
  },
  /** Fetches a document through an egress, never by the host's own way (unless the egress is `direct`). */
  'egress.fetch': {
    input: networkSpecSchema
      .pick({ egress: true, dns: true })
      .extend({ url: z.url({ protocol: /^https?$/ }), userAgent: z.string().max(200).nullable() }),
    output: z.object({
      status: z.int(),
      contentType: z.string().nullable(),
      /** The `subscription-userinfo` header, where the server sends one. */
      userInfo: z.string().nullable(),
      body: z.string(),
    }),
    stream: false,
  },
  /** Makes a key pair that stays with the agent. */
  'wireguard.newKey': {
    input: z.object({}),
    output: z.object({ keyId: z.string(), publicKey: z.string() }),
    stream: false,
  },
  'wireguard.removeKey': { input: z.object({ keyId: z.string() }), output: z.object({}), stream: false },
  /** Lines of type `notice` until the client closes. */
  watch: { input: z.object({}), output: z.object({}), stream: true },
} as const;
export type AgentOp = keyof typeof agentOps;
export type AgentInput<O extends AgentOp> = z.input<(typeof agentOps)[O]['input']>;
export type AgentOutput<O extends AgentOp> = z.output<(typeof agentOps)[O]['output']>;

/** One line of a stream op. */
export type AgentEvent<O extends AgentOp = AgentOp> =
  | AgentStep
  | AgentCheck
  | { type: 'notice'; notice: AgentNotice }
  | { type: 'result'; value: AgentOutput<O> }
  | z.infer<typeof agentErrorEventSchema>;
