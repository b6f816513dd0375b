/**
 * The ways out of a sandbox: one schema per kind, as the gateway stores them (encrypted) and hands them to the
 * agent, which alone turns them into sing-box JSON. Field meanings follow sing-box 1.12's outbound documents.
 */
import { z } from 'zod';
import { shadowsocksSchema } from './egress-shadowsocks';
import {
  checkCarrier,
  endpoint,
  packetEncoding,
  privateKeyPem,
  quicTlsSchema,
  secret,
  serverHostSchema,
  text,
  tlsSchema,
  transport,
} from './egress-transport';

const wireguardKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw480]=$/, 'A WireGuard key is 44 base64 characters.');
const cidr4 = z.cidrv4();
/** As printed by tools; servers in use take any 128 bits, so version and variant are not judged. */
const uuid = z
  .guid('A UUID has 32 hex digits in five groups, such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8.')
  .toLowerCase();
/** RFC 1929: one byte of length; RFC 7617 allows no colon in the name. */
const username = text(255).min(1).nullable().default(null);
const needsUser = {
  message: 'A password needs a user name.',
  path: ['username'],
};
const hasUser = (it: { username: string | null; password: string | null }) =>
  it.password === null || it.username !== null;

export const directSchema = z.object({ kind: z.literal('direct') });
export const socks5Schema = z
  .object({
    kind: z.literal('socks5'),
    ...endpoint,
    username,
    password: text(255).min(1).nullable().default(null),
  })
  .refine(hasUser, needsUser);
export const httpSchema = z
  .object({
    kind: z.literal('http'),
    ...endpoint,
    username: username.refine((it) => !it?.includes(':'), 'An HTTP user name has no colon.'),
    password: secret.nullable().default(null),
    /** Null: plain HTTP to the proxy. */
    tls: tlsSchema.nullable().default(null),
  })
  .refine(hasUser, needsUser);
export const vmessSchema = z
  .object({
    kind: z.literal('vmess'),
    ...endpoint,
    uuid,
    security: z.enum(['auto', 'none', 'zero', 'aes-128-gcm', 'chacha20-poly1305']).default('auto'),
    alterId: z.int().min(0).max(65_535).default(0),
    tls: tlsSchema.nullable().default(null),
    transport,
    packetEncoding,
  })
  .superRefine(checkCarrier);
export const vlessSchema = z
  .object({
    kind: z.literal('vless'),
    ...endpoint,
    uuid,
    flow: z.enum(['xtls-rprx-vision']).nullable().default(null),
    tls: tlsSchema.nullable().default(null),
    transport,
    packetEncoding,
  })
  .superRefine(checkCarrier);
export const trojanSchema = z
  .object({
    kind: z.literal('trojan'),
    ...endpoint,
    password: secret,
    tls: tlsSchema,
    transport,
  })
  .superRefine(checkCarrier);
export const hysteria2Schema = z.object({
  kind: z.literal('hysteria2'),
  ...endpoint,
  /** Ports hopped over beside `port`, such as `20000:30000`; the host rule opens exactly these. */
  hopPorts: z
    .array(
      z
        .string()
        .regex(/^\d{1,5}(:\d{1,5})?$/)
        .refine(isPortRange, 'Ports are 1 to 65535, the smaller one first, such as 20000:30000.')
        .overwrite((range) => [...new Set(range.split(':').map(Number))].join(':')),
    )
    .max(16)
    .default([]),
  password: secret,
  /** Salamander obfuscation. */
  obfsPassword: secret.nullable().default(null),
  upMbps: z.int().min(1).max(100_000).nullable().default(null),
  downMbps: z.int().min(1).max(100_000).nullable().default(null),
  tls: quicTlsSchema,
});
export const tuicSchema = z.object({
  kind: z.literal('tuic'),
  ...endpoint,
  uuid,
  password: secret,
  congestion: z.enum(['cubic', 'new_reno', 'bbr']).default('cubic'),
  udpRelayMode: z.enum(['native', 'quic']).default('native'),
  tls: quicTlsSchema,
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
    privateKey: privateKeyPem.nullable().default(null),
    passphrase: secret.nullable().default(null),
    /** Lines such as `ssh-ed25519 AAAA...`. Empty: any host key is taken, shown as a warning. */
    hostKeys: z
      .array(
        z
          .string()
          // What ssh-keygen and ssh-keyscan's readers write behind the key is a comment.
          .overwrite((line) => line.trim().split(/\s+/).slice(0, 2).join(' '))
          .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/, 'A host key is a line such as ssh-ed25519 AAAA....'),
      )
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
  /** UDP may go to any port of `host`, beside `ports`. */
  anyUdpPort?: true;
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
      return { host: egress.server, protocols: ['tcp', 'udp'], ports: [egress.port], anyUdpPort: true };
    case 'shadowsocks':
      return {
        host: egress.server,
        // A plugin wraps TCP only (SIP003): UDP goes beside it to the same port.
        protocols: egress.udpOverTcp ? ['tcp'] : ['tcp', 'udp'],
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

function isPortRange(range: string): boolean {
  const [from, to = from] = range.split(':').map(Number);
  return from !== undefined && to !== undefined && from >= 1 && from <= to && to <= 65_535;
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
