/** The one `upgrade` listener: path, then Host and Origin, then identity; only then the endpoint's handshake. */
import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { WebSocketServer } from 'ws';
import { AppError, toAppError } from '../../shared/errors';
import type { RouteScope } from '../../shared/scopes';
import { peerOf } from '../auth/client-address';
import { type Identify, requireOwnPassword } from '../auth/identity';
import { admit } from '../auth/scopes';
import type { Identity } from '../contracts';
import { pathOf, refuseTokenInAddress } from './access';
import { errorBody } from './answer';
import { checkHost, checkOrigin } from './origin';

export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  identity: Identity,
) => void;

/** Paths of our WebSocket endpoints; the walk over everything reads this. */
export const upgradePaths: readonly {
  name: 'terminal' | 'session';
  path: RegExp;
  example: string;
  protocol: string;
  scope: RouteScope;
}[] = [
  {
    name: 'terminal',
    path: /^\/ws\/sandboxes\/[^/]+\/terminal$/,
    example: '/ws/sandboxes/sabcdefabcdef012/terminal?session=7f0e6f0e-1111-4222-8333-444455556666',
    protocol: 'cloud-claude.terminal.v1',
    scope: 'session:read',
  },
  {
    name: 'terminal',
    path: /^\/ws\/shells\/[^/]+$/,
    example: '/ws/shells/7f0e6f0e-1111-4222-8333-444455556666',
    protocol: 'binary',
    scope: 'shells:read',
  },
  {
    name: 'session',
    path: /^\/ws\/sessions\/[^/]+$/,
    example: '/ws/sessions/7f0e6f0e-1111-4222-8333-444455556666?from=0',
    protocol: 'json',
    scope: 'sessions:read',
  },
  {
    name: 'session',
    path: /^\/api\/sessions\/[^/]+\/stream$/,
    example: '/api/sessions/7f0e6f0e-1111-4222-8333-444455556666/stream?from=0',
    protocol: 'json',
    scope: 'sessions:read',
  },
];
/** Who names one of these gets the reason of a refusal as a close code. */
const ourProtocol = /(^|,)\s*(cloud-claude\.|binary\b|json\b)/;

/** A client that does not answer our close frame is cut off after this. */
const REFUSAL_LINGER_MS = 2_000;

export interface UpgradeOptions {
  identify: Identify;
  endpoints: Record<(typeof upgradePaths)[number]['name'], UpgradeHandler>;
  /** Next's hot reload, in development only; it has no data of ours. */
  development: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | null;
  trusted: BlockList;
  scheme: 'http' | 'https';
  baseDomain: string | null;
  log: Logger;
  newRequestId(): string;
}

export function createUpgrade(options: UpgradeOptions) {
  const refusals = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    handleProtocols: (offered) => [...offered].find((it) => ourProtocol.test(it)) ?? false,
  });

  async function decide(request: IncomingMessage): Promise<(socket: Duplex, head: Buffer) => void> {
    const { pathname, search } = pathOf(request.url ?? '');
    const peer = peerOf(request, options.trusted, options.scheme);
    const { development } = options;
    const reload = development !== null && pathname.startsWith('/_next/');
    const known = upgradePaths.find((it) => it.path.test(pathname));
    // An unknown path is told only to those who may know: the others get the same answer as for a known one.
    checkHost(peer, options.baseDomain, pathname);
    checkOrigin(request, peer);
    refuseTokenInAddress(pathname, search);
    if (reload) return (socket, head) => development(request, socket, head);
    const identity = await options.identify(request, peer.address);
    if (!identity) throw new AppError('unauthenticated');
    if (!known) throw new AppError('not_found');
    requireOwnPassword(identity);
    admit(identity, known.scope);
    return (socket, head) => options.endpoints[known.name](request, socket, head, identity);
  }

  /**
   * A browser's script cannot see the HTTP status of a failed handshake, only "closed". A client of ours (it names a
   * `cloud-claude.` subprotocol) therefore gets the handshake and at once a close code that says why, nothing else.
   */
  function refuse(request: IncomingMessage, socket: Duplex, error: AppError): void {
    const { url = '', headers } = request;
    const ours =
      /^\/(ws|api\/sessions)\//.test(url) &&
      headers.upgrade?.toLowerCase() === 'websocket' &&
      ourProtocol.test(headers['sec-websocket-protocol'] ?? '');
    if (ours && error.code !== 'origin_refused') {
      refusals.handleUpgrade(request, socket, Buffer.alloc(0), (ws) => {
        ws.on('error', () => ws.terminate());
        const linger = setTimeout(() => ws.terminate(), REFUSAL_LINGER_MS);
        ws.on('close', () => clearTimeout(linger));
        ws.close(error.entry.close, error.code);
      });
      return;
    }
    const body = `${JSON.stringify(errorBody(error, options.newRequestId()))}\n`;
    socket.end(
      `HTTP/1.1 ${error.entry.http} Refused\r\ncontent-type: application/json; charset=utf-8\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n${body}`,
    );
  }

  return {
    handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      const onError = () => socket.destroy();
      socket.on('error', onError);
      decide(request).then(
        (handshake) => {
          if (socket.destroyed) return;
          socket.off('error', onError);
          handshake(socket, head);
        },
        (thrown: unknown) => {
          const error = toAppError(thrown);
          if (error.code === 'internal') options.log.error({ err: error.cause }, 'an upgrade failed');
          if (!socket.destroyed) refuse(request, socket, error);
        },
      );
    },
    close(): void {
      for (const ws of refusals.clients) ws.terminate();
      refusals.close();
    },
  };
}
