/** The form of each kind as data: what is asked, in which order, and how its answers become a configuration. */

import type { Egress } from '../../shared/egress';
import { type EgressKind, egressSchema, egressSecretFields } from '../../shared/egress';
import { shadowsocksMethods } from '../../shared/egress-shadowsocks';
import { utlsFingerprints } from '../../shared/egress-transport';

/** Text as typed; null: a stored secret is to be removed. */
export type FieldValue = string | boolean | null;
export type FieldValues = Record<string, FieldValue>;

export interface FieldSpec {
  /** Dotted, as in the schema. */
  path: string;
  label: string;
  hint?: string;
  type: 'text' | 'secret' | 'number' | 'choice' | 'switch' | 'lines' | 'list';
  /** May stay empty: then the value is null, or what the schema takes by itself with `whenEmpty: 'default'`. */
  optional?: true;
  whenEmpty?: 'default';
  choices?: readonly string[];
  /** Names of choices that do not speak for themselves. */
  choiceNames?: Readonly<Record<string, string>>;
  initial?: FieldValue;
  /** Asked only then. */
  when?: (values: FieldValues) => boolean;
  /** Few people need it: stands behind "More settings". */
  more?: true;
}

const server: FieldSpec = {
  path: 'server',
  label: 'Server',
  type: 'text',
  hint: 'A host name or an IPv4 address.',
};
const port = (initial: string): FieldSpec => ({ path: 'port', label: 'Port', type: 'number', initial });
const password: FieldSpec = { path: 'password', label: 'Password', type: 'secret' };
const uuid: FieldSpec = {
  path: 'uuid',
  label: 'UUID',
  type: 'secret',
  hint: 'Such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8.',
};

/** Fields of TLS; `always` for kinds that do not work without. */
function tls(options: { always?: true; quic?: true; reality?: true } = {}): FieldSpec[] {
  const on = (values: FieldValues) => options.always === true || values.tls === true;
  const fields: FieldSpec[] = [
    {
      path: 'tls.sni',
      label: 'Certificate name (SNI)',
      type: 'text',
      optional: true,
      hint: "Empty: the server's name.",
      when: on,
    },
    {
      path: 'tls.insecure',
      label: 'Do not check the certificate',
      type: 'switch',
      hint: 'Then anybody on the path may be the server. Better: give its certificate below.',
      when: on,
    },
    {
      path: 'tls.alpn',
      label: 'ALPN',
      type: 'list',
      hint: 'With commas between, such as h2,http/1.1.',
      when: on,
      more: true,
    },
    {
      path: 'tls.certificate',
      label: 'Certificate or own CA',
      type: 'lines',
      optional: true,
      hint: 'PEM text; empty: the usual authorities.',
      when: on,
      more: true,
    },
  ];
  if (!options.quic)
    fields.push({
      path: 'tls.fingerprint',
      label: 'Look like the browser',
      type: 'choice',
      optional: true,
      choices: utlsFingerprints,
      when: on,
      more: true,
    });
  if (options.reality)
    fields.push(
      {
        path: 'tls.reality.publicKey',
        label: 'REALITY public key',
        type: 'text',
        optional: true,
        hint: 'Only for REALITY servers.',
        when: on,
      },
      {
        path: 'tls.reality.shortId',
        label: 'REALITY short id',
        type: 'text',
        when: (it) => on(it) && it['tls.reality.publicKey'] !== '',
      },
    );
  return options.always ? fields : [{ path: 'tls', label: 'TLS', type: 'switch' }, ...fields];
}

const carriedBy =
  (...types: string[]) =>
  (values: FieldValues) =>
    types.includes(String(values['transport.type']));
const transport: FieldSpec[] = [
  {
    ...{ path: 'transport.type', label: 'Carried by', type: 'choice', initial: 'tcp' },
    choices: ['tcp', 'ws', 'grpc', 'http', 'httpupgrade', 'quic'],
    choiceNames: {
      tcp: 'plain TCP',
      ws: 'WebSocket',
      grpc: 'gRPC',
      http: 'HTTP/2',
      httpupgrade: 'HTTP upgrade',
      quic: 'QUIC',
    },
  },
  {
    path: 'transport.path',
    label: 'Path',
    type: 'text',
    initial: '/',
    when: carriedBy('ws', 'http', 'httpupgrade'),
  },
  {
    path: 'transport.host',
    label: 'Host header',
    type: 'text',
    optional: true,
    when: carriedBy('ws', 'httpupgrade'),
  },
  {
    path: 'transport.serviceName',
    label: 'Service name',
    type: 'text',
    whenEmpty: 'default',
    optional: true,
    when: carriedBy('grpc'),
  },
];

export const kindFields: Record<EgressKind, readonly FieldSpec[]> = {
  direct: [],
  socks5: [
    server,
    port('1080'),
    { path: 'username', label: 'User name', type: 'text', optional: true },
    { ...password, optional: true },
  ],
  http: [
    server,
    port('3128'),
    { path: 'username', label: 'User name', type: 'text', optional: true },
    { ...password, optional: true },
    ...tls(),
  ],
  shadowsocks: [
    server,
    port('8388'),
    {
      path: 'method',
      label: 'Method',
      type: 'choice',
      choices: shadowsocksMethods,
      initial: '2022-blake3-aes-128-gcm',
    },
    { ...password, hint: 'For a 2022 method base64 of the key.' },
    {
      path: 'plugin',
      label: 'Plugin',
      type: 'choice',
      optional: true,
      choices: ['obfs-local', 'v2ray-plugin'],
      more: true,
    },
    {
      path: 'pluginOptions',
      label: 'Plugin options',
      type: 'text',
      optional: true,
      whenEmpty: 'default',
      when: (it) => it.plugin !== '',
      more: true,
    },
    { path: 'udpOverTcp', label: 'UDP inside TCP', type: 'switch', more: true },
  ],
  vmess: [
    server,
    port('443'),
    uuid,
    {
      path: 'security',
      label: 'Encryption',
      type: 'choice',
      choices: ['auto', 'none', 'zero', 'aes-128-gcm', 'chacha20-poly1305'],
      initial: 'auto',
      more: true,
    },
    ...tls(),
    ...transport,
  ],
  vless: [
    server,
    port('443'),
    uuid,
    { path: 'flow', label: 'Flow', type: 'choice', optional: true, choices: ['xtls-rprx-vision'] },
    ...tls({ reality: true }),
    ...transport,
  ],
  trojan: [server, port('443'), password, ...tls({ always: true }), ...transport],
  hysteria2: [
    server,
    port('443'),
    password,
    { path: 'obfsPassword', label: 'Obfuscation password', type: 'secret', optional: true },
    { path: 'hopPorts', label: 'Ports to hop over', type: 'list', hint: 'Such as 20000:30000.', more: true },
    { path: 'upMbps', label: 'Upload, Mbit/s', type: 'number', optional: true, more: true },
    { path: 'downMbps', label: 'Download, Mbit/s', type: 'number', optional: true, more: true },
    ...tls({ always: true, quic: true }),
  ],
  tuic: [
    server,
    port('443'),
    uuid,
    password,
    {
      path: 'congestion',
      label: 'Congestion control',
      type: 'choice',
      choices: ['cubic', 'new_reno', 'bbr'],
      initial: 'cubic',
      more: true,
    },
    {
      path: 'udpRelayMode',
      label: 'UDP relay',
      type: 'choice',
      choices: ['native', 'quic'],
      initial: 'native',
      more: true,
    },
    ...tls({ always: true, quic: true }),
  ],
  anytls: [server, port('443'), password, ...tls({ always: true })],
  ssh: [
    server,
    port('22'),
    { path: 'user', label: 'User name', type: 'text', initial: 'root' },
    { ...password, optional: true, hint: 'Or a private key below.' },
    {
      path: 'privateKey',
      label: 'Private key',
      type: 'lines',
      optional: true,
      hint: 'PEM text, from -----BEGIN to -----END.',
    },
    {
      path: 'passphrase',
      label: 'Passphrase of the key',
      type: 'secret',
      optional: true,
      when: (it) => it.privateKey !== '',
    },
    {
      path: 'hostKeys',
      label: 'Host keys',
      type: 'lines',
      hint: 'One a line, such as ssh-ed25519 AAAA…  Empty: any host key is taken.',
    },
  ],
  wireguard: [
    { ...server, label: "Peer's endpoint" },
    port('51820'),
    { path: 'peerPublicKey', label: "Peer's public key", type: 'text', hint: '44 base64 characters.' },
    { path: 'addresses', label: 'Own addresses in the tunnel', type: 'list', hint: 'Such as 10.7.0.2/32.' },
    { path: 'privateKey', label: 'Own private key', type: 'secret', optional: true, when: (it) => !it.keyId },
    { path: 'presharedKey', label: 'Preshared key', type: 'secret', optional: true, more: true },
    {
      path: 'keepalive',
      label: 'Keep alive, seconds',
      type: 'number',
      initial: '25',
      hint: '25 keeps a NAT open. 0: off.',
      more: true,
    },
    {
      path: 'mtu',
      label: 'MTU',
      type: 'number',
      initial: '1408',
      hint: 'Of the tunnel, 1280 to 1500.',
      more: true,
    },
    {
      path: 'mode',
      label: 'Runs in',
      type: 'choice',
      choices: ['userspace', 'kernel'],
      initial: 'userspace',
      more: true,
    },
  ],
};

export function emptyValues(kind: EgressKind): FieldValues {
  return Object.fromEntries(
    kindFields[kind].map((it) => [it.path, it.initial ?? (it.type === 'switch' ? false : '')]),
  );
}

export const isSecret = (path: string) => (egressSecretFields as readonly string[]).includes(path);

/** What a form shows of stored settings: secrets come as MASK and are shown as an empty box. */
export function valuesOf(kind: EgressKind, settings: Record<string, unknown>): FieldValues {
  const values = emptyValues(kind);
  for (const { path, type } of kindFields[kind]) {
    const value = path.split('.').reduce<unknown>(
      (it, part) =>
        typeof it === 'object' && it !== null ? (it as Record<string, unknown>)[part] : undefined, // an object
      settings,
    );
    if (path === 'tls') values.tls = value !== null && value !== undefined;
    else if (isSecret(path) || value === null || value === undefined) values[path] = '';
    else if (type === 'switch') values[path] = value === true;
    else if (Array.isArray(value)) values[path] = value.join(type === 'lines' ? '\n' : ',');
    else values[path] = String(value);
  }
  if (typeof settings.keyId === 'string') values.keyId = settings.keyId;
  return values;
}

function put(target: Record<string, unknown>, path: string, value: unknown): void {
  const [head = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const inner = target[head];
  const group: Record<string, unknown> =
    typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {}; // made by this function
  target[head] = group;
  put(group, rest.join('.'), value);
}

function parsed(field: FieldSpec, value: FieldValue): unknown {
  if (typeof value === 'boolean') return value;
  const text = (value ?? '').trim();
  const several = field.type === 'list' || field.path === 'hostKeys';
  if (several)
    return text
      .split(field.type === 'list' ? /[,\s]+/ : /\n/)
      .map((it) => it.trim())
      .filter(Boolean);
  if (text === '') return field.optional && field.whenEmpty !== 'default' ? null : undefined;
  // Whether it is a number is for the schema to say.
  if (field.type === 'number') return /^\d+$/.test(text) ? Number(text) : text;
  return isSecret(field.path) && typeof value === 'string' && field.type === 'secret' ? value : text;
}

/**
 * Answers as configuration, not judged yet. With the `stored` settings it is a change of them: an empty secret is left
 * out, so that it keeps its value, a null one is removed, and what the form does not ask stays in its group.
 */
export function configOf(
  kind: EgressKind,
  values: FieldValues,
  stored?: Record<string, unknown>,
): Record<string, unknown> {
  const config: Record<string, unknown> = stored ? {} : { kind };
  for (const field of kindFields[kind]) {
    if (field.when && !field.when(values)) continue;
    const { path } = field;
    const value = values[path] ?? null;
    if (path === 'tls') config.tls = value === true ? kept(stored?.tls) : null;
    else if (path === 'tls.reality.publicKey' && value === '') put(config, 'tls.reality', null);
    else if (stored && isSecret(path)) {
      if (value === null) config[path] = null;
      else if (value !== '') put(config, path, parsed(field, value));
    } else {
      if (stored && path === 'transport.type') config.transport = sameType(stored.transport, value);
      if (stored && path.startsWith('tls.')) config.tls ??= kept(stored.tls);
      const result = parsed(field, value);
      if (result !== undefined) put(config, path, result);
    }
  }
  if (kind === 'wireguard' && typeof values.keyId === 'string' && values.keyId !== '') {
    config.keyId = values.keyId;
    config.privateKey = null;
  }
  return config;
}

const kept = (group: unknown): Record<string, unknown> =>
  typeof group === 'object' && group !== null ? { ...group } : {};
/** Another carrier has other fields. */
function sameType(group: unknown, type: FieldValue): Record<string, unknown> {
  const before = kept(group);
  return before.type === type ? before : {};
}

/** Fields by path with a sentence each; `config` only when there is none. */
export function judgeConfig(config: Record<string, unknown>): {
  config: Egress | null;
  errors: Record<string, string>;
} {
  const result = egressSchema.safeParse(config);
  if (result.success) return { config: result.data, errors: {} };
  const errors: Record<string, string> = {};
  for (const issue of result.error.issues) {
    const path = issue.path.filter((it) => typeof it === 'string').join('.');
    errors[path] ??= sentence(issue, path);
  }
  return { config: null, errors };
}

/** Zod's own words for what is missing or no number speak of types; people fill in boxes. */
function sentence(
  issue: { code: string; message: string; minimum?: unknown; maximum?: unknown },
  path: string,
) {
  if (path === 'port') return 'A port is a number from 1 to 65535.';
  if (issue.code === 'invalid_type')
    return issue.message.includes('undefined') ? 'This is needed.' : 'This is not a number.';
  if (issue.code === 'too_small' && path === 'addresses') return 'At least one address is needed.';
  if (issue.code === 'too_small') return `At least ${String(issue.minimum)}.`;
  if (issue.code === 'too_big') return `At most ${String(issue.maximum)}.`;
  if (path === 'addresses') return 'An address has a length behind it, such as 10.7.0.2/32.';
  return issue.message;
}
