import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LOG_MAX_BYTES } from '../apply/singbox';
import { LogReader } from './follower';

let folder: string;
let path: string;
let reader: LogReader;
let lines: string[];
let lost: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-reader-'));
  path = join(folder, 'sing-box.log');
  reader = new LogReader(path);
  [lines, lost] = [[], 0];
});
afterEach(() => {
  reader.close();
  rmSync(folder, { recursive: true });
});
function read(): boolean {
  return reader.read(
    (line) => lines.push(line),
    () => {
      lost += 1;
    },
  );
}

test('whole lines, each once, also those that were written by half', () => {
  expect(read()).toBe(false);
  appendFileSync(path, 'one\ntw');
  expect(read()).toBe(true);
  appendFileSync(path, 'o\nthr');
  read();
  reader.close();
  appendFileSync(path, 'ee\n');
  read();
  expect([lines, lost]).toEqual([['one', 'two', 'three'], 0]);
});

test('a letter of two bytes may come in two pieces', () => {
  const bytes = Buffer.from('é\n');
  appendFileSync(path, bytes.subarray(0, 1));
  read();
  appendFileSync(path, bytes.subarray(1));
  read();
  expect(lines).toEqual(['é']);
});

test('what was read is cleared away, and nothing of it is lost', () => {
  const long = 'x'.repeat(1000);
  let written = 0;
  let largest = 0;
  for (let round = 0; round < 30; round++) {
    for (let it = 0; it < 50; it++) appendFileSync(path, `${written++} ${long}\n`);
    read();
    largest = Math.max(largest, statSync(path).size);
  }
  expect(lines.map((it) => Number.parseInt(it, 10))).toEqual(Array.from({ length: written }, (_, it) => it));
  expect(largest).toBeLessThanOrEqual(LOG_MAX_BYTES);
  expect(lost).toBe(0);
});

test('emptied by somebody else: it says so and goes on', () => {
  appendFileSync(path, 'one\ntwo\n');
  read();
  truncateSync(path, 0);
  appendFileSync(path, 'three\n');
  read();
  expect([lines, lost]).toEqual([['one', 'two', 'three'], 1]);
});

test('the end of a log of an earlier agent, up to the last start', () => {
  let starts = 0;
  appendFileSync(path, 'one\n+0000 2026-11-21 09:10:07 INFO inbound/tun[tun]: started at tun0\ntwo\n');
  reader.readPast(
    (line) => lines.push(line),
    () => {
      starts += 1;
    },
  );
  expect([lines, starts]).toEqual([['one', 'two'], 1]);
  expect(read()).toBe(false);
});
