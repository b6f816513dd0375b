/** Single values as links, YAML and JSON write them, brought to what the schemas take. */
import { domainToASCII } from 'node:url';
import { type Egress, egressSchema } from '../../../shared/egress';
import { ImportProblem, refuse } from './problem';

/** A server's name or address: IDN becomes ASCII, a final dot goes. */
export function host(value: unknown, field = 'server'): string {
  if (typeof value !== 'string' || value === '') return refuse(`${field}: is missing.`);
  if (value.includes(':') || value.startsWith('[')) {
    return refuse(`${field}: IPv6 is not supported; give a host name or an IPv4 address.`);
  }
  const plain = value.replace(/\.$/, '');
  // domainToASCII drops tabs and line ends and reads `%41`; the schema must see that they were there.
  if (/^[\x21-\x7e]+$/.test(plain) || /[\p{Cc}\s%/?#@\\]/u.test(plain)) return plain;
  return domainToASCII(plain) || refuse(`${field}: is no valid international name.`);
}

export function hostOrNull(value: unknown, field: string): string | null {
  return value === null || value === undefined || value === '' ? null : host(value, field);
}

export function port(value: unknown, fallback?: number): number {
  if ((value === undefined || value === null || value === '') && fallback !== undefined) return fallback;
  return whole(value, 'port');
}

export function whole(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value);
  return refuse(`${field}: must be a whole number.`);
}

export function wholeOr<T>(value: unknown, field: string, fallback: T): number | T {
  return value === undefined || value === null || value === '' ? fallback : whole(value, field);
}

export function flag(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value;
  if (value === undefined || value === null || value === '') return false;
  // Nothing else is made a text of: an object from YAML may have a `toString` of its own.
  const word = typeof value === 'string' || typeof value === 'number' ? `${value}`.toLowerCase() : '';
  if (['1', 'true', 'yes'].includes(word)) return true;
  if (['0', 'false', 'no'].includes(word)) return false;
  return refuse(`${field}: must be 1 or 0.`);
}

/** Text of a field that YAML may have read as a number; null when it is not there or empty. */
export function textOrNull(value: unknown, field: string): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value === 'string') return value;
  // A whole number stays what was written; 1e3 or 0x10 would not.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return refuse(`${field}: must be text; put it in quotes.`);
}

export function text(value: unknown, field: string): string {
  return textOrNull(value, field) ?? refuse(`${field}: is missing.`);
}

/** One or several, as a list, or as a text with commas. */
export function list(value: unknown, field: string): string[] {
  if (value === undefined || value === null || value === '') return [];
  if (typeof value === 'string') {
    return value
      .split(',')
      .map((it) => it.trim())
      .filter((it) => it !== '');
  }
  if (Array.isArray(value)) return value.map((it) => text(it, field));
  return refuse(`${field}: must be a list.`);
}

/** Plain or URL-safe base64, with or without padding, of UTF-8 text; null when it is none. */
export function fromBase64(value: string): string | null {
  const plain = value.replace(/\s+/g, '').replace(/-/g, '+').replace(/_/g, '/');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(plain)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(plain, 'base64'));
  } catch {
    return null;
  }
}

/** Judged by the same schema as what a person types in; the first two complaints are told. */
export function checked(raw: { kind: Egress['kind'] } & Record<string, unknown>): Egress {
  const { data, error } = egressSchema.safeParse(raw);
  if (data) return data;
  const complaints = error.issues.slice(0, 2).map((it) => `${it.path.join('.') || 'entry'}: ${it.message}`);
  throw new ImportProblem(complaints.join(' '));
}
