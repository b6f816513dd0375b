/** Presets that administrators define themselves: named grants which policies take in by name. */
import { z } from 'zod';
import {
  GRANTS_PER_POLICY,
  grantPresets,
  grantSchema,
  type NetworkPolicy,
  networkPolicySchema,
  openPolicy,
} from './network-policy';
import { nameSchema } from './views';

const id = z.string().max(64);
/** More than anybody tells apart in a list; it bounds what one policy row holds. */
const OWN_PRESETS_PER_POLICY = 32;

/** A preset in a policy: what it granted when that version was written. In what is saved only `id` counts. */
export const presetUseSchema = z.object({
  id,
  label: z.string().max(64).default(''),
  grants: z.array(grantSchema).max(GRANTS_PER_POLICY).default([]),
});

/** A policy as it is written and kept; the agent gets what `spelledOut` makes of it. */
export const writtenPolicySchema = networkPolicySchema.extend({
  own: z.array(presetUseSchema).max(OWN_PRESETS_PER_POLICY).default([]),
});
export type WrittenPolicy = z.infer<typeof writtenPolicySchema>;
export const nothingWritten: WrittenPolicy = { ...openPolicy, own: [] };

/** With the grants of its own presets as grants of its own. It may hold more than one sandbox can have. */
export function spelledOut({ own, ...policy }: WrittenPolicy): NetworkPolicy {
  const grants = [...policy.grants, ...own.flatMap((it) => it.grants)];
  const once = new Map(grants.map((it) => [`${it.type}:${it.value}`, it]));
  return { ...policy, grants: [...once.values()] };
}

const builtIn: readonly string[] = grantPresets;
export const presetViewSchema = z.object({
  id,
  label: z.string(),
  version: z.int(),
  grants: z.array(grantSchema),
  updatedAt: z.string(),
  updatedBy: z.string(),
  /** Names of whose policies take it in: it cannot be removed while there is one. */
  usedBy: z.array(z.string()),
});
export type PresetView = z.infer<typeof presetViewSchema>;
export const savePresetSchema = z.object({
  id: id.optional(),
  label: nameSchema.refine((it) => !builtIn.includes(it.toLowerCase()), 'loopback and lan are built in.'),
  /** The version it was made from, 0 for a new one: another one meanwhile is a `conflict`. */
  baseVersion: z.int().min(0).default(0),
  grants: z.array(grantSchema).max(GRANTS_PER_POLICY),
  note: z.string().max(200).default(''),
});
export const presetVersionSchema = z.object({
  version: z.int(),
  label: z.string(),
  grants: z.array(grantSchema),
  at: z.string(),
  by: z.string(),
  note: z.string(),
});
