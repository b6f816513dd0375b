import type { IncomingMessage } from 'node:http';
import { AppError } from '../../shared/errors';
import type { Peer } from '../auth/client-address';

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

const nameOf = (host: string) => host.toLowerCase().replace(/:\d+$/, '');

/** With BASE_DOMAIN only that name is ours; probes on the machine itself may use a loopback name. */
export function checkHost(peer: Peer, baseDomain: string | null, pathname: string): void {
  if (baseDomain === null) return;
  const name = nameOf(peer.host);
  const probe = (pathname === '/healthz' || pathname === '/metrics') && LOOPBACK.includes(name);
  if (name !== baseDomain && !probe)
    throw new AppError('origin_refused', 'This server does not go by the name in the address.');
}

function isOwnOrigin(origin: string, peer: Peer): boolean {
  try {
    const url = new URL(origin);
    // URL drops a default port; a Host header may hold it.
    const own = new URL(`${url.protocol}//${peer.host}`);
    return (
      /^https?:$/.test(url.protocol) &&
      url.host === own.host &&
      (peer.scheme !== 'https' || url.protocol === 'https:')
    );
  } catch {
    return false;
  }
}

/**
 * Refuses what another site made the browser send. Browsers name the origin on every POST and every WebSocket, so a
 * request without any is a program's, which holds no one's cookie by accident.
 */
export function checkOrigin(request: IncomingMessage, peer: Peer): void {
  const { origin, 'sec-fetch-site': site } = request.headers;
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  if ((origin !== undefined && !isOwnOrigin(origin, peer)) || (origin === undefined && foreignSite))
    throw new AppError('origin_refused');
}

export function changesState(method: string): boolean {
  return !SAFE_METHODS.includes(method);
}
