/**
 * The gateway's byte streams: one pooled SSH connection per running sandbox, kept warm, with the sandbox's way back
 * to the Claude API on it; terminals, uploads and the API proxy above it.
 */
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { AppError, toAppError } from '../../shared/errors';
import { SANDBOX_GATEWAY_SOCKET, SANDBOX_USER } from '../../shared/names';
import type { AgentClient, Connections, Db } from '../contracts';
import { PooledConnection } from './connection';
import type { GatewayKey } from './key';
import { SessionCommands } from './sandbox-command';
import { SshLink } from './ssh-link';

/** How often rows are compared with open connections, so that an attach is warm and the proxy path is there. */
const KEEP_WARM_MS = 2_000;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 15_000;
/** An early log-in that nobody has taken by then is given up: its sandbox's start takes too long or has failed. */
const EARLY_MAX_MS = 60_000;
/** States in which no SSH server can be there; in all others the agent knows best. */
const NOT_RUNNING = new Set(['stopped', 'stopping', 'paused', 'pausing', 'deleting', 'error']);

export interface ConnectionsOptions {
  agent: AgentClient;
  db: Db;
  log: Logger;
  gatewayKey: GatewayKey;
  /** The Claude API for one sandbox: its provider.env, and who serves what comes through its own stream. */
  provider: { env(sandboxId: string): string; serve(sandboxId: string, stream: Duplex): void };
  /** What has to be in the sandbox before a session starts there again. A failure is logged, and tried with the next connection. */
  bring?: (sandboxId: string, connection: PooledConnection) => Promise<void>;
  /** Only tests have a machine whose user and paths differ from the image's. */
  paths?: { user?: string; sessionCommand?: string; gatewaySocket?: string };
}

export interface GatewayConnections extends Connections {
  get(sandboxId: string): Promise<PooledConnection>;
  /**
   * A sandbox takes log-ins and is not released yet: logs in already. What is opened so is used from `released` on, and
   * by nobody before. Never throws.
   */
  expect(sandboxId: string): void;
  /** It may run programs from now on: opens its connection. `provided`: provider.env is there already. Never throws. */
  released(sandboxId: string, how?: { provided: boolean }): void;
  /** As `get`, but provider.env and the way back to the Claude API may still be on their way. */
  begun(sandboxId: string): Promise<PooledConnection>;
  /** The open connection, if there is one now: never opens. */
  peek(sandboxId: string): PooledConnection | null;
  readonly commands: SessionCommands;
  /** A terminal was opened on this session; call the result when it is closed. */
  addViewer(sessionId: string, changed: (viewers: number) => void): () => void;
  /** Begins to keep running sandboxes connected. */
  start(): void;
  close(): Promise<void>;
}

interface Opened {
  link: SshLink;
  locale: string;
}

interface Entry {
  early: Promise<Opened | null> | null;
  released: boolean;
  /** Of the next connection: provider.env was written at the release. */
  provided: boolean;
  /** Logged in; `opening` is that and all that belongs to it. */
  linked: Promise<PooledConnection> | null;
  opening: Promise<PooledConnection> | null;
  open: PooledConnection | null;
  failures: number;
  retryAt: number;
  cancel: AbortController;
}

export function createConnections(options: ConnectionsOptions): GatewayConnections {
  const { agent, db, log } = options;
  const user = options.paths?.user ?? SANDBOX_USER;
  const gatewaySocket = options.paths?.gatewaySocket ?? SANDBOX_GATEWAY_SOCKET;
  const commands = new SessionCommands(options.paths?.sessionCommand);
  const entries = new Map<string, Entry>();
  const viewers = new Map<string, Set<(viewers: number) => void>>();
  let closing = false;
  let timer: NodeJS.Timeout | null = null;

  async function openLink(id: string, signal: AbortSignal, early = false): Promise<Opened> {
    const row = await db.sandbox.findUnique({
      where: { id },
      select: { state: true, hostKey: true, locale: true },
    });
    if (!row) throw new AppError('not_found');
    if (NOT_RUNNING.has(row.state)) throw new AppError('sandbox_not_running');
    // The row's key is the pin. Before the task engine has written it, the agent (who made the key) tells it.
    let hostKey = row.hostKey;
    const onHostKey = (key: string) => {
      hostKey ??= key;
    };
    const stream = await agent.openSsh(id, signal, { early, onHostKey });
    if (hostKey === null) {
      stream.destroy();
      throw new AppError('sandbox_not_running');
    }
    const link = await SshLink.open({
      stream,
      username: user,
      privateKey: options.gatewayKey.privateKey,
      hostKey,
    });
    if (!signal.aborted) return { link, locale: row.locale };
    await link.close();
    throw new AppError('sandbox_not_running');
  }

  async function takeEarly(entry: Entry): Promise<Opened | null> {
    if (!entry.released) return null;
    const { early } = entry;
    entry.early = null;
    const opened = await early;
    return opened && !opened.link.isClosed ? opened : null;
  }

  async function endEarly(entry: Entry): Promise<void> {
    const { early } = entry;
    entry.early = null;
    await (await early)?.link.close();
  }

  async function logIn(id: string, entry: Entry): Promise<PooledConnection> {
    const { signal } = entry.cancel;
    const { link, locale } = (await takeEarly(entry)) ?? (await openLink(id, signal));
    return new PooledConnection(link, { LANG: locale, COLORTERM: 'truecolor' }, async () => {
      const another = await openLink(id, signal);
      return another.link;
    });
  }

  async function prepare(id: string, entry: Entry, connection: PooledConnection): Promise<void> {
    const { provided, cancel } = entry;
    entry.provided = false;
    // Neither may keep a person out of the terminal: a full disk refuses the file, and that is mended by typing.
    await Promise.all([
      provided ||
        connection
          .exec(commands.provider(), { input: Buffer.from(options.provider.env(id)) })
          .then(({ code, stderr }) => {
            if (code !== 0)
              log.warn(
                { sandbox: id, code, stderr: stderr.toString().slice(0, 500) },
                'provider.env was not written',
              );
          })
          .catch((error: unknown) => log.warn({ sandbox: id, err: error }, 'provider.env was not written')),
      connection
        .listenUnix(gatewaySocket, (stream) => options.provider.serve(id, stream))
        .catch((error: unknown) => log.warn({ sandbox: id, err: error }, 'no way back from the sandbox')),
      options
        .bring?.(id, connection)
        .catch((error: unknown) => log.warn({ sandbox: id, err: error }, 'choices were not brought in')),
    ]);
    if (connection.isClosed || cancel.signal.aborted) {
      await connection.close();
      throw new AppError('unavailable', 'The connection to the sandbox was lost.');
    }
  }

  async function connect(id: string, entry: Entry): Promise<PooledConnection> {
    entry.linked = logIn(id, entry);
    const connection = await entry.linked;
    await prepare(id, entry, connection);
    return connection;
  }

  function entryOf(id: string): Entry {
    let entry = entries.get(id);
    if (!entry) {
      entry = {
        ...{
          early: null,
          released: false,
          provided: false,
          linked: null,
          opening: null,
          open: null,
          failures: 0,
          retryAt: 0,
        },
        cancel: new AbortController(),
      };
      entries.set(id, entry);
    }
    return entry;
  }

  function open(id: string): Promise<PooledConnection> {
    if (closing) return Promise.reject(new AppError('unavailable', 'The gateway is stopping.'));
    const entry = entryOf(id);
    if (entry.open && !entry.open.isClosed) return Promise.resolve(entry.open);
    entry.opening ??= connect(id, entry).then(
      (connection) => {
        entry.opening = null;
        entry.open = connection;
        entry.failures = 0;
        log.debug({ sandbox: id }, 'connected to the sandbox');
        void connection.closed.then(() => {
          if (entry.open === connection) entry.open = null;
          if (entries.get(id) === entry)
            log.info({ sandbox: id }, 'connection to the sandbox ended; opens again when needed');
        });
        return connection;
      },
      (error: unknown) => {
        entry.opening = null;
        entry.failures += 1;
        entry.retryAt =
          Date.now() + Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(entry.failures, 10));
        throw toAppErrorOf(error);
      },
    );
    return entry.opening;
  }

  function drop(id: string, reason: string): void {
    const entry = entries.get(id);
    if (!entry) return;
    entries.delete(id);
    entry.cancel.abort();
    void endEarly(entry);
    log.debug({ sandbox: id, reason }, 'connection dropped');
    void entry.open?.close();
  }

  let warming: Promise<void> = Promise.resolve();
  async function keepWarm(): Promise<void> {
    const rows = await db.sandbox.findMany({
      where: { state: { in: ['running', 'unavailable'] } },
      select: { id: true },
    });
    const running = new Set(rows.map((row) => row.id));
    // A row that does not run has no use for back-off either; a starting one may hold a connection already.
    for (const [id, entry] of entries) {
      if (!running.has(id) && !entry.open && !entry.opening && !entry.early) entries.delete(id);
    }
    for (const id of running) {
      const entry = entryOf(id);
      if (closing || entry.opening || (entry.open && !entry.open.isClosed) || Date.now() < entry.retryAt)
        continue;
      void open(id).catch((error: unknown) => {
        // Once per row of failures: a sandbox whose host is gone would fill the log.
        if (entry.failures === 1)
          log.warn({ sandbox: id, err: error }, 'cannot connect to the sandbox, will try again');
      });
    }
  }

  return {
    commands,
    get: open,
    begun(id) {
      const whole = open(id);
      const { linked, opening } = entryOf(id);
      if (opening === null || linked === null) return whole;
      whole.catch(() => undefined);
      return linked.catch(() => whole);
    },
    expect(id) {
      if (closing) return;
      const entry = entryOf(id);
      if (entry.early || entry.opening || (entry.open && !entry.open.isClosed)) return;
      entry.released = false;
      const early = openLink(id, entry.cancel.signal, true).catch((error: unknown) => {
        log.debug({ sandbox: id, err: error }, 'no early log-in');
        return null;
      });
      entry.early = early;
      setTimeout(() => {
        if (entry.early === early) void endEarly(entry);
      }, EARLY_MAX_MS).unref();
    },
    released(id, { provided } = { provided: false }) {
      if (closing) return;
      const entry = entryOf(id);
      entry.released = true;
      entry.provided = provided;
      // Whoever needs it next asks again, and hears then what is wrong.
      void open(id).catch(() => undefined);
    },
    peek: (id) => {
      const connection = entries.get(id)?.open ?? null;
      return connection && !connection.isClosed ? connection : null;
    },
    drop,
    viewers: (sessionId) => viewers.get(sessionId)?.size ?? 0,
    addViewer(sessionId, changed) {
      const set = viewers.get(sessionId) ?? new Set();
      viewers.set(sessionId, set);
      // The same function twice must count twice.
      const mine = (count: number) => changed(count);
      set.add(mine);
      for (const tell of set) if (tell !== mine) tell(set.size);
      return () => {
        if (!set.delete(mine)) return;
        if (set.size === 0 && viewers.get(sessionId) === set) viewers.delete(sessionId);
        for (const tell of set) tell(set.size);
      };
    },
    start() {
      const tick = () => {
        warming = keepWarm().catch((error: unknown) =>
          log.error({ err: error }, 'keeping connections failed'),
        );
        void warming.then(() => {
          if (!closing) timer = setTimeout(tick, KEEP_WARM_MS);
        });
      };
      tick();
    },
    async close() {
      closing = true;
      if (timer) clearTimeout(timer);
      await warming;
      const all = [...entries.values()];
      entries.clear();
      for (const entry of all) entry.cancel.abort();
      await Promise.all(
        all.map(async (entry) => {
          await endEarly(entry);
          await entry.opening?.catch(() => undefined);
          await entry.open?.close();
        }),
      );
    },
  };
}

/** Whatever the stream or ssh2 threw, a caller gets a code that says: not now, try again. */
function toAppErrorOf(error: unknown): AppError {
  const app = toAppError(error);
  return app.code === 'internal'
    ? new AppError('unavailable', 'The sandbox cannot be reached right now.', { cause: error })
    : app;
}
