/** One session channel of a person's client: what it asks for beforehand, then a shell, a command or a subsystem. */
import type { PseudoTtyInfo, ServerChannel, Session, WindowChangeInfo } from 'ssh2';
import { type AppError, errorTable, toAppError } from '../../shared/errors';
import { ClientChannel } from './client-channel';
import { join } from './join';
import { ENV_MAX, ENV_VALUE_MAX_CHARS } from './limits';
import type { Program, Running, Surroundings, Upstream } from './upstream';

/** As the sandbox's sshd takes them, but for what is the product's own. */
const ENV_NAME = /^(LANG|LC_[A-Z_]{1,40}|TERM|COLORTERM)$/;
const ENV_VALUE = /^[\x20-\x7e]*$/;
const TERM = /^[A-Za-z0-9._+-]{1,64}$/;
const TERM_UNKNOWN = 'xterm-256color';
/** The kernel keeps 16 bits of a terminal's size. */
const SIZE_MAX = 65_535;
/** What OpenSSH's client ends with when a connection fails: programs that call it know it as that. */
const FAILED_EXIT = 255;

export interface OpenChannel {
  /** Everything ends at once: tells why. */
  goodBye(sentence: string): Promise<void>;
  /** Bytes that wait in this process. */
  buffered(): number;
}

export interface SessionHost {
  /** Throws AppError with the sentence that the person is to read. */
  upstream(): Promise<Upstream>;
  /** Counts it; call the result when it is over. Throws AppError `limit_reached`. */
  opened(channel: OpenChannel): () => void;
  report(error: AppError): void;
}

export function serveSession(session: Session, host: SessionHost): void {
  const around: Surroundings = { env: {}, pty: null };
  let running: Running | null = null;
  let begun = false;

  session.on('env', (accept, reject, { key, val }) => {
    const taken =
      Object.keys(around.env).length < ENV_MAX &&
      ENV_NAME.test(key) &&
      val.length <= ENV_VALUE_MAX_CHARS &&
      ENV_VALUE.test(val);
    if (taken) around.env[key] = val;
    answer(taken ? accept : reject);
  });
  session.on('pty', (accept, _reject, info: PseudoTtyInfo) => {
    around.pty = { ...sizeOf(info), term: TERM.test(info.term) ? info.term : TERM_UNKNOWN };
    answer(accept);
  });
  session.on('window-change', (accept, _reject, info) => {
    if (around.pty) Object.assign(around.pty, sizeOf(info));
    const { rows, cols, height, width } = sizeOf(info);
    running?.stream.channel.setWindow(rows, cols, height, width);
    answer(accept);
  });
  session.on('signal', (accept, reject, { name }) => {
    if (running) running.stream.channel.signal(name);
    answer(running ? accept : reject);
  });
  // Accepted at once: until then ssh2 throws away what the client sends.
  session.on('shell', (accept) => begin(accept(), { kind: 'shell' }));
  session.on('exec', (accept, _reject, { command }) => begin(accept(), { kind: 'exec', command }));
  session.on('subsystem', (accept, _reject, { name }) => begin(accept(), { kind: 'subsystem', name }));

  function begin(channel: ServerChannel | undefined, program: Program): void {
    // ssh2 accepts only one per session, and none after the client's end.
    if (!channel || begun) return;
    begun = true;
    const down = new ClientChannel(channel);
    session.on('close', () => down.markClosed());
    let forget: () => void = () => undefined;
    void (async () => {
      forget = host.opened({ goodBye: (it) => refuse(down, it), buffered: () => down.buffered });
      await run(down, program);
    })()
      .catch((thrown: unknown) => {
        const error = toAppError(thrown);
        host.report(error);
        return refuse(down, error.message);
      })
      .finally(() => forget());
  }

  async function run(down: ClientChannel, program: Program): Promise<void> {
    const upstream = await host.upstream();
    if (down.isClosed) return;
    const size = around.pty && { ...around.pty };
    running = await upstream.run(program, around);
    const { rows = 0, cols = 0, height = 0, width = 0 } = around.pty ?? {};
    // It was resized while the channel was on its way.
    if (size && (size.rows !== rows || size.cols !== cols))
      running.stream.channel.setWindow(rows, cols, height, width);
    const { exit } = running;
    await join(down, running.stream, exit);
  }

  /** The sentence on stderr, and an exit status that says: the connection failed. */
  async function refuse(down: ClientChannel, sentence: string): Promise<void> {
    if (down.isClosed) return;
    down.release();
    if (!down.err.writableEnded) down.err.write(`cloud-claude: ${sentence}${around.pty ? '\r\n' : '\n'}`);
    await down.finish({ code: FAILED_EXIT });
  }
}

/** ssh2 passes these only when the client wants to know. */
function answer(reply: (() => void) | undefined): void {
  reply?.();
}

function sizeOf(info: WindowChangeInfo): { rows: number; cols: number; height: number; width: number } {
  const within = (it: number) => Math.min(it, SIZE_MAX);
  return {
    rows: within(info.rows),
    cols: within(info.cols),
    height: within(info.height),
    width: within(info.width),
  };
}

/** For those whose connection ends because of what has become of their rights. */
export function endSentence(code: 'unauthenticated' | 'forbidden' | 'gone' | 'not_found'): string {
  if (code === 'unauthenticated') return 'This key, token or account may not log in any more.';
  if (code === 'forbidden') return 'You may not use this sandbox any more.';
  return errorTable[code].title;
}
