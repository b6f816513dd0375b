import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { METHOD_NAME_ALL } from 'hono/router';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { AppError, toAppError } from '../../shared/errors';
import type { Live, OpenSockets, Services } from '../contracts';
import { errorBody } from '../http/answer';
import type { Chat } from '../services/chat/service';
import type { Frames } from '../services/frames/service';
import type { PrefsService } from '../services/prefs/service';
import type { Typing } from '../services/typing/service';
import { addAuthRoutes, type RestAuth } from './auth';
import { createRestApp, type RestApp, type RestBindings } from './base';
import { addClaudeLoginRoutes } from './claude-login';
import { addConversationRoutes } from './conversation';
import { addDocumentRoutes } from './docs';
import { addEgressRoutes } from './egress';
import { addEventRoutes } from './events';
import { addFileRoutes } from './files';
import { addFrameRoutes } from './frames';
import { addHealthRoute } from './health';
import { addHookRoutes } from './hooks';
import { addLoginRoutes } from './login';
import { addNetworkRoutes } from './network';
import { addPolicyRoutes } from './policies';
import { addPoolRoutes } from './pools';
import { addPortRoutes } from './ports';
import { addPrefsRoutes } from './prefs';
import { addPresetRoutes } from './presets';
import { addProviderRoutes } from './providers';
import { addSandboxRoutes } from './sandboxes';
import { addSessionControlRoutes, type SessionControl } from './session-control';
import { addSessionStreams } from './session-streams';
import { addSessionRoutes } from './sessions';
import { addShellRoutes } from './shells';
import { addSocketDocuments } from './sockets';
import { addSshKeyRoutes } from './ssh-keys';
import { addTaskRoutes } from './tasks';
import { addTokenRoutes } from './tokens';
import { addUsageRoutes } from './usage';
import { addWorkspaceRoutes } from './workspaces';

export interface RestOptions {
  services: Services;
  frames: Frames;
  chat: Chat;
  typing: Typing;
  prefs: PrefsService;
  headless: boolean;
  history: SessionControl['history'];
  auth: RestAuth;
  live: Live;
  sockets: OpenSockets;
  version: string;
  /** Logs what the client must not see. */
  report(error: AppError, requestId: string): void;
}

/** 405 with `Allow` where only the method is wrong, else 404. */
function addFallback(app: RestApp): void {
  app.notFound((c) => {
    const allowed = new Set<string>();
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const [handlers] = app.router.match(method, c.req.path);
      // The one that asks for scopes is before everything.
      if (handlers.some(([[, route]]) => route.method !== METHOD_NAME_ALL)) allowed.add(method);
    }
    const error = new AppError(allowed.size > 0 ? 'method_not_allowed' : 'not_found');
    if (allowed.size > 0) c.header('allow', [...allowed].join(', '));
    return c.json(errorBody(error, c.env.requestId), allowed.size > 0 ? 405 : 404);
  });
}

export function createRest(options: RestOptions): {
  app: RestApp;
  /** Answers a request that the access table let through; never throws. */
  handle(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    caller: Pick<RestBindings, 'identity' | 'requestId'>,
  ): Promise<void>;
} {
  const app = createRestApp();
  addAuthRoutes(app, options);
  addWorkspaceRoutes(app, options);
  addSandboxRoutes(app, options);
  addSessionRoutes(app, options);
  addFrameRoutes(app, options);
  addFileRoutes(app, options);
  addPortRoutes(app, options);
  addSessionControlRoutes(app, options);
  addConversationRoutes(app, options);
  addSessionStreams(app, options);
  addSocketDocuments(app);
  addShellRoutes(app, options);
  addPrefsRoutes(app, options);
  addHealthRoute(app, options);
  addUsageRoutes(app, options.services);
  addLoginRoutes(app, options);
  addClaudeLoginRoutes(app, options);
  addProviderRoutes(app, options);
  addHookRoutes(app, options);
  addTaskRoutes(app, options);
  addTokenRoutes(app, options);
  addSshKeyRoutes(app, options);
  addEgressRoutes(app, options);
  addPoolRoutes(app, options);
  addPolicyRoutes(app, options);
  addPresetRoutes(app, options);
  addNetworkRoutes(app, options);
  addEventRoutes(app, options);
  addDocumentRoutes(app, options);
  addFallback(app);
  app.onError((thrown, c) => {
    // Hono throws its own HTTPException for a body that is no JSON.
    const malformed = 'status' in thrown && thrown.status === 400;
    const error = malformed
      ? new AppError('invalid_input', 'The body is not valid JSON.')
      : toAppError(thrown);
    if (error.code === 'internal') options.report(error, c.env.requestId);
    if (error.retryAfterSeconds !== undefined) c.header('retry-after', String(error.retryAfterSeconds));
    // Every status in the error table is one that may carry a body.
    return c.json(errorBody(error, c.env.requestId), error.entry.http as ContentfulStatusCode);
  });

  return {
    app,
    async handle(incoming, outgoing, caller) {
      const listener = getRequestListener(
        (request) => app.fetch(request, { incoming, outgoing, ...caller }),
        {
          overrideGlobalObjects: false,
        },
      );
      await listener(incoming, outgoing);
    },
  };
}
