import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createWireguardKeys, publicKeyOf } from './keys';

const folder = await mkdtemp(join(tmpdir(), 'agent-keys-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const keys = createWireguardKeys(folder);

test('a key is two halves that fit; the private one lies in a file of root only', async () => {
  const { keyId, publicKey } = await keys.newKey();
  expect(keyId).toMatch(/^[a-z0-9]{16}$/);
  const privateKey = await keys.privateKey(keyId);
  expect(privateKey).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  expect(publicKeyOf(privateKey)).toBe(publicKey);
  const [file = ''] = await readdir(join(folder, 'wireguard'));
  expect((await stat(join(folder, 'wireguard', file))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, 'wireguard', file), 'utf8')).not.toContain(publicKey);
  await keys.removeKey(keyId);
  await keys.removeKey(keyId);
  await expect(keys.privateKey(keyId)).rejects.toThrow('make a new key');
});

test('a name that is none never becomes a path', async () => {
  await expect(keys.privateKey('../../etc/passwd')).rejects.toThrow('16 letters');
});
