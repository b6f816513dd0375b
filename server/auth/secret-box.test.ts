import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createSecretBox, loadMasterKey } from './secret-box';

test('the master key is made once, for its owner only, and seals what only it opens', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cc-key-'));
  try {
    const file = join(folder, 'keys', 'master.key');
    const key = loadMasterKey(file);
    expect(loadMasterKey(file).equals(key)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700);
    const box = createSecretBox(key);
    const sealed = box.seal('a', Buffer.from('secret'));
    expect(sealed).not.toBe(box.seal('a', Buffer.from('secret')));
    expect(box.open('a', sealed).toString()).toBe('secret');
    expect(() => box.open('b', sealed)).toThrow();
    const changed = Buffer.from(sealed, 'base64');
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
    expect(() => box.open('a', changed.toString('base64'))).toThrow();
    expect(() => createSecretBox(Buffer.alloc(32)).open('a', sealed)).toThrow();
    writeFileSync(file, 'short');
    expect(() => loadMasterKey(file)).toThrow(/restore it from a backup/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
