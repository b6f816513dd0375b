/** Who comes to a port of a sandbox, by which of its addresses, and whether he may: asked for every request. */
import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';
import { AppError } from '../../shared/errors';
import { portLabel } from '../../shared/ports';
import { type Peer, peerOf } from '../auth/client-address';
import { parseCookies } from '../auth/cookies';
import { bearerOf, type Identify, requireOwnPassword, userAgentOf } from '../auth/identity';
import { requireScope } from '../auth/scopes';
import { type Audit, actorOf, type Db, type Identity, type SandboxAccess } from '../contracts';
import { changesState, checkHost, checkOrigin } from '../http/origin';
import {
  checkAddress,
  ENTER_PATH,
  type PortAddress,
  type PortPlace,
  portAddressOf,
  portDomain,
} from './port-address';
import { prefixOf } from './port-headers';
import { type PortPasses, VISIT_SECONDS } from './port-passes';

/** Where a mapped port leads now; null: nowhere any more. */
export type FindPlace = () => Promise<PortPlace | null>;

export interface PortVisitOptions {
  db: Db;
  audit: Audit;
  identify: Identify;
  access: SandboxAccess;
  passes: PortPasses;
  trusted: BlockList;
  scheme: 'http' | 'https';
  baseDomain: string | null;
  /** The port that people reach us at where there is no BASE_DOMAIN. */
  mainPort(): number;
}

export interface Visit {
  address: PortAddress;
  peer: Peer;
  identity: Identity;
  byToken: boolean;
}

const portOf = /:\d+$/;

export function createPortVisits(options: PortVisitOptions) {
  const { identify, access, passes, baseDomain } = options;

  const addressOf = (request: IncomingMessage): PortAddress | null => {
    const { host } = peerOf(request, options.trusted, options.scheme);
    return portAddressOf({ target: request.url ?? '', host }, baseDomain);
  };
  const visitCookie = (peer: Peer) => (peer.scheme === 'https' ? '__Host-cc-port' : 'cc-port');

  const mappedAddress = async (request: IncomingMessage, find: FindPlace): Promise<PortAddress | null> => {
    const place = await find();
    return place && { ...place, mode: 'mapped', pass: null, target: request.url ?? '' };
  };

  /** `redirect`: a browser that has to be led on first. Throws AppError. */
  async function admit(
    request: IncomingMessage,
    address: PortAddress | null,
  ): Promise<Visit | { redirect: string; cookie?: string }> {
    const peer = peerOf(request, options.trusted, options.scheme);
    if (!address) throw new AppError('not_found');
    if (address.mode === 'path') checkHost(peer, baseDomain, '/');
    checkAddress(address);
    // A worker of this address would belong to our origin.
    if (address.mode === 'path' && request.headers['service-worker'] !== undefined)
      throw new AppError('forbidden');
    const ways = { host: byCookie, path: byPath, mapped: byToken };
    const visit = await ways[address.mode](request, { address, peer });
    if ('redirect' in visit) return visit;
    requireOwnPassword(visit.identity);
    requireScope(visit.identity, changesState(request.method ?? 'GET') ? 'ports:write' : 'ports:read');
    await access(visit.identity, address.sandboxId, 'use');
    return visit;
  }

  async function byCookie(
    request: IncomingMessage,
    { address, peer }: Pick<Visit, 'address' | 'peer'>,
  ): Promise<Visit | { redirect: string; cookie?: string }> {
    const userAgent = userAgentOf(request);
    if (address.target.startsWith(`${ENTER_PATH}?`)) {
      const query = new URLSearchParams(address.target.slice(ENTER_PATH.length));
      const identity = await passes.redeem('ticket', query.get('ticket') ?? '', {
        place: address,
        peer,
        userAgent,
      });
      const to = query.get('to') ?? '/';
      const inside = to.startsWith('/') && !/^\/[/\\]/.test(to) && !/[\r\n]/.test(to) ? to : '/';
      // An old ticket leads to a new one, if the log-in is still there.
      if (!identity) return { redirect: mainAddress(address, peer, inside) };
      const secure = peer.scheme === 'https' ? '; Secure' : '';
      const visit = passes.issue('visit', identity, address);
      return {
        redirect: inside,
        cookie: `${visitCookie(peer)}=${visit}; Path=/; Max-Age=${VISIT_SECONDS}; HttpOnly; SameSite=Lax${secure}`,
      };
    }
    checkNeighbour(request, { address, peer });
    const pass = parseCookies(request.headers.cookie)[visitCookie(peer)];
    const identity = pass ? await passes.redeem('visit', pass, { place: address, peer, userAgent }) : null;
    if (identity) return { address, peer, identity, byToken: false };
    if (!isNavigation(request)) throw new AppError('unauthenticated');
    return { redirect: mainAddress(address, peer, address.target) };
  }

  /**
   * Only a token, and never a cookie: cookies know no ports, so a browser sends ours here too, and what a program
   * answers here would stand beside our own pages. People are led to where it gets an origin of its own.
   */
  async function byToken(
    request: IncomingMessage,
    { address, peer }: Pick<Visit, 'address' | 'peer'>,
  ): Promise<Visit | { redirect: string }> {
    if (bearerOf(request) === undefined) {
      if (!isNavigation(request)) throw new AppError('unauthenticated');
      return { redirect: mainAddress(address, peer, address.target) };
    }
    const identity = await identify(request, peer.address);
    if (!identity) throw new AppError('unauthenticated');
    return { address, peer, identity, byToken: true };
  }

  /** Other sites, and ports of other sandboxes, may lead here but not act here: they are the same site to the browser. */
  function checkNeighbour(
    request: IncomingMessage,
    { address, peer }: Pick<Visit, 'address' | 'peer'>,
  ): void {
    const { origin, 'sec-fetch-site': site } = request.headers;
    if (origin !== undefined) {
      const there = URL.canParse(origin)
        ? portAddressOf({ target: '/', host: new URL(origin).host }, baseDomain)
        : null;
      const related = there?.mode === 'host' && there.sandboxId === address.sandboxId;
      if (!related || new URL(origin).protocol !== `${peer.scheme}:`) throw new AppError('origin_refused');
    } else if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation(request)) {
      throw new AppError('origin_refused');
    }
  }

  function mainAddress(address: PortAddress, peer: Peer, target: string): string {
    const mapped = address.mode === 'mapped';
    const port = mapped ? (baseDomain ? '' : `:${options.mainPort()}`) : (portOf.exec(peer.host)?.[0] ?? '');
    const host = baseDomain ?? (mapped ? peer.host.replace(portOf, '') : 'localhost');
    return `${peer.scheme}://${host}${port}/sandboxes/${address.sandboxId}/ports/${address.port}${target}`;
  }

  async function byPath(
    request: IncomingMessage,
    { address, peer }: Pick<Visit, 'address' | 'peer'>,
  ): Promise<Visit | { redirect: string }> {
    if (address.pass !== null) {
      const given = { place: address, peer, userAgent: userAgentOf(request) };
      const identity = await passes.redeem('visit', address.pass, given);
      if (identity) return { address, peer, identity, byToken: false };
      if (!isNavigation(request)) throw new AppError('unauthenticated');
      // Of an ended log-in or another day: from the front, where the log-in is asked for.
      return { redirect: prefixOf(address, false) + address.target };
    }
    const identity = await identify(request, peer.address);
    if (!identity) {
      const { target } = address;
      if (!isNavigation(request)) throw new AppError('unauthenticated');
      return { redirect: `/sign-in?next=${encodeURIComponent(prefixOf(address, false) + target)}` };
    }
    if (identity.via === 'token') return { address, peer, identity, byToken: true };
    // A link on another site may lead here, as a port's own host does; nothing else of theirs may.
    if (!isNavigation(request)) checkOrigin(request, peer);
    if (changesState(request.method ?? 'GET') || request.headers.upgrade !== undefined)
      throw new AppError('origin_refused');
    requireOwnPassword(identity);
    await access(identity, address.sandboxId, 'use');
    await options.audit.record(options.db, {
      type: 'port.open',
      actor: actorOf(identity),
      target: { type: 'sandbox', id: address.sandboxId, name: String(address.port) },
      message: `opened port ${address.port}`,
    });
    const domain = portDomain(baseDomain, peer.host);
    if (domain === null) {
      const pass = passes.issue('visit', identity, address);
      return { redirect: prefixOf({ ...address, pass }) + address.target };
    }
    const ticket = passes.issue('ticket', identity, address);
    const port = portOf.exec(peer.host)?.[0] ?? '';
    const query = new URLSearchParams({ ticket, to: address.target });
    const label = portLabel(address.sandboxId, address.port);
    return { redirect: `${peer.scheme}://${label}.${domain}${port}${ENTER_PATH}?${query}` };
  }

  return { addressOf, mappedAddress, admit };
}

/** A person opens a page: he is led on, where a script's call is refused. */
export function isNavigation(request: IncomingMessage): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  const { 'sec-fetch-mode': mode, 'sec-fetch-dest': dest, accept = '' } = request.headers;
  if (mode !== undefined) return mode === 'navigate' && dest === 'document';
  return request.headers.upgrade === undefined && /\btext\/html\b/.test(accept);
}
