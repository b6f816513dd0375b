/**
 * The SSH proxy: plain ssh, editors, scp, rsync and git reach a person's sandbox by `ssh SANDBOX@gateway`, with the
 * identity, rights and audit of the web app. Nothing of a session is kept here: the sandbox's own sshd runs it.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import ssh2, { type Algorithms, type Connection } from 'ssh2';
import { AppError } from '../../shared/errors';
import type { Throttle } from '../auth/throttle';
import { actorOf } from '../contracts';
import { Rate } from '../echo/rate';
import {
  BUFFERED_LOOK_MS,
  BUFFERED_PER_PERSON_BYTES,
  CHANNELS_PER_CONNECTION,
  CONNECTIONS_PER_PERSON,
  KEEPALIVE_MISSED_MAX,
  KEEPALIVE_MS,
  LOG_IN_MS,
  REFUSALS_AUDITED,
  REFUSALS_WINDOW_MS,
  SOCKET_WAITING_BYTES,
  STRANGERS_MAX,
  STRANGERS_PER_ADDRESS,
} from './limits';
import { type LoggedIn, LogIn } from './log-in';
import { Person, type PersonOptions } from './person';

/**
 * What every client of the last ten years has. No SHA-1, no CBC, and no chacha20-poly1305: where a client does not speak
 * strict key exchange, which ssh2 asks for, that one is open to prefix truncation (Terrapin, CVE-2023-48795).
 */
export const algorithms: Algorithms = {
  kex: [
    ...(['curve25519-sha256', 'curve25519-sha256@libssh.org'] as const),
    ...(['ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'ecdh-sha2-nistp521'] as const),
    ...(['diffie-hellman-group16-sha512', 'diffie-hellman-group18-sha512'] as const),
    'diffie-hellman-group14-sha256',
  ],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
  hmac: [
    ...(['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'] as const),
    ...(['hmac-sha2-256', 'hmac-sha2-512'] as const),
  ],
  compress: ['none'],
};
/** Of refusals; beyond it all other addresses share one count, so that many of them fill no log either. */
const ADDRESSES_COUNTED = 1_000;

export interface SshProxyOptions extends PersonOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** OpenSSH private key text, ed25519. */
  hostKey: string;
  throttle: Throttle;
  /** For tests: instead of LOG_IN_MS and BUFFERED_PER_PERSON_BYTES. */
  logInMs?: number;
  bufferedBytes?: number;
}

export interface SshProxy {
  /** Listens; the port. Throws AppError with the name of the setting when it cannot. */
  start(): Promise<number>;
  /** Connections that have logged in. */
  count(): number;
  /** Tells everybody, and ends within a second. */
  close(): Promise<void>;
}

interface Place {
  socket: Socket;
  address: string;
  loggedIn: boolean;
  timer: NodeJS.Timeout;
}

export function createSshProxy(options: SshProxyOptions): SshProxy {
  const { db, audit, log } = options;
  const ssh = new ssh2.Server({
    hostKeys: [options.hostKey],
    ident: 'CloudClaude',
    algorithms,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: KEEPALIVE_MISSED_MAX,
  });
  const places = new Map<string, Place>();
  const people = new Map<Person, string>();
  const audited = new Rate({
    perWindow: REFUSALS_AUDITED,
    windowMs: REFUSALS_WINDOW_MS,
    keys: ADDRESSES_COUNTED,
  });
  const listener = createServer({ noDelay: true, keepAlive: true }, taken);
  /** What is still to be written when a connection is over. */
  const unfinished = new Set<Promise<void>>();
  let closing = false;

  function finish(work: Promise<void>, what: string): void {
    const done = work.catch((error: unknown) => log.error({ err: error }, what));
    unfinished.add(done);
    void done.then(() => unfinished.delete(done));
  }

  function taken(socket: Socket): void {
    const address = plain(socket.remoteAddress ?? '');
    const strangers = [...places.values()].filter((it) => !it.loggedIn);
    const near = strangers.filter((it) => it.address === address).length;
    if (closing || strangers.length >= STRANGERS_MAX || near >= STRANGERS_PER_ADDRESS) {
      socket.destroy();
      return;
    }
    // Each channel waits for it by itself.
    socket.setMaxListeners(CHANNELS_PER_CONNECTION * 2);
    const key = keyOf(socket.remoteAddress, socket.remotePort);
    const timer = setTimeout(() => socket.destroy(), options.logInMs ?? LOG_IN_MS);
    timer.unref();
    places.set(key, { socket, address, loggedIn: false, timer });
    socket.once('close', () => {
      clearTimeout(timer);
      places.delete(key);
    });
    ssh.injectSocket(socket);
  }

  ssh.on('connection', (client, info) => {
    // ssh2 names the address and port of a connection and not its socket.
    const place = places.get(keyOf(info.ip, info.port));
    client.on('error', (error) => log.debug({ err: error }, 'an SSH connection'));
    if (place) greet(client, place, softwareOf(info.header.versions.software, info.header.comments));
    else client.end();
  });

  function greet(client: Connection, place: Place, userAgent: string): void {
    const from = { address: place.address, userAgent };
    const logIn = new LogIn(options, from);
    let entered: { by: LoggedIn; userName: string } | null = null;
    let person: Person | null = null;
    client.on('authentication', (context) => {
      if (logIn.exhausted) {
        client.end();
        return;
      }
      void logIn.try(context).then((found) => {
        if (!found) return;
        entered = { by: found, userName: context.username };
        context.accept();
      });
    });
    client.on('ready', () => {
      if (!entered) {
        client.end();
        return;
      }
      place.loggedIn = true;
      clearTimeout(place.timer);
      person = arrive(client, place, entered);
    });
    client.on('close', () => {
      if (person) {
        people.delete(person);
        finish(person.left(), 'an SSH connection was not ended well');
      } else if (logIn.refused !== null) finish(refused(logIn.refused, from), 'a refusal was not audited');
    });
  }

  function arrive(client: Connection, place: Place, who: { by: LoggedIn; userName: string }): Person {
    const { identity, by } = who.by;
    const { socket } = place;
    const present = [...people.values()].filter((it) => it === identity.userId).length;
    const person = new Person(options, {
      ...{ client, loggedIn: who.by, userName: who.userName },
      cut: () => socket.destroy(),
      traffic: () => ({ received: socket.bytesRead, sent: socket.bytesWritten }),
      refusal:
        present < CONNECTIONS_PER_PERSON
          ? null
          : new AppError('limit_reached', `You have ${present} SSH connections open. Close one first.`),
    });
    people.set(person, identity.userId);
    const message = `${identity.username} logged in over SSH with ${by}.`;
    const entry = { type: 'auth.success', actor: actorOf(identity), message };
    finish(audit.record(db, entry), 'an SSH log-in was not audited');
    return person;
  }

  /** The user name is not written down: people type tokens into the wrong field. */
  async function refused(why: string, from: { address: string; userAgent: string }): Promise<void> {
    log.debug({ address: from.address, why }, 'an SSH log-in failed');
    if (!audited.allows(from.address)) return;
    const actor = { userId: null, name: '(unknown)', ...from };
    await audit.record(db, { type: 'auth.failed', actor, message: `A log-in over SSH failed: ${why}.` });
  }

  /** Of who makes too much wait, the connection that holds most of it ends. */
  function weigh(): void {
    for (const { socket } of places.values())
      if (socket.writableLength > SOCKET_WAITING_BYTES) socket.destroy();
    const held = new Map<string, { bytes: number; most: Person; of: number }>();
    for (const [person, userId] of people) {
      const bytes = person.buffered;
      const all = held.get(userId) ?? { bytes: 0, most: person, of: -1 };
      all.bytes += bytes;
      if (bytes > all.of) Object.assign(all, { most: person, of: bytes });
      held.set(userId, all);
    }
    for (const { bytes, most } of held.values())
      if (bytes > (options.bufferedBytes ?? BUFFERED_PER_PERSON_BYTES))
        void most.end('Too much of this connection waits to be read.');
  }
  const weighing = setInterval(weigh, BUFFERED_LOOK_MS);
  weighing.unref();

  return {
    async start() {
      const { host, port } = options;
      listener.listen(port, host);
      await once(listener, 'listening').catch((cause: unknown) => {
        const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
        const message = `SSH_PROXY_ADDR: ${host}:${port} cannot be taken (${why}).`;
        throw new AppError('unavailable', message, { cause });
      });
      const at = listener.address();
      return typeof at === 'object' && at ? at.port : port;
    },
    count: () => people.size,
    async close() {
      closing = true;
      clearInterval(weighing);
      const shut = listener.listening
        ? new Promise<void>((resolve) => listener.close(() => resolve()))
        : Promise.resolve();
      for (const { socket, loggedIn } of places.values()) if (!loggedIn) socket.destroy();
      const all = [...people.keys()];
      await Promise.all(all.map((it) => it.end('The gateway is stopping. Connect again in a moment.')));
      await shut;
      await Promise.all(unfinished);
    },
  };
}

const keyOf = (address: string | undefined, port: number | undefined) => `${address} ${port}`;
/** `::ffff:10.0.0.1` is how a dual-stack socket shows an IPv4 peer. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');
/** What the client calls itself, as far as it is text. */
const softwareOf = (software: string, comments = '') =>
  `SSH ${software} ${comments}`.replace(/[^\x20-\x7e]/g, '?').trim();
