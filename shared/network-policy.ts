/** What a sandbox may reach: exceptions for refused addresses (grants) and the names it may talk to (domains). */
import { z } from 'zod';

/** A name as people type it; normalised (lower case, IDN to ASCII, no trailing dot) before it is stored. */
export const domainNameSchema = z
  .string()
  .overwrite((it) => it.toLowerCase().replace(/\.$/, ''))
  .max(253)
  .regex(
    /^(?!-)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/,
    'A domain has letters, digits, - and dots, such as example.org.',
  );

const keywordSchema = z
  .string()
  .toLowerCase()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9.-]+$/, 'A keyword has letters, digits, - and dots.');

/**
 * An exception that leaves by the host's own uplink, not by the egress. `domain` is resolved by the agent on the
 * host and may be private; `suffix` and `keyword` reach public addresses only (which ones cannot be known ahead).
 */
export const grantSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ip'), value: z.ipv4() }),
  z.object({ type: z.literal('cidr'), value: z.cidrv4() }),
  z.object({ type: z.literal('domain'), value: domainNameSchema }),
  z.object({ type: z.literal('suffix'), value: domainNameSchema }),
  z.object({
    type: z.literal('keyword'),
    value: keywordSchema,
  }),
]);
export type Grant = z.infer<typeof grantSchema>;
/** `loopback`: the host's loopback is never granted; this names the sandbox's own and is always on. */
export const grantPresets = ['loopback', 'lan'] as const;
/** What `lan` stands for: RFC 1918 as a whole, less the ranges of this host's Docker and sandboxes. */
export const LAN_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] as const;

export const domainRuleSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('domain'), value: domainNameSchema }),
  z.object({ type: z.literal('suffix'), value: domainNameSchema }),
  z.object({
    type: z.literal('keyword'),
    value: keywordSchema,
  }),
]);
export type DomainRule = z.infer<typeof domainRuleSchema>;
export const domainBundles = ['npm', 'pypi', 'apt', 'go', 'crates', 'github', 'anthropic'] as const;
export type DomainBundle = (typeof domainBundles)[number];

export const domainPolicySchema = z.object({
  mode: z.enum(['open', 'allow-list', 'deny-list']),
  rules: z.array(domainRuleSchema).max(1000),
  bundles: z.array(z.enum(domainBundles)),
  /** Nothing is refused for its name; what would have been is written to the log as `would-deny`. */
  learn: z.boolean(),
});
export type DomainPolicy = z.infer<typeof domainPolicySchema>;

export const GRANTS_PER_POLICY = 1000;
export const networkPolicySchema = z.object({
  presets: z.array(z.enum(grantPresets)),
  grants: z.array(grantSchema).max(GRANTS_PER_POLICY),
  domains: domainPolicySchema,
});
export type NetworkPolicy = z.infer<typeof networkPolicySchema>;
export const openPolicy: NetworkPolicy = {
  presets: ['loopback'],
  grants: [],
  domains: { mode: 'open', rules: [], bundles: [], learn: false },
};
