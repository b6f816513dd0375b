/**
 * The way to Anthropic for Claude's own log-in: TLS from inside the sandbox, so by its own way out. Requests come with
 * `/direct/<session>` before their path; that and the host are put right, everything else passes as it is.
 */
import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import { tls } from './builtins';
import { type Head, HttpMessages } from './http-messages';

export interface DirectTarget {
  host: string;
  port: number;
  /** Certificates; absent: the machine's own. */
  authorities?: Buffer;
}
/**
 * The machine's authorities are those of `--use-openssl-ca` and SSL_CERT_DIR (init): one of them is read when it is asked
 * for, where the whole list would take 2 MB. An administrator's are there too: a way out may have one of its own.
 */
export const ANTHROPIC: DirectTarget = { host: 'api.anthropic.com', port: 443 };

const PREFIX = /^([A-Z]+) \/direct\/[0-9a-f-]{36}(\/\S*) HTTP\/1\.1$/;

let ofMachine: SecureContext | undefined;

export function dialDirect({ host, port, authorities }: DirectTarget): TLSSocket {
  const { connect, createSecureContext } = tls();
  if (!authorities) ofMachine ??= createSecureContext();
  const secureContext = authorities ? createSecureContext({ ca: authorities }) : ofMachine;
  const socket = connect({
    ...{ host, port, servername: host, secureContext },
    ALPNProtocols: ['http/1.1'],
  });
  return socket.setNoDelay(true);
}

/** A method and `/direct/`; what has said neither by then is no request that we know. */
const LOOK_BYTES = 64;

/** Whether these first bytes of a connection are for here; undefined: there are too few to tell. */
export function isDirect(start: Buffer): boolean | undefined {
  const text = start.toString('latin1', 0, LOOK_BYTES);
  const path = text.indexOf(' ');
  if (path === -1 || text.length < path + 9)
    return text.includes('\r\n') || text.length === LOOK_BYTES ? false : undefined;
  return text.startsWith('/direct/', path + 1);
}

/** What comes from the client goes on with its heads put right. Throws on what is no HTTP. */
export function passRequests(client: Socket, upstream: TLSSocket, host: string): (data: Buffer) => void {
  const messages = new HttpMessages({
    head: (head) => ({ bodiless: false, instead: rewritten(head, host) }),
    raw(data) {
      if (upstream.write(data)) return;
      client.pause();
      upstream.once('drain', () => client.resume());
    },
  });
  return (data) => messages.push(data);
}

function rewritten({ start, list }: Head, host: string): string {
  const [, method, path] = PREFIX.exec(start) ?? [];
  if (method === undefined) throw new Error('a path without its session');
  const lines = list.map(([name, value]) => `${name}: ${/^host$/i.test(name) ? host : value}`);
  return [`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}
