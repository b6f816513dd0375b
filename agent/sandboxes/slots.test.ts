import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createRecords } from './records';
import { createSlots } from './slots';

const folder = await mkdtemp(join(tmpdir(), 'agent-slots-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const id = (n: number) => `a${String(n).padStart(15, '0')}`;

test('each sandbox has a slot of its own, kept by a later agent, free again after it was removed', async () => {
  const records = createRecords(folder);
  const slots = createSlots(records);
  const given = await Promise.all([1, 2, 3, 1, 2].map((n) => slots.of(id(n))));
  expect(given.slice(0, 3).sort()).toEqual([1, 2, 3]);
  expect(given.slice(3)).toEqual(given.slice(0, 2));

  const later = createSlots(createRecords(folder));
  expect(await later.of(id(2))).toBe(given[1]);
  await later.free(id(2));
  expect(await later.of(id(4))).toBe(given[1]);
  expect(await later.of(id(2))).toBe(4);
});
