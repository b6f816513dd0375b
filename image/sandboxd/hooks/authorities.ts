/** Who is trusted for TLS: the sandbox's own list, with what an administrator added to it. */
import { readFileSync } from 'node:fs';

const FILE = '/etc/ssl/certs/ca-certificates.crt';
let read: Buffer | undefined | null = null;

export function authorities(): Buffer | undefined {
  if (read === null) {
    try {
      read = readFileSync(FILE);
    } catch {
      read = undefined; // Node's own
    }
  }
  return read;
}
