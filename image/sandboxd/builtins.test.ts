import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, test } from 'vitest';

test('the bundle imports no module of Node whose lazy exports are large', () => {
  const { outputFiles } = buildSync({
    entryPoints: [join(import.meta.dirname, 'main.ts')],
    ...{ bundle: true, platform: 'node', format: 'esm', write: false, logLevel: 'silent' },
  });
  const text = outputFiles[0]?.text ?? '';
  const imported = [...text.matchAll(/ from "([^"]+)";$/gm)].map((it) => it[1]);
  expect(imported).toContain('node:fs');
  for (const name of ['node:http', 'node:https', 'node:crypto', 'node:tls'])
    expect(imported).not.toContain(name);
  // --jitless: undici's parser is WebAssembly.
  expect(text).not.toMatch(/\bfetch\(/);
  expect(text).not.toContain('zod');
});
