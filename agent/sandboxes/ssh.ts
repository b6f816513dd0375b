import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../shared/errors';
import { SANDBOX_SSH_IN, SANDBOX_SSH_OUT } from '../../shared/names';
import type { ContainerState, DockerClient, ExecStream } from '../apply/docker';
import { openPipes, removeInside } from '../apply/inside';
import { Namespace } from '../apply/netns';

/** One SSH server per stream, on its stdin and stdout: nothing listens in the sandbox. -e: complaints to stderr. */
const SSHD = ['/usr/sbin/sshd', '-i', '-e', '-f', '/etc/cloud-claude/sshd_config'] as const;
/** RFC 4253 section 4.2 lets the identification line have 255 bytes; anything longer is no SSH server. */
const BANNER_MAX_BYTES = 1024;
/** One try, from the exec to the identification: 100 ms is usual. */
const TRY_MS = 5_000;
/** init makes /run/sshd within some 10 ms of its start; a loaded machine may need longer. */
const READY_MS = 30_000;
const RETRY_MS = 25;
/** How long PID 1 of a container that was just started has for its pipes; then it is one that makes none. */
const PIPES_MS = 2_000;
const PIPES_POLL_MS = 4;
const PIPES = { input: basename(SANDBOX_SSH_IN), output: basename(SANDBOX_SSH_OUT) };
/**
 * How long a stream waits for its opener, who usually comes within 10 ms. Well below LoginGraceTime (30 s), which
 * counts from sshd's start.
 */
const PARKED_MS = 3_000;
/** Of what sshd says on stderr per stream: enough for a reason, too little to fill a log. */
const STDERR_MAX_BYTES = 2048;

export interface SshStream extends ExecStream {
  /** What sshd complained about so far. */
  complaint(): string;
  /** It has ended, as far as that is known. */
  over(): boolean;
}

async function openSsh(docker: DockerClient, container: string, signal?: AbortSignal): Promise<SshStream> {
  let complaint = '';
  const onStderr = (chunk: Buffer) => {
    if (complaint.length < STDERR_MAX_BYTES) complaint += chunk.toString('utf8').slice(0, STDERR_MAX_BYTES);
  };
  const stream = await docker.openExec(container, SSHD, { onStderr, signal });
  return { ...stream, complaint: () => complaint.trim(), over: () => stream.input.readableEnded };
}

export type SshStreams = ReturnType<typeof createSshStreams>;

/**
 * Streams of `sshd -i`. The one whose identification proved that a sandbox is ready waits for the gateway, which comes
 * at once: sshd is started for it once and not twice. Who may have a stream is the caller's to judge.
 */
export function createSshStreams(docker: DockerClient, { parkedMs = PARKED_MS } = {}) {
  const parked = new Map<string, { key: string; stream: Promise<SshStream>; take(): void; end(): void }>();

  function park(
    container: ContainerState,
    how: { fresh: boolean; keys: Promise<void>; signal: AbortSignal },
  ): Promise<SshStream> {
    const { fresh, keys, signal } = how;
    const stream = keys.then(
      async () =>
        (fresh ? await byPipes(container, signal) : null) ?? answering(docker, container.name, signal),
    );
    let timer: NodeJS.Timeout | undefined;
    const entry = {
      key: keyOf(container),
      stream,
      /** From here on it is the opener's to end. */
      take() {
        clearTimeout(timer);
        if (parked.get(container.name) === entry) parked.delete(container.name);
      },
      end() {
        entry.take();
        stream.then(
          (it) => it.input.destroy(),
          () => {},
        );
      },
    };
    parked.get(container.name)?.end();
    parked.set(container.name, entry);
    stream.then(() => {
      if (parked.get(container.name) === entry) timer = setTimeout(entry.end, parkedMs);
    }, entry.end);
    return stream;
  }

  return {
    /**
     * Resolves when an SSH server in this start of the container has identified itself.
     *
     * @param how.fresh it was started just now: its PID 1 has one for us
     * @param how.keys when they are there
     */
    async ready(
      container: ContainerState,
      how: { fresh: boolean; keys: Promise<void>; signal: AbortSignal },
    ): Promise<void> {
      await park(container, how);
    },

    /** The stream that waits for this start of the container, else a new one. */
    async open(container: ContainerState): Promise<SshStream> {
      const entry = parked.get(container.name);
      if (entry?.key === keyOf(container)) {
        // One that is still being opened is worth waiting for; if it fails, its own reason is not the caller's.
        const stream = await entry.stream.catch(() => null);
        if (stream !== null && parked.get(container.name) === entry && alive(stream)) {
          entry.take();
          return stream;
        }
      }
      return openSsh(docker, container.name);
    },

    /** Ends what waits. */
    async close(): Promise<void> {
      for (const entry of [...parked.values()]) entry.end();
    },
  };
}

const keyOf = (container: ContainerState): string => `${container.id} ${container.startedAt}`;

const alive = (stream: SshStream): boolean =>
  !stream.input.destroyed && !stream.output.destroyed && !stream.over();

/** The SSH server that PID 1 holds ready on its pipes, identified; null when there is none within PIPES_MS. */
async function byPipes(container: ContainerState, signal: AbortSignal): Promise<SshStream | null> {
  const folder = dirname(SANDBOX_SSH_IN);
  const namespace = await Namespace.ofProcess(container.pid);
  try {
    const deadline = Date.now() + PIPES_MS;
    let ends = await openPipes(namespace, folder, PIPES);
    while (ends === null && Date.now() < deadline) {
      await delay(PIPES_POLL_MS, undefined, { signal });
      ends = await openPipes(namespace, folder, PIPES);
    }
    if (ends === null) return null;
    const { input, output } = ends;
    // Cut, not ended: nobody wants the rest. Ended, sshd sees the end of its input and its last bytes still come.
    input.once('close', () => {
      if (!input.writableFinished) output.destroy();
    });
    output.once('close', () => input.destroy());
    // What it complains about is in the container's own log.
    const stream = { input, output, complaint: () => '', over: () => output.readableEnded };
    const reason = await withinOneTry(signal, (over) => identification(stream, over));
    // Once only: the next streams are made by Docker.
    await removeInside(namespace, folder, Object.values(PIPES)).catch(() => {});
    if (reason === null) return stream;
    input.destroy();
    return null;
  } finally {
    await namespace.close();
  }
}

/** Opens streams until one begins with an SSH server's identification; that one is whole and paused. */
async function answering(docker: DockerClient, name: string, signal: AbortSignal): Promise<SshStream> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    signal.throwIfAborted();
    const attempt = await identified(docker, name, signal);
    if (attempt.stream) return attempt.stream;
    signal.throwIfAborted();
    const container = await docker.inspect(name);
    if (container?.status !== 'running') {
      throw new AppError('agent_failed', 'The sandbox ended before its SSH server answered.');
    }
    if (Date.now() > deadline) {
      throw new AppError('timeout', `The SSH server in the sandbox did not answer: ${attempt.reason}`);
    }
    await delay(RETRY_MS);
  }
}

type Attempt = { stream: SshStream } | { stream: null; reason: string };

async function identified(docker: DockerClient, name: string, signal: AbortSignal): Promise<Attempt> {
  return withinOneTry(signal, async (over): Promise<Attempt> => {
    try {
      const stream = await openSsh(docker, name, over);
      const reason = await identification(stream, over);
      if (reason === null) return { stream };
      stream.input.destroy();
      return { stream: null, reason };
    } catch (error) {
      if (over.aborted) return { stream: null, reason: `nothing came within ${TRY_MS / 1000} s` };
      throw error;
    }
  });
}

/**
 * One try, bounded as a whole: dockerd may keep an exec waiting too. A plain timer, since Node 20 lets go of an
 * `AbortSignal.timeout` that only `AbortSignal.any` knows (it is collected, and the limit never comes).
 */
async function withinOneTry<T>(signal: AbortSignal, work: (over: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const stop = () => over.abort();
  const timer = setTimeout(stop, TRY_MS);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work(over.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** Null when it is an SSH server: its line is put back and the stream is paused. Else what is wrong. */
function identification(stream: SshStream, over: AbortSignal): Promise<string | null> {
  const { input, output } = stream;
  return new Promise((resolve) => {
    let seen: Buffer = Buffer.alloc(0);
    const finish = (reason: string | null) => {
      output.off('data', read).off('end', ended).off('close', ended);
      over.removeEventListener('abort', late);
      resolve(reason);
    };
    const say = (what: string) => stream.complaint() || seen.toString('utf8').slice(0, 300).trim() || what;
    const read = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      if (!seen.includes('\n') && seen.length < BANNER_MAX_BYTES) return;
      output.pause();
      if (seen.indexOf('SSH-2.0-') !== 0) return finish(say('it is no SSH server'));
      output.unshift(seen);
      finish(null);
    };
    const ended = () => finish(say('it closed the stream at once'));
    const late = () => finish(say(`nothing came within ${TRY_MS / 1000} s`));
    // 'close' follows each, and whoever joins the stream listens for itself.
    output.on('error', () => undefined);
    input.on('error', () => undefined);
    output.on('data', read).on('end', ended).on('close', ended);
    over.addEventListener('abort', late, { once: true });
    if (over.aborted) late();
  });
}
