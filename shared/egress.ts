/**
 * The ways out of a sandbox: one schema per kind, as the gateway stores them (encrypted) and hands them to the
 * agent, which alone turns them into sing-box JSON. Field meanings follow sing-box 1.12's outbound documents.
 */
import { z } from 'zod';

/** A DNS name or an IPv4 address; IPv6 servers are refused because the host rule judges IPv4 only. */
export const serverHostSchema = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i,
    'A server is a host name or an IPv4 address.',
  );
export const portSchema = z.int().min(1).max(65_535);
const endpoint = { server: serverHostSchema, port: portSchema };
/** Printable and without line ends: it ends up in JSON, in a link or in a log that must not be forged. */
const text = (max: number) =>
  z
    .string()
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'Control characters are not allowed.');
const secret = text(1024).min(1);
const pem = z
  .string()
  .max(16_384)
  .regex(/^-----BEGIN [A-Z0-9 ]+-----[\s\S]+-----END [A-Z0-9 ]+-----\s*$/);

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
  alpn: z.array(text(32).min(1)).max(8).default([]),
  fingerprint: z.enum(utlsFingerprints).nullable().default(null),
  reality: z
    .object({
      publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
      shortId: z.string().regex(/^([0-9a-f]{2}){0,8}$/),
    })
    .nullable()
    .default(null),
  /** PEM of a private CA or of the server itself. */
  certificate: pem.nullable().default(null),
});
export type EgressTls = z.infer<typeof tlsSchema>;

const path = text(512);
export const transportSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('tcp') }),
  z.object({
    type: z.literal('ws'),
    path: path.default('/'),
    host: serverHostSchema.nullable().default(null),
    /** Bytes of the first message that ride in the request; sing-box's `max_early_data`. */
    earlyData: z.int().min(0).max(65_535).default(0),
    earlyDataHeader: text(64).default(''),
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
const transport = transportSchema.default({ type: 'tcp' });
const packetEncoding = z.enum(['none', 'packetaddr', 'xudp']).default('xudp');

export const shadowsocksMethods = [
  '2022-blake3-aes-128-gcm',
  '2022-blake3-aes-256-gcm',
  '2022-blake3-chacha20-poly1305',
  'aes-128-gcm',
  'aes-192-gcm',
  'aes-256-gcm',
  'chacha20-ietf-poly1305',
  'xchacha20-ietf-poly1305',
  'none',
] as const;

const wireguardKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw480]=$/, 'A WireGuard key is 44 base64 characters.');
const cidr4 = z.cidrv4();

export const directSchema = z.object({ kind: z.literal('direct') });
export const socks5Schema = z.object({
  kind: z.literal('socks5'),
  ...endpoint,
  username: text(255).nullable().default(null),
  password: secret.nullable().default(null),
});
export const httpSchema = z.object({
  kind: z.literal('http'),
  ...endpoint,
  username: text(255).nullable().default(null),
  password: secret.nullable().default(null),
  /** Null: plain HTTP to the proxy. */
  tls: tlsSchema.nullable().default(null),
});
export const shadowsocksSchema = z.object({
  kind: z.literal('shadowsocks'),
  ...endpoint,
  method: z.enum(shadowsocksMethods),
  password: secret,
  plugin: z.enum(['obfs-local', 'v2ray-plugin']).nullable().default(null),
  pluginOptions: text(1024).default(''),
  udpOverTcp: z.boolean().default(false),
});
export const vmessSchema = z.object({
  kind: z.literal('vmess'),
  ...endpoint,
  uuid: z.uuid(),
  security: z.enum(['auto', 'none', 'zero', 'aes-128-gcm', 'chacha20-poly1305']).default('auto'),
  alterId: z.int().min(0).max(65_535).default(0),
  tls: tlsSchema.nullable().default(null),
  transport,
  packetEncoding,
});
export const vlessSchema = z.object({
  kind: z.literal('vless'),
  ...endpoint,
  uuid: z.uuid(),
  flow: z.enum(['xtls-rprx-vision']).nullable().default(null),
  tls: tlsSchema.nullable().default(null),
  transport,
  packetEncoding,
});
export const trojanSchema = z.object({
  kind: z.literal('trojan'),
  ...endpoint,
  password: secret,
  tls: tlsSchema,
  transport,
});
export const hysteria2Schema = z.object({
  kind: z.literal('hysteria2'),
  ...endpoint,
  /** Ports hopped over beside `port`, such as `20000:30000`; the host rule opens exactly these. */
  hopPorts: z
    .array(z.string().regex(/^\d{1,5}(:\d{1,5})?$/))
    .max(16)
    .default([]),
  password: secret,
  /** Salamander obfuscation. */
  obfsPassword: secret.nullable().default(null),
  upMbps: z.int().min(1).max(100_000).nullable().default(null),
  downMbps: z.int().min(1).max(100_000).nullable().default(null),
  tls: tlsSchema,
});
export const tuicSchema = z.object({
  kind: z.literal('tuic'),
  ...endpoint,
  uuid: z.uuid(),
  password: secret,
  congestion: z.enum(['cubic', 'new_reno', 'bbr']).default('cubic'),
  udpRelayMode: z.enum(['native', 'quic']).default('native'),
  tls: tlsSchema,
});
export const anytlsSchema = z.object({
  kind: z.literal('anytls'),
  ...endpoint,
  password: secret,
  tls: tlsSchema,
});
export const sshSchema = z
  .object({
    kind: z.literal('ssh'),
    ...endpoint,
    user: text(64).min(1),
    password: secret.nullable().default(null),
    privateKey: pem.nullable().default(null),
    passphrase: secret.nullable().default(null),
    /** Lines such as `ssh-ed25519 AAAA...`. Empty: any host key is taken, shown as a warning. */
    hostKeys: z
      .array(z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/))
      .max(8)
      .default([]),
  })
  .refine((it) => it.password !== null || it.privateKey !== null, {
    message: 'An SSH egress needs a password or a private key.',
    path: ['password'],
  });
export const wireguardSchema = z
  .object({
    kind: z.literal('wireguard'),
    ...endpoint,
    /** Pasted or imported. Null when the agent made the key: then `keyId` names it and it never leaves the agent. */
    privateKey: wireguardKey.nullable().default(null),
    keyId: z
      .string()
      .regex(/^[a-z0-9]{16}$/)
      .nullable()
      .default(null),
    /** Own addresses inside the tunnel. */
    addresses: z.array(cidr4).min(1).max(4),
    peerPublicKey: wireguardKey,
    presharedKey: wireguardKey.nullable().default(null),
    /** Seconds; 25 keeps a NAT open. 0: off. */
    keepalive: z.int().min(0).max(65_535).default(25),
    /** Of the tunnel; 1420 fits a 1500-byte path with IPv4 or IPv6 outside, 1408 a PPPoE one. */
    mtu: z.int().min(1280).max(1500).default(1408),
    /** Three bytes some providers ask for. */
    reserved: z.array(z.int().min(0).max(255)).length(3).nullable().default(null),
    /** `kernel` is taken where the host has the module, else refused with the reason. */
    mode: z.enum(['userspace', 'kernel']).default('userspace'),
  })
  .refine((it) => (it.privateKey === null) !== (it.keyId === null), {
    message: 'A WireGuard egress needs a private key or a key made by the agent, not both.',
    path: ['privateKey'],
  });

export const egressSchema = z.discriminatedUnion('kind', [
  directSchema,
  socks5Schema,
  httpSchema,
  shadowsocksSchema,
  vmessSchema,
  vlessSchema,
  trojanSchema,
  hysteria2Schema,
  tuicSchema,
  anytlsSchema,
  sshSchema,
  wireguardSchema,
]);
export type Egress = z.infer<typeof egressSchema>;
export type EgressKind = Egress['kind'];
export type EgressOf<K extends EgressKind> = Extract<Egress, { kind: K }>;
export const egressKinds = [
  'direct',
  'socks5',
  'http',
  'shadowsocks',
  'vmess',
  'vless',
  'trojan',
  'hysteria2',
  'tuic',
  'anytls',
  'ssh',
  'wireguard',
] as const satisfies readonly EgressKind[];

/** Who answers the sandbox's names, asked through the egress. */
export const egressDnsSchema = z.object({
  server: z.ipv4(),
  transport: z.enum(['udp', 'tcp', 'tls', 'https']),
  /** Certificate name for `tls` and `https`; null: the address. */
  name: serverHostSchema.nullable().default(null),
});
export type EgressDns = z.infer<typeof egressDnsSchema>;

/** Where an egress's packets go on the wire; null for `direct`. The host's firewall lets exactly this out. */
export interface EgressEndpoint {
  host: string;
  protocols: readonly ('tcp' | 'udp')[];
  /** Single ports and inclusive ranges. */
  ports: readonly (number | { from: number; to: number })[];
}
export function egressEndpoint(egress: Egress): EgressEndpoint | null {
  switch (egress.kind) {
    case 'direct':
      return null;
    case 'hysteria2':
      return {
        host: egress.server,
        protocols: ['udp'],
        ports: [egress.port, ...egress.hopPorts.map(portRange)],
      };
    case 'tuic':
    case 'wireguard':
      return { host: egress.server, protocols: ['udp'], ports: [egress.port] };
    case 'socks5':
      // UDP ASSOCIATE (RFC 1928): the server names a port of its choice, on its own address.
      return { host: egress.server, protocols: ['tcp', 'udp'], ports: [egress.port] };
    case 'shadowsocks':
      return {
        host: egress.server,
        protocols: egress.plugin === null && !egress.udpOverTcp ? ['tcp', 'udp'] : ['tcp'],
        ports: [egress.port],
      };
    case 'vmess':
    case 'vless':
    case 'trojan':
      return {
        host: egress.server,
        protocols: egress.transport.type === 'quic' ? ['udp'] : ['tcp'],
        ports: [egress.port],
      };
    case 'http':
    case 'anytls':
    case 'ssh':
      return { host: egress.server, protocols: ['tcp'], ports: [egress.port] };
  }
}
function portRange(range: string): number | { from: number; to: number } {
  const [from = '0', to] = range.split(':');
  return to === undefined ? Number(from) : { from: Number(from), to: Number(to) };
}

/** Whether UDP of the sandbox can go through it at all. */
export function carriesUdp(egress: Egress): boolean {
  return egress.kind !== 'http' && egress.kind !== 'ssh';
}

/** Fields that are secret wherever they stand in an egress. */
export const egressSecretFields = [
  'password',
  'obfsPassword',
  'uuid',
  'privateKey',
  'passphrase',
  'presharedKey',
] as const;
export const MASK = '••••••••';
/** The same egress to look at: every secret replaced by MASK. Not to be saved or sent to an agent. */
export function maskEgress(egress: Egress): Record<string, unknown> & { kind: EgressKind } {
  const masked = Object.entries(egress).map(([name, value]) => [
    name,
    value !== null && (egressSecretFields as readonly string[]).includes(name) ? MASK : value,
  ]);
  return { ...Object.fromEntries(masked), kind: egress.kind };
}
