/** The parts of the gateway as they see each other. compose.ts builds them; nobody imports another's insides. */
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import type { PrismaClient } from '../prisma/generated/client';
import type {
  AgentCheck,
  AgentInput,
  AgentNotice,
  AgentOp,
  AgentOutput,
  AgentStep,
} from '../shared/agent-api';
import type {
  BindingView,
  bindSchema,
  createEgressSchema,
  EgressView,
  egressHistorySchema,
  ImportPreview,
  PolicyPreview,
  PolicyView,
  PoolView,
  PresetPreview,
  ProofEvent,
  policyVersionSchema,
  SandboxNetworkView,
  SubscriptionView,
  savePolicySchema,
  savePoolSchema,
  saveSubscriptionSchema,
  TrafficView,
  updateEgressSchema,
} from '../shared/egress-views';
import type { PresetView, presetVersionSchema, savePresetSchema } from '../shared/policy-presets';
import type { Proof } from '../shared/proof';
import type { Scope } from '../shared/scopes';
import type {
  AuditView,
  BrowserSessionView,
  createSandboxSchema,
  createSessionSchema,
  HealthView,
  LiveEvent,
  Me,
  Preferences,
  SandboxView,
  SessionView,
  TaskView,
  UserView,
  updateSandboxSchema,
  WorkspaceView,
} from '../shared/views';
import type { FilesServices } from './files-contracts';
import type { SshKeys } from './services/ssh-keys/service';
import type { Tokens } from './services/tokens/service';
import type { SessionServices } from './session-contracts';
import type { UsageServices } from './usage/contract';

export type Db = PrismaClient;
/** A transaction or the client itself. */
export type DbOrTx = Pick<PrismaClient, Exclude<keyof PrismaClient, `$${string}`>>;

/**
 * Who asks, by which means, from where. Made once per request or upgrade; never cached. `role` is `admin` only where
 * the token holds that scope, too.
 */
export interface Identity {
  readonly userId: string;
  readonly username: string;
  readonly role: 'admin' | 'user';
  readonly via: 'browser' | 'token' | 'ssh-key';
  /** AuthSession, ApiToken or SshKey id: when it is revoked, open sockets of this identity are closed. */
  readonly credentialId: string;
  /** Somebody else made the password: nothing but changing it is open, see `requireOwnPassword`. */
  readonly mustChangePassword: boolean;
  /** Of a token; null of a browser's log-in: all that its user may. */
  readonly scopes: readonly Scope[] | null;
  /** Of a token that is bound to one sandbox: it knows of no other. */
  readonly sandboxId: string | null;
  /** When the log-in or the token ends, ms since 1970; null: never by itself. */
  readonly endsAt: number | null;
  readonly address: string;
  readonly userAgent: string;
}

/** Work nobody asked for: the reconciler, the expiry scanner. */
export const systemActor = (part: string): Actor => ({
  userId: null,
  name: `system:${part}`,
  address: null,
  userAgent: null,
});
export interface Actor {
  readonly userId: string | null;
  readonly name: string;
  readonly address: string | null;
  readonly userAgent: string | null;
}
export function actorOf(identity: Identity): Actor {
  return {
    userId: identity.userId,
    name: identity.username,
    address: identity.address,
    userAgent: identity.userAgent,
  };
}

export interface AuditEntry {
  /** Dotted, such as `auth.success`, `admin.user.created`, `sandbox.create`. */
  type: string;
  actor: Actor;
  target?: { type: string; id: string; name: string };
  message: string;
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
}
export interface Audit {
  /** Call it in the same transaction as the change it tells of. */
  record(db: DbOrTx, entry: AuditEntry): Promise<void>;
}

export type LiveChange = Pick<LiveEvent, 'topic' | 'action' | 'subject'> & {
  sandboxId?: string | null;
  workspaceId?: string | null;
  /** Only this user (and admins) may see it. */
  userId?: string | null;
};
/** Ordered log of changes. Rows are written in the caller's transaction; `flush` wakes the readers after commit. */
export interface Live {
  record(db: DbOrTx, change: LiveChange): Promise<void>;
  flush(): void;
  /** Events after `from` and then live, filtered by what this identity may see now. Ends with the signal. */
  subscribe(identity: Identity, from: number | null, signal: AbortSignal): AsyncIterable<LiveEvent>;
}

export interface AgentClient {
  /** Throws AppError: `agent_unreachable` when the socket does not answer, else the agent's own code. */
  call<O extends AgentOp>(
    op: O,
    input: AgentInput<O>,
    options: {
      signal?: AbortSignal;
      onStep?: (step: AgentStep) => void;
      onNotice?: (notice: AgentNotice) => void;
      onCheck?: (check: AgentCheck) => void;
    },
  ): Promise<AgentOutput<O>>;
  /**
   * Raw bytes of `sshd -i` in the sandbox. `early`: also before its release, for a log-in. `onHostKey` is told the key
   * that its agent made for it, `ssh-ed25519 AAAA...`.
   */
  openSsh(
    sandboxId: string,
    signal: AbortSignal,
    options?: { early?: boolean; onHostKey?(key: string): void },
  ): Promise<Duplex>;
}

export interface PtyOptions {
  cols: number;
  rows: number;
  term: string;
}
export interface Pty extends Duplex {
  resize(cols: number, rows: number): void;
}
/** One pooled way into a sandbox; everything above it is the same for docker, kubernetes and a laptop. */
export interface SandboxConnection {
  shell(command: string[], pty: PtyOptions): Promise<Pty>;
  /** Runs to its end; output is capped. */
  exec(
    command: string[],
    options?: {
      input?: Uint8Array | NodeJS.ReadableStream;
      maxBytes?: number;
      signal?: AbortSignal;
      env?: Record<string, string>;
    },
  ): Promise<{ code: number; stdout: Buffer; stderr: Buffer }>;
  tcp(port: number): Promise<Duplex>;
  unix(path: string): Promise<Duplex>;
  /** Accepts connections that processes in the sandbox make to `path`. */
  listenUnix(path: string, onConnection: (stream: Duplex) => void): Promise<{ close(): Promise<void> }>;
  readonly closed: Promise<void>;
  close(): Promise<void>;
}
export interface Connections {
  /** The one connection of a running sandbox, opened when needed and kept; throws AppError. */
  get(sandboxId: string): Promise<SandboxConnection>;
  /** Drops it, as when the sandbox stops. */
  drop(sandboxId: string, reason: string): void;
  /** Open terminals now, for idle judgement and the list. */
  viewers(sessionId: string): number;
}

export interface Services extends EgressServices, SessionServices, UsageServices, FilesServices {
  account: {
    me(identity: Identity): Promise<Me>;
    setPreferences(identity: Identity, input: Partial<Preferences>): Promise<Me>;
    setRegion(identity: Identity, input: { timezone: string; locale: string }): Promise<Me>;
    /** Ends all other browser sessions of the user. */
    changePassword(identity: Identity, input: { current: string; next: string }): Promise<void>;
    browserSessions(identity: Identity): Promise<BrowserSessionView[]>;
    revokeBrowserSession(identity: Identity, id: string): Promise<void>;
  };
  tokens: Tokens;
  sshKeys: SshKeys;
  users: {
    list(identity: Identity): Promise<UserView[]>;
    /** Without a password one is made and returned, once. */
    create(
      identity: Identity,
      input: { username: string; password?: string; role: 'admin' | 'user'; expiresAt: string | null },
    ): Promise<{ user: UserView; password: string }>;
    setStatus(identity: Identity, input: { id: string; status: 'active' | 'disabled' }): Promise<UserView>;
    setRole(identity: Identity, input: { id: string; role: 'admin' | 'user' }): Promise<UserView>;
    setExpiry(identity: Identity, input: { id: string; expiresAt: string | null }): Promise<UserView>;
    resetPassword(
      identity: Identity,
      input: { id: string; password?: string },
    ): Promise<{ password: string }>;
    /** Refused while the user owns sandboxes. */
    remove(identity: Identity, id: string): Promise<void>;
  };
  workspaces: {
    list(identity: Identity): Promise<WorkspaceView[]>;
    get(identity: Identity, id: string): Promise<WorkspaceView>;
    create(identity: Identity, input: { name: string }): Promise<WorkspaceView>;
    remove(identity: Identity, id: string): Promise<void>;
    members(
      identity: Identity,
      id: string,
    ): Promise<{ userId: string; username: string; role: WorkspaceView['role'] }[]>;
    addMember(
      identity: Identity,
      input: { workspaceId: string; username: string; role: WorkspaceView['role'] },
    ): Promise<{ userId: string; username: string; role: WorkspaceView['role'] }>;
    setMemberRole(
      identity: Identity,
      input: { workspaceId: string; userId: string; role: WorkspaceView['role'] },
    ): Promise<void>;
    removeMember(identity: Identity, input: { workspaceId: string; userId: string }): Promise<void>;
  };
  sandboxes: {
    /** Own and shared ones; `all` is for admins. */
    list(identity: Identity, filter: { all?: boolean; workspaceId?: string }): Promise<SandboxView[]>;
    get(identity: Identity, id: string): Promise<SandboxView>;
    create(identity: Identity, input: z.output<typeof createSandboxSchema>): Promise<SandboxView>;
    update(identity: Identity, input: z.output<typeof updateSandboxSchema>): Promise<SandboxView>;
    request(
      identity: Identity,
      input: {
        id: string;
        action: 'start' | 'stop' | 'pause' | 'resume' | 'rebuild' | 'retry';
        idempotencyKey?: string;
      },
    ): Promise<TaskView>;
    remove(identity: Identity, input: { id: string; idempotencyKey?: string }): Promise<TaskView>;
    usage(
      identity: Identity,
      id: string,
    ): Promise<{
      cpuMs: number;
      memoryBytes: number;
      pids: number;
      rxBytes: number;
      txBytes: number;
      at: string;
    }>;
  };
  sessions: {
    list(identity: Identity, filter: { sandboxId?: string }): Promise<SessionView[]>;
    get(identity: Identity, id: string): Promise<SessionView>;
    /** Throws `not_found` for one of a sandbox that this identity may not use. */
    isKind(identity: Identity, id: string, kind: SessionView['kind']): Promise<boolean>;
    create(identity: Identity, input: z.output<typeof createSessionSchema>): Promise<SessionView>;
    rename(identity: Identity, input: { id: string; name: string }): Promise<SessionView>;
    end(identity: Identity, id: string): Promise<SessionView>;
  };
  tasks: {
    list(
      identity: Identity,
      filter: { sandboxId?: string; state?: TaskView['state']; limit: number },
    ): Promise<TaskView[]>;
    get(identity: Identity, id: string): Promise<TaskView>;
    cancel(identity: Identity, id: string): Promise<TaskView>;
  };
  admin: {
    health(identity: Identity): Promise<HealthView>;
    audit(
      identity: Identity,
      /** Older than the event with this time and id; without the id, than the time. */
      filter: { type?: string; before?: string; beforeId?: string; limit: number },
    ): Promise<AuditView[]>;
  };
}

export interface EgressServices {
  /** Ways out. All of it is for administrators, but for `ofSandbox`, `prove`, `traffic` and `allow` of one's own. */
  egress: {
    list(identity: Identity): Promise<EgressView[]>;
    get(identity: Identity, id: string): Promise<EgressView>;
    create(identity: Identity, input: z.output<typeof createEgressSchema>): Promise<EgressView>;
    update(identity: Identity, input: z.output<typeof updateEgressSchema>): Promise<EgressView>;
    /** Throws `egress_in_use`. */
    remove(identity: Identity, id: string): Promise<void>;
    /** Makes a WireGuard key with the agent, for `config.keyId`. */
    newWireguardKey(identity: Identity): Promise<{ keyId: string; publicKey: string }>;
    previewImport(identity: Identity, input: { text: string }): Promise<ImportPreview>;
    /** All of the named lines or none. */
    import(identity: Identity, input: { text: string; lines: number[] }): Promise<EgressView[]>;
    /** Share link, WireGuard .conf or sing-box JSON with the secrets: audited. */
    export(
      identity: Identity,
      input: { id: string; format: 'link' | 'wireguard' | 'sing-box' },
    ): Promise<{ text: string }>;
    /** Tries a saved egress or one that is not saved yet; the events end with `proof` or `error`. */
    test(
      identity: Identity,
      input: { id: string } | z.output<typeof createEgressSchema>,
      signal: AbortSignal,
    ): AsyncIterable<ProofEvent>;
    history(identity: Identity, id: string): Promise<z.output<typeof egressHistorySchema>>;
    /** Of all sandboxes and tests through it, newest first. */
    proofs(identity: Identity, input: { id: string; limit: number }): Promise<Proof[]>;
    pools(identity: Identity): Promise<PoolView[]>;
    savePool(identity: Identity, input: z.output<typeof savePoolSchema>): Promise<PoolView>;
    removePool(identity: Identity, id: string): Promise<void>;
    bindings(identity: Identity): Promise<BindingView[]>;
    /** Both ids null: unbound. Running sandboxes that it concerns are switched by tasks, which it returns. */
    bind(identity: Identity, input: z.output<typeof bindSchema>): Promise<TaskView[]>;
    subscriptions(identity: Identity): Promise<SubscriptionView[]>;
    saveSubscription(
      identity: Identity,
      input: z.output<typeof saveSubscriptionSchema>,
    ): Promise<SubscriptionView>;
    /** Fetches now; what changed waits in `pending` unless it applies by itself. */
    refreshSubscription(identity: Identity, id: string): Promise<SubscriptionView>;
    applySubscription(identity: Identity, id: string): Promise<SubscriptionView>;
    removeSubscription(identity: Identity, id: string): Promise<void>;
  };
  policies: {
    list(identity: Identity): Promise<PolicyView[]>;
    get(identity: Identity, input: { target: PolicyView['target']; targetId: string }): Promise<PolicyView>;
    preview(identity: Identity, input: z.output<typeof savePolicySchema>): Promise<PolicyPreview>;
    /** Throws `invalid_input` for a guard, `conflict` for another base version. Running sandboxes follow by tasks. */
    apply(
      identity: Identity,
      input: z.output<typeof savePolicySchema>,
    ): Promise<{ policy: PolicyView; tasks: TaskView[] }>;
    versions(
      identity: Identity,
      input: { target: PolicyView['target']; targetId: string },
    ): Promise<z.output<typeof policyVersionSchema>[]>;
    /** Makes an old version the newest one. */
    rollBack(
      identity: Identity,
      input: { target: PolicyView['target']; targetId: string; version: number },
    ): Promise<{ policy: PolicyView; tasks: TaskView[] }>;
    /** One tap on a denied name: adds it to the sandbox's own policy. */
    allow(identity: Identity, input: { sandboxId: string; host: string }): Promise<TaskView[]>;
    presets(identity: Identity): Promise<PresetView[]>;
    previewPreset(identity: Identity, input: z.output<typeof savePresetSchema>): Promise<PresetPreview>;
    /** As `apply`; each policy that takes it in becomes a new version. */
    savePreset(
      identity: Identity,
      input: z.output<typeof savePresetSchema>,
    ): Promise<{ preset: PresetView; tasks: TaskView[] }>;
    presetVersions(identity: Identity, id: string): Promise<z.output<typeof presetVersionSchema>[]>;
    rollBackPreset(
      identity: Identity,
      input: { id: string; version: number },
    ): Promise<{ preset: PresetView; tasks: TaskView[] }>;
    /** Throws `wrong_state` naming the policies that take it in. */
    removePreset(identity: Identity, id: string): Promise<void>;
  };
  network: {
    ofSandbox(identity: Identity, sandboxId: string): Promise<SandboxNetworkView>;
    proofs(identity: Identity, input: { sandboxId: string; limit: number }): Promise<Proof[]>;
    prove(identity: Identity, sandboxId: string, signal: AbortSignal): AsyncIterable<ProofEvent>;
    traffic(identity: Identity, sandboxId: string): Promise<TrafficView>;
  };
}

/** May this identity use, or manage, this sandbox? Throws `not_found` when it may not even see it, else `forbidden`. */
export type SandboxAccess = (identity: Identity, sandboxId: string, need: 'use' | 'manage') => Promise<void>;

/** Ends what is open for a credential, a user or a sandbox: sockets register here and are closed by code. */
export interface OpenSockets {
  register(entry: {
    identity: Identity;
    sandboxId: string | null;
    close: (code: 'unauthenticated' | 'forbidden' | 'gone' | 'not_found') => void;
  }): () => void;
  closeCredential(credentialId: string): void;
  closeUser(userId: string): void;
  /**
   * After a role or a membership has changed: what this user may not use any more ends. What hangs on no sandbox ends
   * in any case: such readers come back by themselves and get what they may see now.
   */
  review(userId: string): Promise<void>;
}
