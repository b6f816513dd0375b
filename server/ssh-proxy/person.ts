/** One connection after its log-in: its sandbox, its channels, and everything that can end it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Connection } from 'ssh2';
import { AppError, toAppError } from '../../shared/errors';
import {
  type Audit,
  actorOf,
  type Db,
  type Identity,
  type OpenSockets,
  type SandboxAccess,
} from '../contracts';
import type { Activity } from '../gateway/activity';
import type { GatewayConnections } from '../gateway/connections';
import type { SshLink } from '../gateway/ssh-link';
import { serveForwards } from './forwards';
import { ACTIVE_EVERY_MS, CHANNELS_PER_CONNECTION, GOOD_BYE_MS, REFUSED_MS } from './limits';
import type { LoggedIn } from './log-in';
import { endSentence, type OpenChannel, type SessionHost, serveSession } from './session';
import { findTarget, requireRunning, type Target } from './target';
import { Upstream } from './upstream';

export interface PersonOptions {
  db: Db;
  audit: Audit;
  log: Logger;
  access: SandboxAccess;
  sockets: OpenSockets;
  connections: Pick<GatewayConnections, 'get'>;
  activity: Pick<Activity, 'touch'>;
  /** Address of a sandbox's page in the web app. */
  page(sandboxId: string): string;
}
export interface Arrived {
  client: Connection;
  loggedIn: LoggedIn;
  userName: string;
  /** Cuts the socket. */
  cut(): void;
  /** Of the client, so far. */
  traffic(): { received: number; sent: number };
  /** Why nothing is to be served, if so. */
  refusal: AppError | null;
}

export class Person implements SessionHost {
  readonly #options: PersonOptions;
  readonly #arrived: Arrived;
  readonly #identity: Identity;
  readonly #gone: Promise<void>;
  readonly #upstream: Promise<Upstream>;
  readonly #channels = new Set<OpenChannel>();
  readonly #startedAt = Date.now();
  #target: Target | null = null;
  /** Also those that have asked for nothing yet. */
  #sessions = 0;
  #entered = false;
  #over = false;
  #ending: Promise<void> | null = null;
  #unregister: () => void = () => undefined;
  #active: NodeJS.Timeout | undefined;

  /** To be made in the turn of the client's `ready`: its channels come right after. */
  constructor(options: PersonOptions, arrived: Arrived) {
    this.#options = options;
    this.#arrived = arrived;
    this.#identity = arrived.loggedIn.identity;
    const { client } = arrived;
    this.#gone = new Promise((resolve) => client.once('close', () => resolve()));
    this.#upstream = this.#enter();
    this.#upstream.then(
      ({ link }) => {
        const lost = () => void this.end('The connection to the sandbox has ended.');
        // In the turn of the event: the channels' ends follow, and would leave the sentence nowhere to go.
        if (link.isClosed) lost();
        else link.client.once('close', lost);
      },
      () => wait(REFUSED_MS, undefined, { ref: false }).then(() => arrived.client.end()),
    );
    client.on('session', (accept, reject) => {
      if (this.#sessions >= CHANNELS_PER_CONNECTION) {
        reject();
        return;
      }
      this.#sessions += 1;
      const session = accept();
      session.on('close', () => {
        this.#sessions -= 1;
      });
      serveSession(session, this);
    });
    serveForwards(client, this);
  }

  upstream(): Promise<Upstream> {
    return this.#upstream;
  }

  opened(channel: OpenChannel): () => void {
    if (this.#channels.size >= CHANNELS_PER_CONNECTION)
      throw new AppError('limit_reached', 'This connection has too many open channels.');
    this.#channels.add(channel);
    return () => this.#channels.delete(channel);
  }

  get buffered(): number {
    let bytes = 0;
    for (const it of this.#channels) bytes += it.buffered();
    return bytes;
  }

  report(error: AppError): void {
    const sandbox = this.#target?.id;
    if (error.code === 'internal') this.#options.log.error({ sandbox, err: error }, 'an SSH channel failed');
    else this.#options.log.debug({ sandbox, err: error }, 'an SSH channel was refused');
  }

  /** Nothing goes to or comes from the sandbox from now on; the client reads why, and is gone soon after. */
  end(sentence: string): Promise<void> {
    this.#ending ??= this.#end(sentence);
    return this.#ending;
  }

  /** The client is gone. */
  async left(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#unregister();
    const upstream = await this.#upstream.catch(() => null);
    // Again: it may have been entering just now.
    this.#unregister();
    clearInterval(this.#active);
    await upstream?.link.close();
    if (this.#entered && this.#target) await this.#note('ssh.end', this.#target);
  }

  async #end(sentence: string): Promise<void> {
    const { client, cut } = this.#arrived;
    const told = [...this.#channels].map((it) => it.goodBye(sentence));
    const upstream = this.#entered ? await this.#upstream.catch(() => null) : null;
    await upstream?.link.close();
    // A client that gets the disconnect with the sentence shows the disconnect only; most leave by themselves.
    await Promise.race([this.#gone, wait(GOOD_BYE_MS, undefined, { ref: false })]);
    client.end();
    await Promise.race([this.#gone, wait(GOOD_BYE_MS, undefined, { ref: false })]);
    cut();
    await Promise.all(told);
  }

  async #enter(): Promise<Upstream> {
    const { db, access, sockets, connections, page } = this.#options;
    const { loggedIn, userName, refusal } = this.#arrived;
    let link: SshLink | null = null;
    try {
      if (refusal) throw refusal;
      const target = await findTarget({ db, access }, this.#identity, userName);
      this.#target = target;
      this.#unregister = sockets.register({
        identity: this.#identity,
        sandboxId: target.id,
        close: (code) => void this.end(endSentence(code)),
      });
      // Again: what was taken away before this line has not closed anything.
      if (!(await loggedIn.again())) throw new AppError('unauthenticated', endSentence('unauthenticated'));
      await access(this.#identity, target.id, 'use');
      await requireRunning(db, target, page(target.id));
      const pooled = await connections.get(target.id);
      link = await pooled.lend();
      if (this.#over || this.#ending) throw new AppError('gone');
      this.#entered = true;
      this.#keepActive(target.id);
      await this.#note('ssh.begin', target);
      return new Upstream(link);
    } catch (thrown) {
      this.#entered = false;
      clearInterval(this.#active);
      await link?.close();
      const error = toAppError(thrown);
      this.report(error);
      throw error;
    }
  }

  #keepActive(sandboxId: string): void {
    const { activity } = this.#options;
    activity.touch(sandboxId);
    this.#active = setInterval(() => activity.touch(sandboxId), ACTIVE_EVERY_MS);
    this.#active.unref();
  }

  async #note(type: 'ssh.begin' | 'ssh.end', target: Target): Promise<void> {
    const { db, audit } = this.#options;
    const { received, sent } = this.#arrived.traffic();
    const seconds = Math.round((Date.now() - this.#startedAt) / 1000);
    const { via, credentialId, username } = this.#identity;
    const verb = type === 'ssh.begin' ? 'entered' : 'left';
    await audit.record(db, {
      type,
      actor: actorOf(this.#identity),
      target: { type: 'sandbox', id: target.id, name: target.name },
      message: `${username} ${verb} ${target.name} over SSH with ${this.#arrived.loggedIn.by}.`,
      after: { via, credentialId, ...(type === 'ssh.end' ? { seconds, received, sent } : {}) },
    });
  }
}
