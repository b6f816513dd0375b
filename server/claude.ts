/** The part of the composition that is about Claude sessions: providers, log-in, history, watching, notifications. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { AppError } from '../shared/errors';
import type { Scope } from '../shared/lifecycle';
import { createSecretBox } from './auth/secret-box';
import type { Config } from './config';
import type { Audit, Db, Live, SandboxAccess } from './contracts';
import type { Activity } from './gateway/activity';
import type { GatewayConnections } from './gateway/connections';
import type { ClaudeFigures } from './http/metrics';
import { createNotifyJob } from './jobs/notify';
import { createWatch } from './jobs/watch';
import { createWatchStore } from './jobs/watch-store';
import { checkAddress } from './outbound/addresses';
import { createFrames, type Frames } from './services/frames/service';
import { createHistory, type History } from './services/history/service';
import { createLayouts } from './services/layouts/service';
import { createLogin } from './services/login/service';
import { createNotify } from './services/notifications/notify';
import { createPushSender } from './services/notifications/push';
import { createNotifications } from './services/notifications/service';
import { loadVapidKeys } from './services/notifications/vapid';
import { createProviderRefs, type ProviderRefs } from './services/providers/refs';
import { createProviderSecrets } from './services/providers/secrets';
import { createProviders } from './services/providers/service';
import { createSessionOptions } from './services/sessions/options';
import { createSessions, type SessionsService } from './services/sessions/service';
import type { SessionServices } from './session-contracts';

export interface ClaudeParts {
  sessions: SessionsService;
  services: SessionServices;
  frames: Frames;
  history: History;
  providers: ProviderRefs;
  /** For /metrics. */
  figures: ClaudeFigures;
  /** To be started when all is there to serve it. */
  jobs: { start(): void }[];
}

export function buildClaude(
  scope: Scope,
  options: {
    db: Db;
    live: Live;
    audit: Audit;
    log: Logger;
    masterKey: Buffer;
    access: SandboxAccess;
    connections: GatewayConnections;
    activity: Activity;
    /** The gateway's environment holds a key for Claude. */
    gatewayKey: boolean;
    /** Folder of keys. */
    keys: string;
    push: Config['push'];
    providerReach: Config['providerReach'];
  },
): ClaudeParts {
  const { db, live, audit, log, access, connections, activity, masterKey, gatewayKey } = options;
  const box = createSecretBox(masterKey);
  const refs = createProviderRefs({ db, gatewayKey });
  const providers = createProviders({
    ...{ db, live, audit, refs, gatewayKey },
    secrets: createProviderSecrets(box),
    checkBaseUrl: (url) =>
      checkAddress({
        ...{ url, field: 'baseUrl', reach: options.providerReach },
        ...(options.providerReach === 'public' ? { setting: 'PROVIDER_PRIVATE_HOSTS' } : {}),
      }),
    probe: async () => {
      throw new AppError('unavailable');
    },
  });
  const requireProvider = providers.requireUsable;
  const sessions = createSessions({
    ...{ db, live, audit, log, access, connections, requireProvider },
    providers: refs,
  });
  const frames = createFrames({
    ...{ db, access, connections },
    onActivity: (id) => activity.touch(id),
    onModel: (session) => sessions.modelSwitched(session),
  });
  const vapid = loadVapidKeys(join(options.keys, 'vapid'), box);
  const pushes = scope.own(
    'pushes',
    createNotifyJob({
      ...{ db, live, log, box },
      sender: createPushSender({ keys: vapid, ...options.push }),
    }),
  );
  const notify = createNotify({ live, wake: () => pushes.wake() });
  const store = scope.own(
    'watched sessions',
    createWatchStore({ db, live, log, listener: notify, onActivity: (id) => activity.touch(id) }),
  );
  const watch = scope.own('watch', createWatch({ db, log, store, peek: (id) => connections.peek(id) }));
  return {
    sessions,
    frames,
    providers: refs,
    history: createHistory({ db, access }),
    services: {
      sessionOptions: createSessionOptions({
        ...{ db, live, audit, access, requireProvider },
        switchModel: (identity, { id, model }) => frames.call(identity, 'model', { id, input: { model } }),
        restart: (id) => sessions.restart(id),
        view: (id) => sessions.view(id),
      }),
      layouts: createLayouts({ db, access }),
      providers,
      notifications: createNotifications({
        ...{ db, live, audit, box, masterKey },
        publicKey: vapid.publicKey,
        checkEndpoint: (url) => checkAddress({ url, field: 'endpoint', reach: options.push.reach }),
        deliver: (id) => pushes.deliver(id),
      }),
      login: createLogin({ access }),
    },
    figures: { streams: () => watch.streams(), watched: store.figures, pushes: pushes.figures },
    jobs: [watch, pushes],
  };
}
