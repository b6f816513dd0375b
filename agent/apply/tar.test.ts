import { expect, test } from 'vitest';
import { run } from './run';
import { tar } from './tar';

test('the real tar reads the archive', async () => {
  const archive = tar([
    { name: 'key', mode: 0o600, data: Buffer.from('secret\n') },
    { name: 'empty', mode: 0o644, data: Buffer.alloc(0) },
    { name: 'block', mode: 0o644, data: Buffer.alloc(512, 'x') },
  ]);
  const input = archive.toString('latin1');
  // All bytes are ASCII here, so the text form is the same.
  const { stdout } = await run(['tar', '-tv', '--numeric-owner', '-f', '-'], { input });
  const lines = stdout
    .trim()
    .split('\n')
    .map((it) => it.split(/\s+/));
  expect(lines.map(([mode, owner, size, , , name]) => [mode, owner, size, name])).toEqual([
    ['-rw-------', '0/0', '7', 'key'],
    ['-rw-r--r--', '0/0', '0', 'empty'],
    ['-rw-r--r--', '0/0', '512', 'block'],
  ]);
  expect((await run(['tar', '-xO', '-f', '-', 'key'], { input })).stdout).toBe('secret\n');
});
