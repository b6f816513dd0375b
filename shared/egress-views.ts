/** What the gateway shows and takes about ways out, who has which, what they may reach, and how they are proven. */
import { z } from 'zod';
import { egressDnsSchema, egressKinds, egressSchema } from './egress';
import { networkPolicySchema } from './network-policy';
import { writtenPolicySchema } from './policy-presets';
import { proofModeSchema, proofSchema } from './proof';
import { dnsQuestionSchema, flowSchema } from './traffic';
import { nameSchema } from './views';

const time = z.string();
const id = z.string().max(64);

export const egressHealthSchema = z.object({
  /** Of the newest proof or test; null before the first. */
  verdict: z.enum(['green', 'red', 'incomplete']).nullable(),
  at: time.nullable(),
  reason: z.string().nullable(),
  exitAddress: z.string().nullable(),
  /** Two letters, where a local database is there. */
  country: z.string().nullable(),
  latencyMs: z.number().nullable(),
});
export const egressViewSchema = z.object({
  id,
  label: z.string(),
  kind: z.enum(egressKinds),
  /** `host:port`, empty for `direct`. */
  endpoint: z.string(),
  /** The settings with every secret replaced by MASK. */
  settings: z.record(z.string(), z.unknown()),
  /** WireGuard: ours, to be put into the peer. */
  publicKey: z.string().nullable(),
  expectedAddress: z.string().nullable(),
  dns: egressDnsSchema.nullable(),
  proof: proofModeSchema,
  enabled: z.boolean(),
  subscriptionId: id.nullable(),
  /** Things an administrator should know, such as that certificates are not checked. */
  warnings: z.array(z.string()),
  health: egressHealthSchema,
  /** How many it serves now. */
  sandboxes: z.int(),
  createdAt: time,
  updatedAt: time,
});
export type EgressView = z.infer<typeof egressViewSchema>;

/** In an update a secret that equals MASK keeps its stored value. */
export const createEgressSchema = z.object({
  label: nameSchema,
  config: egressSchema,
  expectedAddress: z.ipv4().nullable().default(null),
  dns: egressDnsSchema.nullable().default(null),
  /** Null: `watch` for direct, `gate` for all others. */
  proof: proofModeSchema.nullable().default(null),
});
export const updateEgressSchema = z.object({
  id,
  label: nameSchema.optional(),
  /** Fields of the kind to change; the kind stays. */
  config: z.record(z.string(), z.unknown()).optional(),
  expectedAddress: z.ipv4().nullable().optional(),
  dns: egressDnsSchema.nullable().optional(),
  proof: proofModeSchema.optional(),
  enabled: z.boolean().optional(),
});

/** One entry of a pasted or uploaded text. Nothing is saved by a preview. */
export const importEntrySchema = z.object({
  /** 1-based line (or entry, for JSON and YAML) it came from. */
  line: z.int(),
  label: z.string(),
  /** Null when it could not be taken. */
  config: egressSchema.nullable(),
  /** What is wrong, naming the field and the mend; null when fine. */
  problem: z.string().nullable(),
  /** Fine, but an egress with the same endpoint and credentials is there already. */
  duplicateOf: id.nullable(),
});
export type ImportEntry = z.infer<typeof importEntrySchema>;
export const importFormats = ['links', 'base64', 'clash', 'sing-box', 'wireguard'] as const;
export const importPreviewSchema = z.object({
  format: z.enum(importFormats).nullable(),
  entries: z.array(importEntrySchema),
  /** The text as a whole is not readable: why. */
  problem: z.string().nullable(),
});
export type ImportPreview = z.infer<typeof importPreviewSchema>;
export const IMPORT_TEXT_MAX_CHARS = 1_000_000;

export const poolViewSchema = z.object({
  id,
  label: z.string(),
  /** order: the first that is green. spread: the one with the fewest sandboxes. */
  strategy: z.enum(['order', 'spread']),
  /** Take the next one by itself when the present one turns red. */
  failover: z.boolean(),
  members: z.array(z.object({ egressId: id, label: z.string(), health: egressHealthSchema })),
  sandboxes: z.int(),
});
export type PoolView = z.infer<typeof poolViewSchema>;
export const savePoolSchema = z.object({
  id: id.optional(),
  label: nameSchema,
  strategy: z.enum(['order', 'spread']),
  failover: z.boolean(),
  egressIds: z.array(id).min(1).max(64),
});

/** Who is bound: the nearest wins, in this order; without any the sandbox goes by `direct`. */
export const bindingTargets = ['sandbox', 'user', 'workspace', 'everyone'] as const;
export const bindingViewSchema = z.object({
  target: z.enum(bindingTargets),
  /** Empty for `everyone`. */
  targetId: z.string(),
  targetName: z.string(),
  egressId: id.nullable(),
  poolId: id.nullable(),
  /** Of the egress or the pool. */
  label: z.string(),
});
export type BindingView = z.infer<typeof bindingViewSchema>;
export const bindSchema = z
  .object({
    target: z.enum(bindingTargets),
    targetId: z.string().max(64),
    egressId: id.nullable(),
    poolId: id.nullable(),
  })
  .refine((it) => it.egressId === null || it.poolId === null, 'Choose an egress or a pool, not both.');

export const subscriptionViewSchema = z.object({
  id,
  label: z.string(),
  /** Scheme and host only: the rest is a credential. */
  origin: z.string(),
  /** Fetched through this one; null: direct. */
  viaEgressId: id.nullable(),
  everyMinutes: z.int(),
  /** Take changes by itself; otherwise a person looks at the diff. */
  autoApply: z.boolean(),
  fetchedAt: time.nullable(),
  problem: z.string().nullable(),
  /** Changes that wait to be applied. */
  pending: z
    .object({
      added: z.array(z.string()),
      changed: z.array(z.string()),
      removed: z.array(z.string()),
      kept: z.int(),
    })
    .nullable(),
});
export type SubscriptionView = z.infer<typeof subscriptionViewSchema>;
export const saveSubscriptionSchema = z.object({
  id: id.optional(),
  label: nameSchema,
  /** Left out in an update: it stays. */
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  viaEgressId: id.nullable().default(null),
  everyMinutes: z.int().min(15).max(10_080).default(360),
  autoApply: z.boolean().default(false),
});

export const policyTargets = ['sandbox', 'workspace', 'everyone'] as const;
export const policyViewSchema = z.object({
  target: z.enum(policyTargets),
  targetId: z.string(),
  targetName: z.string(),
  /** 0: never saved, this is the default. */
  version: z.int(),
  policy: writtenPolicySchema,
  updatedAt: time.nullable(),
  updatedBy: z.string().nullable(),
});
export type PolicyView = z.infer<typeof policyViewSchema>;
export const policyVersionSchema = z.object({
  version: z.int(),
  policy: writtenPolicySchema,
  at: time,
  by: z.string(),
  note: z.string(),
});
export const policyPreviewSchema = z.object({
  /** Grants and rules as lines for people. */
  added: z.array(z.string()),
  removed: z.array(z.string()),
  /** Refused: too broad, in conflict with an egress; nothing is applied while one is here. */
  problems: z.array(z.string()),
  /** Allowed, but think twice. */
  warnings: z.array(z.string()),
  /** Names of the running sandboxes that it changes. */
  affects: z.array(z.string()),
});
export type PolicyPreview = z.infer<typeof policyPreviewSchema>;
/** Of a preset: whose policies become a new version with it. */
export const presetPreviewSchema = policyPreviewSchema.extend({ policies: z.array(z.string()) });
export type PresetPreview = z.infer<typeof presetPreviewSchema>;
export const savePolicySchema = z.object({
  target: z.enum(policyTargets),
  targetId: z.string().max(64),
  /** The version it was made from: another one meanwhile is a `conflict`. */
  baseVersion: z.int().min(0),
  policy: writtenPolicySchema,
  note: z.string().max(200).default(''),
});

/** A sandbox's network on its card and page. */
export const sandboxNetworkViewSchema = z.object({
  egressId: id.nullable(),
  /** `Direct` without a row. */
  label: z.string(),
  kind: z.enum(egressKinds),
  /** Which binding gave it. */
  boundBy: z.enum([...bindingTargets, 'nobody']),
  poolId: id.nullable(),
  fenced: z.boolean(),
  /** Why it is fenced and what to do. */
  reason: z.string().nullable(),
  proof: proofSchema.nullable(),
  country: z.string().nullable(),
  /** Effective, after inheritance. */
  policy: networkPolicySchema,
  policyVersion: z.int(),
});
export type SandboxNetworkView = z.infer<typeof sandboxNetworkViewSchema>;

export const trafficViewSchema = z.object({
  rxBytes: z.number(),
  txBytes: z.number(),
  /** Per minute, oldest first, at most the last 24 h. */
  series: z.array(z.object({ at: time, rxBytes: z.number(), txBytes: z.number() })),
  open: z.array(flowSchema),
  /** Newest first. */
  recent: z.array(flowSchema),
  questions: z.array(dnsQuestionSchema),
  /** Names denied (or that would be, while learning) in the last 24 h, most often first. */
  denied: z.array(
    z.object({ host: z.string(), verdict: z.enum(['denied', 'would-deny']), count: z.int(), lastAt: time }),
  ),
  hosts: z.array(
    z.object({
      host: z.string(),
      rule: z.string(),
      count: z.int(),
      rxBytes: z.number(),
      txBytes: z.number(),
    }),
  ),
});
export type TrafficView = z.infer<typeof trafficViewSchema>;

export const egressHistorySchema = z.object({
  /** Oldest first, the last 24 h; `ok` false counts as lost. */
  samples: z.array(z.object({ at: time, ok: z.boolean(), latencyMs: z.number().nullable() })),
  /** Share of samples that were fine, 0..1; null without samples. */
  uptime: z.number().nullable(),
});

/** What a test or a proof tells while it runs: the SSE of `/api/egresses/{id}/test` and `/api/sandboxes/{id}/prove`. */
export const proofEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('check'),
    stage: z.string().nullable(),
    state: z.enum(['started', 'done', 'failed']),
    name: z.string().nullable(),
    message: z.string(),
  }),
  z.object({ type: z.literal('proof'), proof: proofSchema }),
  z.object({ type: z.literal('error'), code: z.string(), error: z.string() }),
]);
export type ProofEvent = z.infer<typeof proofEventSchema>;
