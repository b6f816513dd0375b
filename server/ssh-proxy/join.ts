/** Joins a channel of a person's client and one into the sandbox: bytes with back-pressure, half-close both ways. */
import type { ChannelStream } from '../gateway/channel-stream';
import type { ClientChannel, Exit } from './client-channel';

/** `exit`: how the program in the sandbox ended, asked at the end. Resolves when the client's side is told all. */
export async function join(
  down: ClientChannel,
  up: ChannelStream,
  exit: () => Exit | null = () => null,
): Promise<void> {
  const { stderr } = up.channel;
  up.on('error', () => undefined);
  up.pipe(down.out);
  stderr.pipe(down.err);
  const said = new Promise<void>((resolve) => stderr.once('end', resolve));
  const over = new Promise<void>((resolve) => up.once('close', resolve));
  down.input.pipe(up);
  down.beyond = () =>
    up.readableLength + up.writableLength + stderr.readableLength + up.channel.readableLength;
  down.release = () => {
    up.unpipe(down.out);
    stderr.unpipe(down.err);
    up.destroy();
    stderr.resume();
  };
  void down.closed.then(() => up.destroy());
  await over;
  // The stream's end does not wait for what was said on stderr.
  if (!stderr.readableEnded) await Promise.race([said, down.closed]);
  down.input.unpipe(up);
  await down.finish(exit());
}
