import type { EgressTls } from '../../../shared/egress-transport';
import type { SingBoxObject } from './dial';

/** sing-box refuses REALITY without uTLS, and a server judges the hello: Chrome's is the usual one. */
const REALITY_FINGERPRINT = 'chrome';

/**
 * TLS over TCP. The name is always set: sing-box would otherwise take `server`, which may be an address that the
 * agent pinned.
 */
export function tlsObject(tls: EgressTls, server: string): SingBoxObject {
  const fingerprint = tls.fingerprint ?? (tls.reality ? REALITY_FINGERPRINT : null);
  return {
    ...quicTlsObject(tls, server),
    ...(fingerprint !== null && { utls: { enabled: true, fingerprint } }),
    ...(tls.reality !== null && {
      reality: { enabled: true, public_key: tls.reality.publicKey, short_id: tls.reality.shortId },
    }),
  };
}

/** TLS inside QUIC: uTLS and REALITY pass `sing-box check` there, yet every dial fails ("unsupported usage"). */
export function quicTlsObject(tls: EgressTls, server: string): SingBoxObject {
  return {
    enabled: true,
    server_name: tls.sni ?? server,
    ...(tls.insecure && { insecure: true }),
    ...(tls.alpn.length > 0 && { alpn: tls.alpn }),
    ...(tls.certificate !== null && { certificate: [tls.certificate] }),
  };
}
