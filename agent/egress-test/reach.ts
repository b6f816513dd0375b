import { connect } from 'node:net';
import { AppError } from '../../shared/errors';
import { inWords } from '../proof/error-words';

/** A server on the far side of the earth answers a SYN in 0.4 s; three are sent in this time. */
const CONNECT_MS = 5_000;

const words: Record<string, string> = {
  ECONNREFUSED: 'refuses the connection: nothing listens there',
  EHOSTUNREACH: 'is not reachable: there is no way to this address',
  ENETUNREACH: 'is not reachable: there is no way to this address',
  ETIMEDOUT: 'does not answer: it is down, or a firewall swallows the connection',
  ECONNRESET: 'closes the connection at once',
};

/** Opens a TCP connection to the first of the addresses that takes one. Throws `egress_failed` with a sentence. */
export async function reach(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<string> {
  let last = 'has no address';
  for (const address of addresses) {
    const outcome = await attempt(address, port, signal);
    if (outcome === null) return address;
    last = words[outcome] ?? `is not reachable: ${inWords(outcome)}`;
  }
  throw new AppError('egress_failed', `The server ${addresses.join(', ')} on port ${port} ${last}.`);
}

function attempt(host: string, port: number, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const end = (outcome: string | null) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(outcome);
    };
    const abort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end('ETIMEDOUT'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.name));
  });
}
