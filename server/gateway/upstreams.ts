/** Where a request goes and with which credential: the gateway's own, or that of the session's provider. */
import { Agent, type ClientRequest, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { guardedLookup, type Reach, refuseLiteral } from '../outbound/addresses';
import type { Credential } from './proxy-headers';

/**
 * Upstream sockets of a host kept for the next request: a new TLS handshake costs ~100 ms before the first token. As
 * many as Claudes that may be at work at once.
 */
const IDLE_SOCKETS = 256;

export interface Upstream {
  /** A Provider's id, or `gateway`. */
  provider: string;
  base: URL;
  credential: Credential;
  /** What Claude asks for to what the host calls it. */
  models: ReadonlyMap<string, string> | null;
  /** Named by a person and not by the administrator: dialled only where this reaches. */
  reach: Reach | null;
  /** One person's own credential. Otherwise several share it, and what the API keeps under it is everybody's. */
  personal?: boolean;
}

/** Why there is none, for the person at the terminal. */
export interface NoUpstream {
  refused: string;
}

export interface Dialer {
  /** `path` at the host, from `/v1` on. Throws AddressRefused for a literal address that may not be reached. */
  request(upstream: Upstream, options: { method: string; path: string; headers: string[] }): ClientRequest;
  close(): void;
}

export function createDialer(): Dialer {
  const pools = new Map<string, Agent>();

  function agentOf(secure: boolean, reach: Reach | null): Agent {
    const key = `${secure} ${reach}`;
    let agent = pools.get(key);
    if (!agent) {
      const options = {
        keepAlive: true,
        maxFreeSockets: IDLE_SOCKETS,
        // Kept sockets were judged when they were opened, and are kept by host and port.
        ...(reach === null ? {} : { lookup: guardedLookup(reach) }),
      };
      agent = secure ? new SecureAgent(options) : new Agent(options);
      pools.set(key, agent);
    }
    return agent;
  }

  return {
    request({ base, reach }, { method, path, headers }) {
      if (reach !== null) refuseLiteral(base, reach);
      const secure = base.protocol === 'https:';
      const options: RequestOptions = {
        agent: agentOf(secure, reach),
        protocol: base.protocol,
        hostname: base.hostname.replace(/^\[|\]$/g, ''),
        port: base.port === '' ? undefined : base.port,
        method,
        path: `${basePathOf(base)}${path === '' || path.startsWith('?') ? `/${path}` : path}`,
        headers,
      };
      return secure ? requestHttps(options) : requestHttp(options);
    },
    close() {
      for (const agent of pools.values()) agent.destroy();
    },
  };
}

/** People write the base with and without the version; clients always send `/v1/...`. */
export const basePathOf = (base: URL): string => base.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
