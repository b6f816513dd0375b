/** The services around Claude sessions, as the edges see them; the others stand in contracts.ts. */
import type { z } from 'zod';
import type {
  HookList,
  HookPlace,
  HookTest,
  SavedHooks,
  saveHooksSchema,
  testHookSchema,
} from '../shared/hooks';
import type {
  NotificationPreferences,
  notificationListSchema,
  PushDeviceView,
  PushSubscriptionInput,
} from '../shared/notifications';
import type {
  createProviderSchema,
  LoginView,
  ProviderProbe,
  ProviderView,
  updateProviderSchema,
} from '../shared/providers';
import type { layoutSchema, SessionView, sessionOptionsSchema } from '../shared/views';
import type { Identity } from './contracts';

export type Layout = z.output<typeof layoutSchema>;

export interface SessionServices {
  sessionOptions: {
    /** Throws `conflict` while a turn runs and the change needs Claude to be started again. */
    set(identity: Identity, input: z.output<typeof sessionOptionsSchema>): Promise<SessionView>;
  };
  layouts: {
    /** Null: none was kept. */
    get(identity: Identity, sandboxId: string): Promise<{ layout: Layout | null }>;
    set(identity: Identity, input: { sandboxId: string; layout: Layout }): Promise<void>;
  };
  /** One's own ones, and those that administrators share. */
  providers: {
    list(identity: Identity): Promise<ProviderView[]>;
    create(identity: Identity, input: z.output<typeof createProviderSchema>): Promise<ProviderView>;
    update(identity: Identity, input: z.output<typeof updateProviderSchema>): Promise<ProviderView>;
    /** Throws `conflict` while open sessions use it: they would fall to somebody else's account. */
    remove(identity: Identity, id: string): Promise<void>;
    probe(identity: Identity, input: { id: string; model?: string | undefined }): Promise<ProviderProbe>;
    /** As `probe`, of one that is not kept. */
    probeNew(
      identity: Identity,
      input: { provider: z.output<typeof createProviderSchema>; model?: string | undefined },
    ): Promise<ProviderProbe>;
  };
  notifications: {
    list(
      identity: Identity,
      filter: { before?: string | undefined; unread?: boolean | undefined },
    ): Promise<z.output<typeof notificationListSchema>>;
    /** Without ids all of them. */
    read(identity: Identity, input: { ids?: string[] | undefined }): Promise<{ unread: number }>;
    /** The application server key that a browser subscribes with, base64url. */
    publicKey(identity: Identity): Promise<{ publicKey: string }>;
    devices(identity: Identity): Promise<PushDeviceView[]>;
    /** The same endpoint again is the same device. */
    subscribe(
      identity: Identity,
      input: { label: string; subscription: PushSubscriptionInput },
    ): Promise<PushDeviceView>;
    unsubscribe(
      identity: Identity,
      input: { id?: string | undefined; endpoint?: string | undefined },
    ): Promise<void>;
    preferences(identity: Identity): Promise<NotificationPreferences>;
    setPreferences(
      identity: Identity,
      input: Partial<NotificationPreferences>,
    ): Promise<NotificationPreferences>;
    /** Makes a notification and pushes it at once, quiet hours or not; to one device or to all. */
    test(
      identity: Identity,
      input: { deviceId?: string | undefined },
    ): Promise<z.output<typeof notificationListSchema>['notifications'][number]>;
  };
  /** Users' hooks: of a workspace its members see and its owners and maintainers change; else who may use the sandbox. */
  hooks: {
    get(identity: Identity, place: HookPlace): Promise<HookList>;
    /** The whole list. Throws `conflict` when it is another one than `revision`. */
    save(
      identity: Identity,
      input: z.output<typeof saveHooksSchema> & { place: HookPlace },
    ): Promise<SavedHooks>;
    /** Runs one hook once in a running sandbox, for no session. */
    test(identity: Identity, input: z.output<typeof testHookSchema>): Promise<HookTest>;
  };
  /** Claude's own log-in in a sandbox; one at a time. */
  login: {
    start(identity: Identity, sandboxId: string): Promise<LoginView>;
    code(identity: Identity, input: { sandboxId: string; code: string }): Promise<LoginView>;
    cancel(identity: Identity, sandboxId: string): Promise<LoginView>;
    /** Claude Code in the sandbox forgets who is logged in; sessions on keys are not touched. */
    logout(identity: Identity, sandboxId: string): Promise<void>;
    /** Also asks Claude whether somebody is logged in already. */
    status(identity: Identity, sandboxId: string): Promise<LoginView>;
    /** Each stage of the log-in that was started last, as it comes; ends with it or with the signal, which ends nothing. */
    follow(identity: Identity, sandboxId: string, signal: AbortSignal): AsyncIterable<LoginView>;
  };
}
