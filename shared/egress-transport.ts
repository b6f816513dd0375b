/** Fields that several kinds of egress share: where the server is, TLS, and what carries the stream. */
import { z } from 'zod';

/**
 * A DNS name in lower case or an IPv4 address; IPv6 servers are refused because the host rule judges IPv4 only.
 * A last label of digits is taken for an address (as WHATWG URL does), so `1.2.3` or `0x7f.1` is no name:
 * resolvers disagree on what those mean.
 */
export const serverHostSchema = z
  .string()
  .min(1)
  .max(253)
  .toLowerCase()
  .regex(
    /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/,
    'A server is a host name or an IPv4 address.',
  )
  .refine(
    (host) => !/(^|\.)([0-9]+|0x[0-9a-f]*)$/.test(host) || z.ipv4().safeParse(host).success,
    'This is neither a host name nor a whole IPv4 address.',
  );
export const portSchema = z.int().min(1).max(65_535);
export const endpoint = { server: serverHostSchema, port: portSchema };

/**
 * Printable, without line ends and without half characters (lone surrogates, which no UTF-8 text can hold): it
 * ends up in JSON, in a link or in a log that must not be forged.
 */
export const text = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'Control characters are not allowed.');
export const secret = text(1024).min(1);
const PEM_MAX_CHARS = 16_384;
const pem = (what: string, label: string) =>
  z
    .string()
    .max(PEM_MAX_CHARS)
    .regex(
      new RegExp(`^-----BEGIN ${label}-----[\\t\\n\\r\\x20-\\x7e]+-----END ${label}-----\\s*$`),
      `${what} is PEM text, from -----BEGIN to -----END.`,
    );
export const certificatePem = pem('A certificate', 'CERTIFICATE');
export const privateKeyPem = pem('A private key', '[A-Z0-9 ]*PRIVATE KEY');

export const utlsFingerprints = [
  'chrome',
  'firefox',
  'edge',
  'safari',
  '360',
  'qq',
  'ios',
  'android',
  'random',
  'randomized',
] as const;

export const tlsSchema = z.object({
  /** Null: the server's name. */
  sni: serverHostSchema.nullable().default(null),
  /** Accepts any certificate. Shown as a warning wherever the egress is shown. */
  insecure: z.boolean().default(false),
  /** Names as IANA registers them; no comma, which separates them in links. */
  alpn: z
    .array(z.string().regex(/^[A-Za-z0-9./+_-]{1,32}$/))
    .max(8)
    .default([]),
  fingerprint: z.enum(utlsFingerprints).nullable().default(null),
  reality: z
    .object({
      publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'A REALITY public key is 43 base64url characters.'),
      shortId: z
        .string()
        .regex(/^([0-9a-f]{2}){0,8}$/, 'A REALITY short id is up to 16 hex digits, an even number.'),
    })
    .nullable()
    .default(null),
  /** PEM of a private CA or of the server itself. */
  certificate: certificatePem.nullable().default(null),
});
export type EgressTls = z.infer<typeof tlsSchema>;
/** sing-box's QUIC knows neither uTLS, whose fingerprint is dropped, nor REALITY, which is refused. */
export const quicTlsSchema = tlsSchema
  .refine((tls) => tls.reality === null, {
    message: 'REALITY does not go over QUIC.',
    path: ['reality'],
  })
  .overwrite((tls) => ({ ...tls, fingerprint: null }));

/** sing-box reads it as a URL path: a stray percent sign makes it refuse the whole configuration. */
const path = text(512)
  .regex(/^(%[0-9A-Fa-f]{2}|[^%])*$/u, 'A percent sign needs two hex digits after it.')
  .overwrite((it) => (it === '' ? '/' : it));
export const transportSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('tcp') }),
  z.object({
    type: z.literal('ws'),
    path: path.default('/'),
    host: serverHostSchema.nullable().default(null),
    /** Bytes of the first message that ride in the request; sing-box's `max_early_data`. */
    earlyData: z.int().min(0).max(65_535).default(0),
    /** Header they ride in; empty: the path. */
    earlyDataHeader: z
      .string()
      .regex(/^[A-Za-z0-9-]{0,64}$/, 'A header name has letters, digits and -.')
      .default(''),
  }),
  z.object({ type: z.literal('grpc'), serviceName: text(256).default('') }),
  z.object({
    type: z.literal('http'),
    path: path.default('/'),
    hosts: z.array(serverHostSchema).max(8).default([]),
  }),
  z.object({
    type: z.literal('httpupgrade'),
    path: path.default('/'),
    host: serverHostSchema.nullable().default(null),
  }),
  z.object({ type: z.literal('quic') }),
]);
export type EgressTransport = z.infer<typeof transportSchema>;
export const transport = transportSchema.default({ type: 'tcp' });
export const packetEncoding = z.enum(['none', 'packetaddr', 'xudp']).default('xudp');

/** What a stream of one of the V2Ray kinds may not combine, for a schema's `superRefine`. */
export function checkCarrier(
  it: { tls: EgressTls | null; transport: EgressTransport; flow?: string | null },
  context: z.RefinementCtx,
): void {
  const refuse = (field: string, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message });
  if (it.transport.type === 'quic' && it.tls === null) refuse('tls', 'The QUIC transport needs TLS.');
  if (it.transport.type === 'quic' && it.tls?.reality) refuse('tls', 'REALITY does not go over QUIC.');
  if (it.flow && it.tls === null) refuse('flow', `${it.flow} needs TLS or REALITY.`);
  if (it.flow && it.transport.type !== 'tcp') refuse('flow', `${it.flow} goes over plain TCP only.`);
}
