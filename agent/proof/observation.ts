/** What the probe in the image is asked and says: NDJSON on its standard input and output. It judges nothing. */
import { z } from 'zod';
import { proofChecks } from '../../shared/proof';

/** Where the probe is in the image (image/rootfs). */
export const PROBE_PATH = '/usr/local/lib/cloud-claude/probe';

/**
 * One try to get somewhere.
 *   refused   the kernel or a firewall said no at once (`error` names it)
 *   timeout   a connection was asked for and nothing came back
 *   closed    a connection was taken, and ended without a byte
 *   silent    a connection was taken and held open, without a byte
 *   sent      a datagram or frame was taken by the kernel, and nothing came back
 *   answered  something came back: it was reached
 */
export const attemptSchema = z.object({
  to: z.string(),
  /** By which means, such as `tcp`, `tcp from device lo`, `frame on tun0`. */
  way: z.string(),
  outcome: z.enum(['refused', 'timeout', 'closed', 'silent', 'sent', 'answered']),
  error: z.string().nullable(),
});
export type Attempt = z.infer<typeof attemptSchema>;

const line = { ms: z.number() };
const refusedNames = proofChecks.filter((it) => it.startsWith('refused.')) as Extract<
  (typeof proofChecks)[number],
  `refused.${string}`
>[];
export const observationSchema = z.union([
  z.object({
    ...line,
    check: z.literal('connect'),
    status: z.int().nullable(),
    /** From the first packet to the first byte of the answer. */
    latencyMs: z.number().nullable(),
    error: z.string().nullable(),
  }),
  z.object({
    ...line,
    check: z.literal('exit-address'),
    answers: z.array(
      z.object({ url: z.string(), address: z.string().nullable(), error: z.string().nullable() }),
    ),
  }),
  z.object({
    ...line,
    check: z.literal('dns'),
    /** Addresses that the echo zone named as who asked. */
    resolvers: z.array(z.string()),
    error: z.string().nullable(),
  }),
  z.object({
    ...line,
    check: z.enum(refusedNames),
    attempts: z.array(attemptSchema),
    /** Links beside lo and the tun, and addresses that must not be on them. */
    found: z.array(z.string()),
  }),
]);
export type Observation = z.infer<typeof observationSchema>;
export const probeEndSchema = z.object({ check: z.literal('end'), ms: z.number() });

export interface ProbeRequest {
  /** SO_MARK of every packet of the probe, see PROBE_MARK in contract.ts. */
  mark: number;
  /** Asked for names, whatever resolv.conf and /etc/hosts say: root of the sandbox writes those. */
  resolver: string;
  tun: string;
  /** Seconds, of the whole probe. */
  deadline: number;
  connect: string | null;
  echo: string[];
  dns: { name: string; type: 'A' | 'TXT' } | null;
  /** Public addresses, to be reached around the tunnel (other links, ICMP, port 853). */
  outside: string[];
  /** Addresses of ranges that are refused. */
  refused: string[];
  /** Spellings of metadata services, as a program would write them. */
  metadata: string[];
  ipv6: string[];
  host: string[];
  neighbours: string[];
  /** Ports on `host` and `neighbours`. */
  ports: number[];
  /** A port of the host that surely answers, over TCP and UDP; null where it could not be opened. */
  canary: { port: number; word: string } | null;
}
