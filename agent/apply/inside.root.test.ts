import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newestImage } from '../testlab/lab';
import { writeInside } from './inside';
import { Namespace } from './netns';
import { run } from './run';

const name = `cc-inside-test-${randomBytes(4).toString('hex')}`;
let namespace: Namespace;
/** On the host: what a link in the container would lead to if the host followed it. */
let outside: string;

const inside = async (script: string) =>
  (await run(['docker', 'exec', '-u', '0', name, 'sh', '-c', script])).stdout;
const write = (path: string, data = 'text\n') =>
  writeInside(namespace, path, [{ name: 'file', mode: 0o640, data }]);

beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), 'inside-'));
  const place = ['--network', 'none', '--tmpfs', '/run', '--entrypoint', 'sleep'];
  await run(['docker', 'run', '-d', '--name', name, ...place, await newestImage(), 'infinity']);
  const { stdout } = await run(['docker', 'inspect', '-f', '{{.State.Pid}}', name]);
  namespace = await Namespace.ofProcess(Number(stdout));
});
afterAll(async () => {
  await namespace.close();
  await run(['docker', 'rm', '-fv', name]);
  await rm(outside, { recursive: true });
});

test('writes whole files that belong to the owner of the folder, and writes over what is there', async () => {
  await write('/run');
  await write('/run', 'other\n');
  expect(await inside('stat -c "%U %a" /run/file; cat /run/file; ls -A /run')).toBe(
    'root 640\nother\nfile\n',
  );
  await write('/home/claude');
  expect(await inside('stat -c %U /home/claude/file')).toBe('claude\n');
});

test('a link is never followed: neither a folder on the way nor the file itself', async () => {
  await inside(`ln -s ${outside} /etc/way && mkdir /etc/plain && ln -s ${outside}/made /etc/plain/file`);
  await expect(write('/etc/way')).rejects.toThrow(/ENOTDIR|ELOOP/);
  await expect(write('/etc/way/deeper')).rejects.toThrow(/ENOTDIR|ELOOP/);
  await expect(write('/etc/../tmp')).rejects.toThrow('no plain path');
  await write('/etc/plain');
  expect(await inside('stat -c %F /etc/plain/file')).toBe('regular file\n');
  expect(await readdir(outside)).toEqual([]);
});

test('nothing is written for a process of the host or of another namespace', async () => {
  const host = { pid: process.pid, inode: namespace.inode, fd: namespace.fd };
  // Only what is read: a pid that was used again by a process of the host.
  await expect(
    writeInside(host as Namespace, outside, [{ name: 'file', mode: 0o600, data: '' }]),
  ).rejects.toThrow('ended meanwhile');
  expect(await readdir(outside)).toEqual([]);
});
