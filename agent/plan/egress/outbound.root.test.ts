import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../../apply/run';

const folder = fileURLToPath(new URL('./testdata/', import.meta.url));
const files = readdirSync(folder);

test.each(files)('sing-box accepts %s', async (file) => {
  const { stderr } = await run(['sing-box', 'check', '-c', `${folder}${file}`]);
  // A deprecated field still passes in this version and breaks the next one.
  expect(stderr).not.toMatch(/deprecated/i);
});
