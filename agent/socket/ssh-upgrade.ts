import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { AGENT_HOST_KEY_HEADER, AGENT_STREAM_PROTOCOL } from '../../shared/agent-api';
import { AppError, errorTable, toAppError } from '../../shared/errors';
import { sandboxIdSchema } from '../../shared/names';
import type { SshStream } from '../sandboxes/ssh';

export type SshUpgrade = (
  request: IncomingMessage,
  upgrade: { socket: Duplex; head: Buffer; signal: AbortSignal },
) => void;

/** How long sshd may take to end after its client's end was passed on; then its stream is cut. */
const DRAIN_MS = 5_000;

/**
 * `GET /v1/streams/ssh?sandbox=ID[&early=1]` by upgrade. Throws AppError for a request that is not that; later failures are
 * answered on the socket.
 */
export function createSshUpgrade(options: {
  open(sandbox: string, early: boolean): Promise<{ stream: SshStream; hostKey: string | null }>;
  log: Logger;
}): SshUpgrade {
  return (request, { socket, head, signal }) => {
    const url = new URL(request.url ?? '', 'http://agent');
    if (url.pathname !== '/v1/streams/ssh') throw new AppError('not_found', 'The agent has no such stream.');
    if (request.method !== 'GET') throw new AppError('method_not_allowed', 'Streams are opened by GET.');
    if (request.headers.upgrade !== AGENT_STREAM_PROTOCOL) {
      throw new AppError('invalid_input', `A stream upgrades to ${AGENT_STREAM_PROTOCOL}.`, {
        field: 'upgrade',
      });
    }
    const sandbox = sandboxIdSchema.safeParse(url.searchParams.get('sandbox'));
    if (!sandbox.success)
      throw new AppError('invalid_input', 'sandbox: is no sandbox id', { field: 'sandbox' });
    // Bytes that came with the request belong to the stream.
    if (head.length > 0) socket.unshift(head);
    options.open(sandbox.data, url.searchParams.get('early') === '1').then(
      ({ stream, hostKey }) => {
        if (socket.destroyed || signal.aborted) return stream.input.destroy();
        const key = hostKey === null ? '' : `${AGENT_HOST_KEY_HEADER}: ${hostKey}\r\n`;
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${AGENT_STREAM_PROTOCOL}\r\n${key}\r\n`,
        );
        join(stream, { socket, signal, log: options.log.child({ sandbox: sandbox.data }) });
      },
      (error) => refuseUpgrade(socket, toAppError(error)),
    );
  };
}

/** Joins the socket and sshd: bytes with back-pressure, half-close both ways, failure of one ends the other. */
function join(
  stream: SshStream,
  { socket, signal, log }: { socket: Duplex; signal: AbortSignal; log: Logger },
): void {
  const { input, output } = stream;
  let drain: NodeJS.Timeout | undefined;
  const cut = () => {
    clearTimeout(drain);
    signal.removeEventListener('abort', cut);
    input.destroy();
    output.destroy();
    socket.destroy();
  };
  signal.addEventListener('abort', cut, { once: true });
  // The end of the client's bytes closes sshd's stdin: sshd ends by itself, and its last bytes still come through.
  socket.pipe(input);
  socket.once('end', () => {
    drain = setTimeout(cut, DRAIN_MS);
  });
  // sshd has ended: its last bytes are flushed, then the socket is ended.
  output.pipe(socket);
  output.once('end', () => {
    const complaint = stream.complaint();
    if (complaint !== '') log.info({ sshd: complaint }, 'sshd ended with a complaint');
    socket.once('finish', cut);
  });
  output.once('error', cut);
  input.once('error', cut);
  input.once('close', () => {
    if (!output.readableEnded && output.destroyed) cut();
  });
  socket.once('error', cut);
  socket.once('close', cut);
}

export function refuseUpgrade(socket: Duplex, error: AppError): void {
  if (socket.destroyed) return;
  const status = errorTable[error.code].http;
  const body = JSON.stringify({ error: error.message, code: error.code });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
