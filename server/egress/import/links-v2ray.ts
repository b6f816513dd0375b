import type { Egress } from '../../../shared/egress';
import { packetEncodingOf, securityOfQuery, tlsOfQuery, transportOfQuery, wsTransport } from './link-carrier';
import { endpointOf, type Link, queryOf, secretOf } from './link-parts';
import { refuse } from './problem';
import { checked, fromBase64, host, hostOrNull, port, textOrNull, whole, wholeOr } from './values';

export function vlessLink(link: Link): Egress {
  const { query } = link;
  const encryption = query.get('encryption') ?? 'none';
  if (encryption !== 'none') refuse('encryption: only none is supported.');
  return checked({
    kind: 'vless',
    ...endpointOf(link),
    uuid: secretOf(link, 'uuid'),
    flow: flowOf(query.get('flow')),
    tls: securityOfQuery(query, 'none'),
    transport: transportOfQuery(query),
    packetEncoding: packetEncodingOf(query.get('packetEncoding'), 'xudp'),
  });
}
/** Xray's variant that only leaves UDP port 443 alone is the same to a client. */
export function flowOf(flow: string | null): string | null {
  return flow === null || flow === 'none' ? null : flow.replace(/-udp443$/, '');
}

export function trojanLink(link: Link): Egress {
  return checked({
    kind: 'trojan',
    ...endpointOf(link, 443),
    password: secretOf(link),
    tls: securityOfQuery(link.query, 'tls') ?? refuse('security: trojan needs tls or reality.'),
    transport: transportOfQuery(link.query),
  });
}

/** Two forms: `vmess://` + base64 of v2rayN's JSON, and the URL form with the UUID before the @. */
export function vmessLink(link: Link): Egress {
  return link.user === null ? vmessJson(link.body) : vmessUrl(link);
}

function vmessUrl(link: Link): Egress {
  const { query } = link;
  return checked({
    kind: 'vmess',
    ...endpointOf(link),
    uuid: secretOf(link, 'uuid'),
    security: query.get('encryption') ?? 'auto',
    alterId: wholeOr(query.get('alterId', 'aid'), 'alterId', 0),
    tls: securityOfQuery(query, 'none'),
    transport: transportOfQuery(query),
    packetEncoding: packetEncodingOf(query.get('packetEncoding'), 'none'),
  });
}

/** v2rayN: numbers come as text or as numbers, `type` is the header of the transport `net`. */
function vmessJson(body: string): Egress {
  const fields = vmessFields(body);
  const get = (name: string) => textOrNull(fields[name], name);
  // The JSON's names are those of the links, but for these.
  const query = queryOf(
    Object.entries({
      type: get('net'),
      headerType: get('type'),
      path: get('path'),
      serviceName: get('path'),
      quicSecurity: get('net') === 'quic' ? get('host') : null,
      host: get('host'),
      sni: get('sni'),
      alpn: get('alpn'),
      fp: get('fp'),
      pbk: get('pbk'),
      sid: get('sid'),
      ca: get('ca'),
      allowInsecure: insecureOf(fields),
    }).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
  );
  const security = get('tls') ?? 'none';
  if (!['none', 'tls', 'reality'].includes(security)) refuse('tls: must be empty, tls or reality.');
  const tls = security === 'none' ? null : tlsOfQuery(query);
  return checked({
    kind: 'vmess',
    server: host(fields.add, 'add'),
    port: port(fields.port),
    uuid: get('id') ?? refuse('id: is missing.'),
    security: get('scy') ?? 'auto',
    alterId: wholeOr(fields.aid, 'aid', 0),
    tls,
    transport:
      get('net') === 'ws'
        ? wsTransport(get('path'), hostOrNull(fields.host, 'host'), {
            bytes: fields.ed === undefined ? null : whole(fields.ed, 'ed'),
            header: typeof fields.eh === 'string' ? fields.eh : null,
          })
        : transportOfQuery(query),
    packetEncoding: packetEncodingOf(get('packetEncoding'), 'none'),
  });
}

function insecureOf(fields: Record<string, unknown>): string | null {
  const value = fields.insecure ?? fields.allowInsecure ?? fields['skip-cert-verify'];
  return typeof value === 'boolean' ? String(value) : textOrNull(value, 'insecure');
}

/** The label inside the JSON, for whoever names the entry. */
export function vmessLabel(body: string): string | null {
  const decoded = fromBase64(body);
  if (decoded === null) return null;
  try {
    const value: unknown = JSON.parse(decoded);
    const name = typeof value === 'object' && value !== null && 'ps' in value ? value.ps : null;
    return typeof name === 'string' ? name : null;
  } catch {
    return null;
  }
}

function vmessFields(body: string): Record<string, unknown> {
  const decoded =
    fromBase64(body) ?? refuse('The part after vmess:// is not base64; copy the whole link again.');
  let value: unknown;
  try {
    value = JSON.parse(decoded);
  } catch {
    return refuse('The part after vmess:// is not the JSON that v2rayN writes; export the link again.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('The part after vmess:// is not a JSON object.');
  }
  return { ...value };
}
