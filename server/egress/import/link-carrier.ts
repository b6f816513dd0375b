/** TLS and transport as the query of a share link says them; names after Xray's and v2rayN's links. */
import type { Query } from './link-parts';
import { refuse, shown } from './problem';
import { flag, hostOrNull, list, wholeOr } from './values';

export function tlsOfQuery(query: Query) {
  if (query.get('pinSHA256', 'pcs') !== null) {
    refuse('pinSHA256: pinning by hash is not supported; give the certificate itself (PEM) in `ca`.');
  }
  const fingerprint = query.get('fp', 'fingerprint', 'client-fingerprint');
  const publicKey = query.get('pbk', 'publicKey');
  return {
    sni: hostOrNull(query.get('sni', 'peer', 'servername'), 'sni'),
    insecure: flag(query.get('allowInsecure', 'insecure', 'skip-cert-verify'), 'allowInsecure'),
    alpn: list(query.get('alpn'), 'alpn'),
    fingerprint: fingerprint === 'none' ? null : fingerprint,
    reality: publicKey === null ? null : { publicKey, shortId: query.get('sid', 'shortId') ?? '' },
    certificate: query.get('ca'),
  };
}

/** `security=none|tls|reality`; null for none. */
export function securityOfQuery(query: Query, fallback: 'none' | 'tls') {
  const security = query.get('security') ?? fallback;
  if (security === 'none') return null;
  if (security !== 'tls' && security !== 'reality') {
    return refuse(`security: ${shown(security)} is not supported; use none, tls or reality.`);
  }
  const tls = tlsOfQuery(query);
  if (security === 'reality' && tls.reality === null) refuse('pbk: REALITY needs the public key.');
  return security === 'reality' ? tls : { ...tls, reality: null };
}

/** What Xray's clients mean by early data: the header that holds it is never named in their links. */
const EARLY_DATA_HEADER = 'Sec-WebSocket-Protocol';

export function wsTransport(
  path: string | null,
  hostname: unknown,
  early: { bytes: number | null; header: string | null },
) {
  // v2rayN writes it into the path; a number of its own says that the path is just a path.
  const [, plain, inPath] = /^(.*)\?ed=(\d{1,5})$/.exec(path ?? '') ?? [];
  const taken = early.bytes === null && inPath !== undefined;
  const earlyData = early.bytes ?? wholeOr(inPath, 'ed', 0);
  return {
    type: 'ws',
    path: (taken ? plain : path) || '/',
    host: hostOrNull(hostname, 'host'),
    earlyData,
    earlyDataHeader: early.header ?? (earlyData > 0 ? EARLY_DATA_HEADER : ''),
  };
}

export function transportOfQuery(query: Query) {
  const type = query.get('type', 'net') ?? 'tcp';
  const path = query.get('path') ?? '/';
  switch (type) {
    case 'tcp':
    case 'raw': {
      const header = query.get('headerType') ?? 'none';
      if (header === 'none') return { type: 'tcp' };
      if (header !== 'http') return refuse(`headerType: ${shown(header)} is not supported.`);
      return { type: 'http', path, hosts: hosts(query.get('host')) };
    }
    case 'ws':
    case 'websocket':
      return wsTransport(query.get('path'), query.get('host'), {
        bytes: wholeOr(query.get('ed'), 'ed', null),
        header: query.has('eh') ? (query.get('eh') ?? '') : null,
      });
    case 'grpc':
    case 'gun':
      return { type: 'grpc', serviceName: query.get('serviceName') ?? '' };
    case 'http':
    case 'h2':
      return { type: 'http', path, hosts: hosts(query.get('host')) };
    case 'httpupgrade':
      return { type: 'httpupgrade', path, host: hostOrNull(query.get('host'), 'host') };
    case 'quic': {
      const security = query.get('quicSecurity') ?? 'none';
      if (security !== 'none') refuse(`quicSecurity: ${shown(security)} is not supported; use none.`);
      return { type: 'quic' };
    }
    default:
      return refuse(
        `type: the transport ${shown(type)} is not supported; use tcp, ws, grpc, http, httpupgrade or quic.`,
      );
  }
}

export function hosts(value: unknown): string[] {
  return list(value, 'host').map((it) => hostOrNull(it, 'host') ?? '');
}

const PACKET_ENCODINGS: Record<string, string> = {
  packet: 'packetaddr',
  packetaddr: 'packetaddr',
  xudp: 'xudp',
  none: 'none',
};
/** Nothing said means xudp in vless, and in vmess neither: not every server of it knows xudp. */
export function packetEncodingOf(value: string | null, fallback: 'none' | 'xudp'): string {
  if (value === null) return fallback;
  return PACKET_ENCODINGS[value] ?? refuse('packetEncoding: must be xudp, packetaddr or none.');
}
