/** Forwarded connections: the sandbox's sshd dials and listens, so all of them have the sandbox's own network. */
import type { Duplex } from 'node:stream';
import type { Connection, ClientChannel as SandboxChannel, ServerChannel, TcpConnectionDetails } from 'ssh2';
import { AppError, toAppError } from '../../shared/errors';
import { ChannelStream } from '../gateway/channel-stream';
import { ClientChannel } from './client-channel';
import { join } from './join';
import { LISTENERS_PER_CONNECTION } from './limits';
import type { SessionHost } from './session';
import type { Upstream } from './upstream';

/** What a remote forward may listen on: nobody can reach another address of a sandbox. Empty: as OpenSSH's default. */
const LOOPBACK = new Set(['', 'localhost', '127.0.0.1', '::1']);

export function serveForwards(client: Connection, host: SessionHost): void {
  const tcpListeners = new Set<string>();
  const unixListeners = new Set<string>();

  client.on('tcpip', (accept, reject, info) => {
    const from = { host: info.srcIP, port: info.srcPort };
    const to = { host: info.destIP, port: info.destPort };
    void forward({ accept, reject }, (upstream) => upstream.tcp(from, to));
  });
  client.on('openssh.streamlocal', (accept, reject, { socketPath }) => {
    void forward({ accept, reject }, (upstream) => upstream.unix(socketPath));
  });
  client.on('request', (accept: unknown, reject: unknown, name: string, info: unknown) => {
    // ssh2's two overloads of this event, told apart by its name; both replies are there only when they are wanted.
    const yes = accept as ((port?: number) => void) | undefined;
    const no = reject as (() => void) | undefined;
    void requested(name, info).then(
      (port) => yes?.(port),
      (thrown: unknown) => {
        host.report(toAppError(thrown));
        no?.();
      },
    );
  });

  async function forward(
    reply: { accept(): ServerChannel | undefined; reject(): void },
    open: (upstream: Upstream) => Promise<ChannelStream>,
  ): Promise<void> {
    let forget: () => void = () => undefined;
    try {
      let down: ClientChannel | undefined;
      forget = host.opened({ goodBye: async () => undefined, buffered: () => down?.buffered ?? 0 });
      const up = await open(await host.upstream());
      const channel = reply.accept();
      if (channel) {
        down = new ClientChannel(channel);
        await join(down, up);
      } else up.destroy();
    } catch (thrown) {
      host.report(toAppError(thrown));
      reply.reject();
    } finally {
      forget();
    }
  }

  /** The port for a TCP listener. */
  async function requested(name: string, info: unknown): Promise<number | undefined> {
    const upstream = await host.upstream();
    switch (name) {
      case 'tcpip-forward':
        return listenTcp(upstream, info as { bindAddr: string; bindPort: number }); // by its name
      case 'cancel-tcpip-forward': {
        const { bindAddr, bindPort } = info as { bindAddr: string; bindPort: number }; // by its name
        if (!tcpListeners.delete(`${bindAddr}:${bindPort}`))
          throw new AppError('not_found', 'There is no such listener.');
        await upstream.unlisten(bindAddr, bindPort);
        return undefined;
      }
      case 'streamlocal-forward@openssh.com':
        await listenUnix(upstream, (info as { socketPath: string }).socketPath); // by its name
        return undefined;
      case 'cancel-streamlocal-forward@openssh.com': {
        const { socketPath } = info as { socketPath: string }; // by its name
        if (!unixListeners.delete(socketPath)) throw new AppError('not_found', 'There is no such listener.');
        await upstream.link.unlistenUnix(socketPath);
        return undefined;
      }
      default:
        throw new AppError('invalid_input', 'There is no such request.');
    }
  }

  function requireRoom(): void {
    if (tcpListeners.size + unixListeners.size >= LISTENERS_PER_CONNECTION)
      throw new AppError('limit_reached', 'This connection has too many remote forwards.');
  }

  async function listenTcp(
    upstream: Upstream,
    { bindAddr, bindPort }: { bindAddr: string; bindPort: number },
  ): Promise<number> {
    if (!LOOPBACK.has(bindAddr))
      throw new AppError('forbidden', 'Only the loopback of the sandbox can be listened on.');
    requireRoom();
    if (!upstream.client.listenerCount('tcp connection')) upstream.client.on('tcp connection', arrived);
    const port = await upstream.listen(bindAddr, bindPort);
    tcpListeners.add(`${bindAddr}:${port}`);
    return port;
  }

  function arrived(info: TcpConnectionDetails, accept: () => SandboxChannel, reject: () => void): void {
    client.forwardOut(info.destIP, info.destPort, info.srcIP, info.srcPort, (error, channel) => {
      if (error) reject();
      // A server's side gives a server's channel; ssh2's types know one callback only.
      else takeBack(channel as unknown as ServerChannel, new ChannelStream(accept()));
    });
  }

  async function listenUnix(upstream: Upstream, path: string): Promise<void> {
    requireRoom();
    const arrivedThere = (stream: Duplex) => {
      client.openssh_forwardOutStreamLocal(path, (error, channel) => {
        if (error) stream.destroy();
        // As above; what listens so gives channel streams.
        else takeBack(channel as unknown as ServerChannel, stream as ChannelStream);
      });
    };
    await upstream.link.listenUnix(path, arrivedThere).catch((cause: unknown) => {
      throw new AppError('unavailable', 'The sandbox refused it.', { cause });
    });
    unixListeners.add(path);
  }

  function takeBack(channel: ServerChannel, up: ChannelStream): void {
    const down = new ClientChannel(channel);
    try {
      const forget = host.opened({ goodBye: async () => undefined, buffered: () => down.buffered });
      void join(down, up).finally(forget);
    } catch {
      channel.close();
      up.destroy();
    }
  }
}
