import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostKey, keyFiles, publicHostKey, soundKeyPair } from './host-keys';
import { createRecords } from './records';

const id = 'a0123456789abcde';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-records-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a change survives a restart; a broken record counts as none', async () => {
  const released = { containerId: 'c', startedAt: 's' };
  await createRecords(folder).change(id, { released });
  expect((await createRecords(folder).read(id)).released).toEqual(released);
  expect(await createRecords(folder).ids()).toEqual([id]);
  await writeFile(join(folder, 'sandboxes', id, 'record.json'), '{"released":');
  expect((await createRecords(folder).read(id)).released).toBeNull();
  expect((await stat(join(folder, 'sandboxes', id))).mode & 0o777).toBe(0o700);
});

test('changes at one time are all kept', async () => {
  const records = createRecords(folder);
  const slots = Array.from({ length: 20 }, (_, slot) => slot);
  await Promise.all([
    ...slots.map((slot) => records.change(id, { slot })),
    records.change(id, { admitted: 'this' }),
  ]);
  expect(await createRecords(folder).read(id)).toMatchObject({ slot: 19, admitted: 'this' });
});

test('an id is never a path', () => {
  expect(() => createRecords(folder).folder('../../etc')).toThrow();
});

test('the host key is made once, in OpenSSH format, private to root', async () => {
  const records = createRecords(folder);
  expect(await publicHostKey(records, id)).toBeNull();
  const key = await hostKey(records, id);
  expect(await hostKey(createRecords(folder), id)).toEqual(key);
  expect(key.public).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]+=*$/);
  const parsed = ssh2.utils.parseKey(key.private);
  if (parsed instanceof Error) throw parsed;
  expect(parsed.getPublicSSH().toString('base64')).toBe(key.public.split(' ')[1]);
  expect((await stat(join(records.folder(id), 'host_ed25519'))).mode & 0o777).toBe(0o600);
  const { files } = keyFiles(key, 'ssh-ed25519 AAAA gw');
  expect(files.map((it) => [it.name, it.mode])).toEqual([
    ['host_ed25519', 0o600],
    ['authorized_keys', 0o644],
  ]);
});

test('every key pair can be loaded, and one that cannot is made anew', async () => {
  // One in 256 of ssh2's cannot: 2,000 of them without a single one would be luck of 1 in 2,500.
  for (let at = 0; at < 2_000; at++) {
    expect(ssh2.utils.parseKey(soundKeyPair('x').private)).not.toBeInstanceOf(Error);
  }
  const records = createRecords(folder);
  const broken = await hostKey(records, id);
  await writeFile(join(records.folder(id), 'host_ed25519'), broken.private.slice(0, 200));
  const mended = await hostKey(records, id);
  expect(mended.public).not.toBe(broken.public);
  expect(await publicHostKey(records, id)).toBe(mended.public);
});
