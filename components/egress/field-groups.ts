/** Fields that several kinds have. */
import { utlsFingerprints } from '../../shared/egress-transport';
import type { FieldSpec, FieldValues } from './field-spec';

export const server: FieldSpec = {
  path: 'server',
  label: 'Server',
  type: 'text',
  hint: 'A host name or an IPv4 address.',
};
export const port = (initial: string): FieldSpec => ({
  path: 'port',
  label: 'Port',
  type: 'number',
  initial,
});
export const password: FieldSpec = { path: 'password', label: 'Password', type: 'secret' };
export const uuid: FieldSpec = {
  path: 'uuid',
  label: 'UUID',
  type: 'secret',
  hint: 'Such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8.',
};

/** Fields of TLS; `always` for kinds that do not work without. */
export function tls(options: { always?: true; quic?: true; reality?: true } = {}): FieldSpec[] {
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
export const transport: FieldSpec[] = [
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
