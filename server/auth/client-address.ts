import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

export interface Peer {
  /** Of the client; behind a trusted proxy the one the proxy names. */
  address: string;
  /** `host[:port]` as the client sees it. */
  host: string;
  scheme: 'http' | 'https';
}

/** `::ffff:10.0.0.1` is how a dual-stack socket shows an IPv4 peer. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');

export function createProxyList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const type = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, type);
    else list.addSubnet(address, Number(bits), type);
  }
  return list;
}

/**
 * Who is on the other end. Forwarded headers count only when the socket's peer is a trusted proxy; then the client is
 * the last entry of X-Forwarded-For that is no trusted proxy itself: what stands before it anybody may have written.
 */
export function peerOf(request: IncomingMessage, trusted: BlockList, scheme: 'http' | 'https'): Peer {
  const isTrusted = (it: string) => isIP(it) !== 0 && trusted.check(it, isIP(it) === 6 ? 'ipv6' : 'ipv4');
  const socket = plain(request.socket.remoteAddress ?? '');
  const host = request.headers.host ?? '';
  if (!isTrusted(socket)) return { address: socket, host, scheme };
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((it) => plain(it.trim()))
    .filter((it) => isIP(it) !== 0);
  const proto = request.headers['x-forwarded-proto'];
  return {
    address: forwarded.reverse().find((it) => !isTrusted(it)) ?? socket,
    host: String(request.headers['x-forwarded-host'] ?? host),
    scheme: proto === 'https' || proto === 'http' ? proto : scheme,
  };
}
