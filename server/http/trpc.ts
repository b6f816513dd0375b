import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import type { Logger } from 'pino';
import { JSON_BODY_MAX_BYTES } from '../../shared/limits';
import { appRouter } from '../api/root';
import type { ApiContext } from '../api/trpc';
import type { Services } from '../contracts';
import type { Call } from './listener';

/** tRPC on our own http server: a route inside Next would hold a second copy of everything live. */
export function createTrpc({ services, log }: { services: Services; log: Logger }): (call: Call) => void {
  return ({ request, response, identity, requestId }) => {
    const context: ApiContext = {
      identity,
      services,
      requestId,
      report: (error) => log.error({ requestId, err: error.cause }, 'a procedure failed'),
    };
    response.setHeader('cache-control', 'no-store');
    createHTTPHandler({
      router: appRouter,
      basePath: '/api/trpc/',
      maxBodySize: JSON_BODY_MAX_BYTES,
      createContext: () => context,
    })(request, response);
  };
}
