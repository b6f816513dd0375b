/** The part of the composition that is about Claude sessions: providers, log-in, history, watching, notifications. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { AppError } from '../shared/errors';
import type { Scope } from '../shared/lifecycle';
import { createSecretBox } from './auth/secret-box';
import type { Config } from './config';
import type { Audit, Db, Live, SandboxAccess } from './contracts';
import type { Activity } from './gateway/activity';
import type { AnthropicProxy } from './gateway/anthropic-proxy';
import type { GatewayConnections } from './gateway/connections';
import { createDialer } from './gateway/upstreams';
import type { ClaudeFigures } from './http/metrics';
import { createNotifyJob } from './jobs/notify';
import { createWatch } from './jobs/watch';
import { createWatchStore } from './jobs/watch-store';
import { checkAddress } from './outbound/addresses';
import { type Chat, createChat } from './services/chat/service';
import { createFrames, type Frames } from './services/frames/service';
import { createHistory, type History } from './services/history/service';
import { createHookPush, type HookPush } from './services/hooks/push';
import { createHooks } from './services/hooks/service';
import { createHookRows } from './services/hooks/stored';
import { createLayouts } from './services/layouts/service';
import { createLogin } from './services/login/service';
import { createNotify } from './services/notifications/notify';
import { createPushSender } from './services/notifications/push';
import { createNotifications } from './services/notifications/service';
import { loadVapidKeys } from './services/notifications/vapid';
import { createPrefs, type PrefsService } from './services/prefs/service';
import { probeUpstream } from './services/providers/probe';
import { createProviderRefs, type ProviderRefs } from './services/providers/refs';
import { createProviderSecrets } from './services/providers/secrets';
import { createProviders } from './services/providers/service';
import { createSessionUpstreams, type SessionUpstreams } from './services/providers/upstreams';
import { createSessionOptions } from './services/sessions/options';
import { createSessions, type SessionsService } from './services/sessions/service';
import { createTyping, type Typing } from './services/typing/service';
import type { SessionServices } from './session-contracts';

export interface ClaudeParts {
  sessions: SessionsService;
  services: SessionServices;
  frames: Frames;
  history: History;
  chat: Chat;
  typing: Typing;
  prefs: PrefsService;
  providers: ProviderRefs;
  upstreams: SessionUpstreams;
  /** What a sandbox that connects, or is made, has to have of users' hooks. */
  hooks: HookPush;
  /** New notifications are there to be pushed. */
  wakePushes(): void;
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
    proxy: AnthropicProxy;
    /** Where Anthropic's API is. */
    anthropicUrl: string;
    /** Folder of keys. */
    keys: string;
    push: Config['push'];
    providerReach: Config['providerReach'];
  },
): ClaudeParts {
  const { db, live, audit, log, access, connections, activity, masterKey } = options;
  const gatewayKey = options.proxy.configured;
  const box = createSecretBox(masterKey);
  const refs = createProviderRefs({ db, gatewayKey });
  const secrets = createProviderSecrets(box);
  const own = options.proxy.upstream;
  const dialer = scope.own('probes', createDialer());
  const upstreams = createSessionUpstreams({
    ...{ db, secrets, refs, own },
    baseUrl: options.anthropicUrl,
    reach: options.providerReach,
  });
  const providers = createProviders({
    ...{ db, live, audit, refs, secrets, gatewayKey },
    checkBaseUrl: (url) =>
      checkAddress({
        ...{ url, field: 'baseUrl', reach: options.providerReach },
        ...(options.providerReach === 'public' ? { setting: 'PROVIDER_PRIVATE_HOSTS' } : {}),
      }),
    changed: () => upstreams.forget(),
    probe: async (row, model) => {
      const upstream = row === null ? own : upstreams.ofRow(row);
      if (!upstream) throw new AppError('not_found');
      return probeUpstream(dialer, upstream, model);
    },
  });
  const hookRows = createHookRows(box);
  const hookPush = createHookPush({
    ...{ db, log, rows: hookRows, command: connections.commands.hooks() },
    peek: (id) => connections.peek(id),
  });
  const requireProvider = providers.requireUsable;
  const sessions = createSessions({
    ...{ db, live, audit, log, access, connections, requireProvider },
    providers: refs,
    sessionEnv: options.proxy.sessionEnv,
    hooks: { write: hookRows.write, push: hookPush.push },
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
    createWatchStore({
      ...{ db, live, log, listener: notify },
      onActivity: (id) => activity.touch(id),
      onModel: (id) => void sessions.rewrite(id),
    }),
  );
  const watch = scope.own('watch', createWatch({ db, log, store, peek: (id) => connections.peek(id) }));
  return {
    sessions,
    frames,
    providers: refs,
    upstreams,
    hooks: hookPush,
    history: createHistory({ db, access }),
    chat: createChat({ db, access, frames }),
    typing: createTyping({
      ...{ db, access, connections },
      onActivity: (sandboxId, sessionId) => activity.touch(sandboxId, sessionId),
    }),
    prefs: createPrefs({ db, requireProvider }),
    services: {
      sessionOptions: createSessionOptions({
        ...{ db, live, audit, access, requireProvider },
        switchModel: (identity, { id, model }) => frames.call(identity, 'model', { id, input: { model } }),
        restart: async (id) => {
          upstreams.forget();
          await sessions.restart(id);
        },
        stored: () => upstreams.forget(),
        view: (id) => sessions.view(id),
      }),
      layouts: createLayouts({ db, access }),
      providers,
      hooks: createHooks({ db, live, audit, access, connections, rows: hookRows, push: hookPush }),
      notifications: createNotifications({
        ...{ db, live, audit, box, masterKey },
        publicKey: vapid.publicKey,
        checkEndpoint: (url) => checkAddress({ url, field: 'endpoint', reach: options.push.reach }),
        deliver: (id) => pushes.deliver(id),
      }),
      login: scope.own('log-ins', createLogin({ db, live, audit, log, access, connections })),
    },
    wakePushes: () => pushes.wake(),
    figures: { streams: () => watch.streams(), watched: store.figures, pushes: pushes.figures },
    jobs: [watch, pushes],
  };
}
