/**
 * The three things that ssh2 1.17 knows but does not offer, in one place; a test holds each against a real sshd.
 *
 * - The receive window of a channel is a constant 2 MiB there. In a flood that is 2 MiB of old output between Ctrl-C
 *   and the prompt, so a pty channel is opened with a small window, and we grant more as its reader takes bytes.
 * - `keepalive@openssh.com` as a ping: SSH handles packets in order, so its answer proves that sshd took all the
 *   input that was sent before it.
 */
import type { Client, ClientChannel } from 'ssh2';

interface Protocol {
  session(channel: number, window: number, packet: number): void;
  channelWindowAdjust(channel: number, bytes: number): void;
  ping(): void;
}
interface Inside {
  _protocol: Protocol;
  _callbacks: ((refused: boolean | Error) => void)[];
}
interface ChannelInside {
  incoming: { window: number };
  outgoing: { id: number; state: string };
}

// The shapes above are those of ssh2 1.17.0 (pinned exactly), lib/client.js and lib/Channel.js.
const inside = (client: Client): Inside => client as unknown as Inside;
const channelInside = (channel: ClientChannel): ChannelInside => channel as unknown as ChannelInside;

/** Runs `open`, which must open exactly one session channel synchronously, with this receive window. */
export function withWindow(client: Client, bytes: number, open: () => void): void {
  const protocol = inside(client)._protocol;
  const own = Object.hasOwn(protocol, 'session');
  const session = protocol.session;
  protocol.session = (channel, _window, packet) => session.call(protocol, channel, bytes, packet);
  try {
    open();
  } finally {
    if (own) protocol.session = session;
    // Back to the method of the prototype.
    else delete (protocol as Partial<Protocol>).session;
  }
}

/** From here on ssh2 grants nothing by itself on this channel: it believes in an endless window. */
export function ownWindow(channel: ClientChannel): void {
  channelInside(channel).incoming.window = Number.POSITIVE_INFINITY;
}

export function grantWindow(client: Client, channel: ClientChannel, bytes: number): void {
  const { outgoing } = channelInside(channel);
  if (outgoing.state === 'open' || outgoing.state === 'eof') {
    inside(client)._protocol.channelWindowAdjust(outgoing.id, bytes);
  }
}

/** Calls back when sshd has handled everything that was sent before. Never called when the connection dies first. */
export function roundTrip(client: Client, done: () => void): void {
  inside(client)._callbacks.push((refused) => {
    // OpenSSH answers REQUEST_FAILURE (true): it does not know the request, as it should be. An Error = it died.
    if (!(refused instanceof Error)) done();
  });
  inside(client)._protocol.ping();
}
