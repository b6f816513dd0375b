import { refuse } from './problem';
import { list, whole } from './values';

/** IPv6 ones are left out, since a sandbox has none; a bare address means a single one. */
export function ownAddresses(written: readonly string[]): string[] {
  const v4 = written.filter((it) => !it.includes(':')).map((it) => (it.includes('/') ? it : `${it}/32`));
  return v4.length > 0 ? v4 : refuse('address: an IPv4 address inside the tunnel is needed.');
}

const EVERYTHING = [['0.0.0.0/0'], ['0.0.0.0/1', '128.0.0.0/1']];

/** A tunnel for a part of the Internet is no way out for a sandbox: refused, not widened in silence. */
export function requireFullTunnel(allowed: readonly string[]): void {
  if (EVERYTHING.some((all) => all.every((it) => allowed.includes(it)))) return;
  refuse('AllowedIPs: must hold 0.0.0.0/0, since everything of a sandbox goes this way.');
}

/** A list, three numbers with commas, or base64 of three bytes. */
export function reservedOf(value: unknown): readonly number[] | null {
  if (value === undefined || value === null || value === '') return null;
  const inBase64 = typeof value === 'string' && /^[A-Za-z0-9+/]{4}$/.test(value);
  const bytes = inBase64
    ? [...Buffer.from(value, 'base64')]
    : list(value, 'reserved').map((it) => whole(it, 'reserved'));
  return bytes.length === 0 || bytes.every((it) => it === 0) ? null : bytes;
}
