/**
 * What the probe saw, in words for people. It names errors as the kernel and DNS do (errno(3), RFC 1035 4.1.1); a person
 * who reads why a sandbox was cut off need not know these.
 */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  ECONNABORTED: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'there is no way to it',
  EHOSTDOWN: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ENETDOWN: 'the network link is down',
  ENETRESET: 'the connection was cut',
  EADDRNOTAVAIL: 'there is no address to send from',
  EAFNOSUPPORT: 'this kind of address does not exist here',
  EPROTONOSUPPORT: 'this protocol does not exist here',
  ESOCKTNOSUPPORT: 'this protocol does not exist here',
  EACCES: 'a firewall refused it',
  EPERM: 'a firewall refused it',
  EINVAL: 'the kernel refused it',
  EMSGSIZE: 'the packet was too large',
  ENOBUFS: 'the packet was dropped',
  ENODEV: 'there is no such link',
  ENXIO: 'there is no such link',
  EPROTO: 'the answer was not understood',
  RST: 'the connection was refused',
  NXDOMAIN: 'the name does not exist or is not allowed',
  SERVFAIL: 'the name server failed',
  REFUSED: 'the name server refused the question',
};
/** Other names of errno(3), and of the classes of Python's errors. */
const CODES = /\b(?:E[A-Z0-9]{2,}|RST|NXDOMAIN|SERVFAIL|REFUSED|[A-Za-z]+Error|[A-Za-z]+Exception)\b/g;

/** In brackets OpenSSL's own names of what was wrong. */
const TLS = /TLS failed \([^)]*\)/g;

/** With every code in it said in words. */
export function inWords(error: string): string {
  return error
    .replace(TLS, 'the TLS handshake failed')
    .replace(CODES, (code) => words[code] ?? 'it failed for another reason');
}

/** What a try ended with where nothing was said. */
export const outcomeWords = {
  refused: 'was refused',
  timeout: 'got no answer',
  closed: 'was taken and closed',
  silent: 'was taken and held open',
  sent: 'was let out',
  answered: 'answered',
} as const;
