import type { EgressTls, EgressTransport } from '../../../shared/egress-transport';

/** Left out when null or undefined; a list is written with commas. */
export type QueryValue = string | number | boolean | readonly string[] | null | undefined;

/** `encodeURIComponent` leaves these, which end a link where clients look for one in running text. */
export function encoded(value: string): string {
  return encodeURIComponent(value).replace(
    /['()*!]/g,
    (it) => `%${it.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function queryText(entries: readonly (readonly [string, QueryValue])[]): string {
  const written = entries.flatMap(([name, value]) => {
    if (value === null || value === undefined || value === false) return [];
    if (Array.isArray(value) && value.length === 0) return [];
    return [`${name}=${encoded(value === true ? '1' : String(value))}`];
  });
  return written.length > 0 ? `?${written.join('&')}` : '';
}

export function tlsEntries(tls: EgressTls): [string, QueryValue][] {
  return [
    ['sni', tls.sni],
    ['fp', tls.fingerprint],
    ['alpn', tls.alpn],
    ['allowInsecure', tls.insecure],
    ['pbk', tls.reality?.publicKey],
    ['sid', tls.reality?.shortId || null],
    ['ca', tls.certificate],
  ];
}

export function securityEntries(tls: EgressTls | null): [string, QueryValue][] {
  if (tls === null) return [['security', 'none']];
  return [['security', tls.reality ? 'reality' : 'tls'], ...tlsEntries(tls)];
}

export function transportEntries(transport: EgressTransport): [string, QueryValue][] {
  switch (transport.type) {
    case 'tcp':
    case 'quic':
      return [['type', transport.type]];
    case 'ws':
      return [['type', 'ws'], ['path', transport.path], ['host', transport.host], ...earlyData(transport)];
    case 'grpc':
      return [
        ['type', 'grpc'],
        ['serviceName', transport.serviceName],
      ];
    case 'http':
      return [
        ['type', 'http'],
        ['path', transport.path],
        ['host', transport.hosts],
      ];
    case 'httpupgrade':
      return [
        ['type', 'httpupgrade'],
        ['path', transport.path],
        ['host', transport.host],
      ];
  }
}

/** Said whenever it would be read out of the path otherwise. */
export function earlyData(ws: Extract<EgressTransport, { type: 'ws' }>): ['ed' | 'eh', number | string][] {
  if (ws.earlyData === 0 && ws.earlyDataHeader === '' && !/\?ed=\d{1,5}$/.test(ws.path)) return [];
  return [
    ['ed', ws.earlyData],
    ['eh', ws.earlyDataHeader],
  ];
}
