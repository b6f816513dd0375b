import type { DockerClient, ExecStream } from '../apply/docker';

/** One SSH server per stream, on its stdin and stdout: nothing listens in the sandbox. */
const SSHD = ['/usr/sbin/sshd', '-i', '-f', '/etc/cloud-claude/sshd_config'] as const;
/** RFC 4253 section 4.2 lets the identification line have 255 bytes; anything longer is no SSH server. */
const BANNER_MAX_BYTES = 1024;
const BANNER_TIMEOUT_MS = 10_000;
/** Of what sshd says on stderr per stream: enough for a reason, too little to fill a log. */
const STDERR_MAX_BYTES = 2048;

export interface SshStream extends ExecStream {
  /** What sshd complained about so far. */
  complaint(): string;
}

export async function openSsh(docker: DockerClient, container: string): Promise<SshStream> {
  let complaint = '';
  const stream = await docker.openExec(container, SSHD, (chunk) => {
    if (complaint.length < STDERR_MAX_BYTES) complaint += chunk.toString('utf8').slice(0, STDERR_MAX_BYTES);
  });
  return { ...stream, complaint: () => complaint.trim() };
}

/** Opens a stream, waits for the server's identification and closes it again. */
export async function readBanner(
  docker: DockerClient,
  container: string,
  signal: AbortSignal,
): Promise<{ ok: boolean; text: string }> {
  const stream = await openSsh(docker, container);
  const either = AbortSignal.any([signal, AbortSignal.timeout(BANNER_TIMEOUT_MS)]);
  const stop = () => stream.input.destroy();
  either.addEventListener('abort', stop, { once: true });
  let text = '';
  try {
    for await (const chunk of stream.output) {
      text += String(chunk);
      if (text.includes('\n') || text.length > BANNER_MAX_BYTES) break;
    }
  } catch {
    // Cut off: what has been read so far decides.
  } finally {
    either.removeEventListener('abort', stop);
    stream.input.destroy();
  }
  if (text.startsWith('SSH-2.0-')) return { ok: true, text };
  return { ok: false, text: stream.complaint() || text || 'it closed the stream at once' };
}
