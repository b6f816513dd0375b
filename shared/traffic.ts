/** What went through a sandbox's way out, as sing-box tells it. */
import { z } from 'zod';

export const flowSchema = z.object({
  id: z.string(),
  network: z.enum(['tcp', 'udp']),
  /** Name if it is known (asked, or seen in TLS, HTTP or QUIC), else the address. */
  host: z.string(),
  address: z.string().nullable(),
  port: z.int(),
  /** Which rule sent it where: `egress`, `grant`, or the policy rule that denied it. */
  rule: z.string(),
  verdict: z.enum(['allowed', 'denied', 'would-deny']),
  startedAt: z.string(),
  /** Null while it is open. */
  endedAt: z.string().nullable(),
  rxBytes: z.number(),
  txBytes: z.number(),
});
export type Flow = z.infer<typeof flowSchema>;

export const dnsQuestionSchema = z.object({
  at: z.string(),
  name: z.string(),
  type: z.string(),
  /** `answered`, or why not. */
  outcome: z.enum(['answered', 'denied', 'would-deny', 'failed']),
  answer: z.string().nullable(),
});
export type DnsQuestion = z.infer<typeof dnsQuestionSchema>;

/**
 * A cursor is the second in which an agent began to look at a sandbox, times this, plus a count. Another second than
 * before means: a new agent, an empty ring, and totals that began at 0.
 */
export const TRAFFIC_EPOCH = 2 ** 22;
export const trafficEpoch = (cursor: number): number => Math.floor(cursor / TRAFFIC_EPOCH);

/** What happened after `cursor`: the agent keeps a bounded ring, `missed` counts what fell out before it was read. */
export const trafficSchema = z.object({
  cursor: z.int(),
  missed: z.int(),
  rxBytes: z.number(),
  txBytes: z.number(),
  open: z.array(flowSchema),
  ended: z.array(flowSchema),
  questions: z.array(dnsQuestionSchema),
});
export type Traffic = z.infer<typeof trafficSchema>;
