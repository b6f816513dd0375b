import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCountryOf } from './country';

const log = pino({ level: 'silent' });
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cc-country-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A string, a 32-bit number or a map in the data format of MaxMind DB 2.0 (type in the top three bits, then size). */
type Value = string | number | { [name: string]: Value };
function encode(value: Value): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([Buffer.from([(2 << 5) | value.length]), Buffer.from(value)]);
  if (typeof value === 'number') {
    const body = Buffer.alloc(4);
    body.writeUInt32BE(value);
    return Buffer.concat([Buffer.from([(6 << 5) | 4]), body]);
  }
  const entries = Object.entries(value);
  const parts = entries.flatMap(([name, it]) => [encode(name), encode(it)]);
  return Buffer.concat([Buffer.from([(7 << 5) | entries.length]), ...parts]);
}

/** A database for IPv4 in which all of 128.0.0.0/1 has one entry and the rest has none. */
function database(entry: Value): Buffer {
  const nodes = 1;
  // One node of two 24-bit records: left (bit 0) finds nothing, right finds the first byte of the data.
  const tree = Buffer.from([0, 0, nodes, 0, 0, nodes + 16]);
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: 'Test',
    ip_version: 4,
    node_count: nodes,
    record_size: 24,
  });
  const marker = Buffer.concat([Buffer.from([0xab, 0xcd, 0xef]), Buffer.from('MaxMind.com')]);
  return Buffer.concat([tree, Buffer.alloc(16), encode(entry), marker, metadata]);
}

test.each<[string, Value]>([
  ['MaxMind', { country: { iso_code: 'NZ' }, continent: { code: 'OC' } }],
  ['IPinfo', { country: 'NZ', country_name: 'New Zealand' }],
  ['IPinfo lite', { country: 'New Zealand', country_code: 'nz' }],
])('%s: a known address has a country, others have none', async (_maker, entry) => {
  const path = join(folder, 'country.mmdb');
  await writeFile(path, database(entry));
  const countryOf = createCountryOf({ path, log });
  expect(countryOf('198.51.100.9')).toBe('NZ');
  expect(countryOf('10.0.0.1')).toBeNull();
  expect(countryOf('no address')).toBeNull();
});

test('without a database, with a broken one and without the file nothing is known', async () => {
  const path = join(folder, 'broken.mmdb');
  await writeFile(path, 'this is no database');
  for (const it of [null, path, join(folder, 'missing.mmdb')]) {
    expect(createCountryOf({ path: it, log })('198.51.100.9')).toBeNull();
  }
});
