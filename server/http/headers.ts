import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Peer } from '../auth/client-address';

const NONCE_BYTES = 16;
/** A year, without subdomains: those are not ours to decide. */
const HSTS = 'max-age=31536000';

const fixed: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // Not `no-referrer`: with that browsers send `Origin: null` on form posts, and our own would be refused.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
};

function contentSecurityPolicy(nonce: string, peer: Peer, dev: boolean): string {
  const host = /^[\w.:[\]-]+$/.test(peer.host) ? peer.host : '';
  const socket = host === '' ? '' : ` ${peer.scheme === 'https' ? 'wss' : 'ws'}://${host}`;
  return [
    "default-src 'self'",
    // Next's own scripts carry the nonce; react-refresh in development needs eval.
    `script-src 'self' 'nonce-${nonce}'${dev ? " 'unsafe-eval'" : ''}`,
    // xterm.js measures and colours with style elements that it makes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    `connect-src 'self'${socket}`,
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** On every answer. The policy goes onto the request too: that is where Next reads the nonce for its scripts. */
export function setSecurityHeaders(
  request: IncomingMessage,
  response: ServerResponse,
  { peer, dev }: { peer: Peer; dev: boolean },
): void {
  const policy = contentSecurityPolicy(randomBytes(NONCE_BYTES).toString('base64'), peer, dev);
  request.headers['content-security-policy'] = policy;
  delete request.headers['content-security-policy-report-only'];
  response.setHeader('content-security-policy', policy);
  for (const [name, value] of Object.entries(fixed)) response.setHeader(name, value);
  if (peer.scheme === 'https') response.setHeader('strict-transport-security', HSTS);
}
