/** A dated, signed result of looking at one way out from inside: what was asked, what was seen, what must fail. */
import { z } from 'zod';

export const proofChecks = [
  /** A connection to the connectivity URL works. */
  'connect',
  /** At least two echo services agree on the exit address, and it is the expected one where one is set. */
  'exit-address',
  /** The resolver that asked the echo zone for a unique name is none of the host's. */
  'dns',
  'refused.tcp',
  'refused.udp',
  'refused.icmp',
  'refused.ipv6',
  'refused.dot',
  'refused.metadata',
  'refused.host',
  'refused.neighbours',
  'refused.raw',
] as const;
export type ProofCheckName = (typeof proofChecks)[number];

export const proofCheckSchema = z.object({
  name: z.enum(proofChecks),
  /** `unknown`: it could not be judged (no echo service set or none answered in watch mode); never counted as green by a gate. */
  result: z.enum(['pass', 'fail', 'unknown']),
  /** A sentence for people, without secrets. */
  detail: z.string(),
  ms: z.number(),
});
export type ProofCheck = z.infer<typeof proofCheckSchema>;

/**
 * gate: user code runs only after green, and a red proof fences.
 * watch: it is taken beside the running sandbox; only a leak (a `refused.*` or `dns` check that fails) fences.
 */
export const proofModeSchema = z.enum(['gate', 'watch', 'off']);
export type ProofMode = z.infer<typeof proofModeSchema>;

export const probeSettingsSchema = z.object({
  /** Answer 200 or 204 when the Internet is there. */
  connectUrl: z.url({ protocol: /^https?$/ }).nullable(),
  /** Each answers with the caller's address as text or as JSON with `ip`. At least two for a gate. */
  echoUrls: z.array(z.url({ protocol: /^https?$/ })).max(8),
  /** `{unique}` is replaced by a fresh label; the answer (A or TXT) is the address of the resolver that asked. */
  dnsEcho: z
    .object({ name: z.string().regex(/^(\{unique\}\.)?[a-z0-9.-]{1,200}$/), type: z.enum(['A', 'TXT']) })
    .nullable(),
  /** Seconds from one proof to the next. */
  intervalSeconds: z.int().min(30).max(86_400),
});
export type ProbeSettings = z.infer<typeof probeSettingsSchema>;

export const proofSchema = z.object({
  id: z.uuid(),
  /** Null for a test of an egress that is bound to nothing. */
  sandboxId: z.string().nullable(),
  egressId: z.string().nullable(),
  cause: z.enum(['start', 'resume', 'switch', 'timer', 'tunnel', 'asked', 'test']),
  startedAt: z.string(),
  finishedAt: z.string(),
  /** green: every check passed. red: one failed. incomplete: none failed, some are unknown. */
  verdict: z.enum(['green', 'red', 'incomplete']),
  /** Why it is not green, as one sentence with what to do. */
  reason: z.string().nullable(),
  exitAddress: z.string().nullable(),
  expectedAddress: z.string().nullable(),
  seen: z.array(z.object({ source: z.string(), address: z.string() })),
  resolver: z.string().nullable(),
  /** Of the connectivity request, first byte, milliseconds. */
  latencyMs: z.number().nullable(),
  checks: z.array(proofCheckSchema),
  /** Ed25519, base64, over the canonical JSON (sorted keys, no spaces) of this object without `signature`. */
  keyId: z.string(),
  signature: z.string(),
});
export type Proof = z.infer<typeof proofSchema>;

/** Whether a check that fails is a leak: it cuts off the sandbox in which it was found, in every mode but `off`. */
export function isLeak(name: ProofCheckName): boolean {
  return name === 'dns' || name.startsWith('refused.');
}

/**
 * What a proof says of the way out itself. A leak found in a sandbox is that sandbox's own (its rules, its links, its
 * resolver) and says nothing of what others have of the same way out; in a test there is no such sandbox, so that
 * everything counts.
 */
export function wayOutVerdict(
  proof: Pick<Proof, 'sandboxId' | 'verdict' | 'reason' | 'checks'>,
): Pick<Proof, 'verdict' | 'reason'> {
  const { sandboxId, verdict, reason, checks } = proof;
  const failed = checks.filter((it) => it.result === 'fail');
  const leaks = failed.filter((it) => isLeak(it.name));
  if (sandboxId === null || verdict !== 'red' || leaks.length === 0) return { verdict, reason };
  const own = failed.filter((it) => !isLeak(it.name));
  if (own.length > 0) return { verdict: 'red', reason: own.map((it) => it.detail).join(' ') };
  const open = checks.filter((it) => it.result === 'unknown' && !isLeak(it.name));
  if (open.length === 0) return { verdict: 'green', reason: null };
  return { verdict: 'incomplete', reason: open.map((it) => it.detail).join(' ') };
}

/** Stages of a test of an egress, streamed as they happen. */
export const egressTestStages = [
  'resolve',
  'connect',
  'handshake',
  'exit-address',
  'dns',
  'refused',
] as const;

/**
 * JSON with one spelling for one value: keys sorted by UTF-16 code units, no spaces, `undefined` left out, numbers and
 * strings as JSON.stringify writes them (RFC 8785 for what a proof holds). Throws for what JSON cannot hold.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .filter(([, it]) => it !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, it]) => `${JSON.stringify(name)}:${canonicalJson(it)}`);
    return `{${fields.join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('JSON holds finite numbers only');
  const text = JSON.stringify(value);
  if (text === undefined) throw new Error(`JSON cannot hold a ${typeof value}`);
  return text;
}

/** What is signed: everything of a proof but its signature. */
export function signedText(proof: Omit<Proof, 'signature'> & { signature?: string }): string {
  const { signature: _, ...rest } = proof;
  return canonicalJson(rest);
}
