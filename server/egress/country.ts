import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Reader, type Response } from 'mmdb-lib';
import type { Logger } from 'pino';

/** Two upper-case letters (ISO 3166-1), or null: unknown, or no database. */
export type CountryOf = (address: string) => string | null;

/**
 * Countries from a database on this machine in MaxMind's format, read once; nobody is asked. A path that cannot be
 * read is told in the log and gives a function that knows nothing: a country is decoration, no reason not to start.
 */
export function createCountryOf({ path, log }: { path: string | null; log: Logger }): CountryOf {
  if (path === null) return () => null;
  let reader: Reader<Response>;
  try {
    reader = new Reader<Response>(readFileSync(path));
  } catch (error) {
    log.warn({ err: error, path }, 'GEOIP_DB cannot be read: exit addresses are shown without a country');
    return () => null;
  }
  return (address) => (isIP(address) === 0 ? null : codeIn(reader.get(address)));
}

/** `country.iso_code` (MaxMind, DB-IP), `country_code` or `country` (IPinfo). */
function codeIn(entry: unknown): string | null {
  if (!isRecord(entry)) return null;
  const { country, country_code: code } = entry;
  const found = [isRecord(country) ? country.iso_code : country, code].find(
    (it) => typeof it === 'string' && /^[A-Za-z]{2}$/.test(it),
  );
  return typeof found === 'string' ? found.toUpperCase() : null;
}
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
