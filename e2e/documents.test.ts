/** What the documents say that a program can check. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { renderErrorTable } from './error-table';
import { listFiles, readText, root } from './source-files';

const documents = listFiles(['.md']);

test('docs/errors.md is the error table', async () => {
  await expect(renderErrorTable()).toMatchFileSnapshot('../docs/errors.md');
});

test('links between the documents lead somewhere', () => {
  const broken = documents.flatMap((path) =>
    [...readText(path).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('files and folders that README and docs name are there', () => {
  const folders = [
    'server',
    'agent',
    'image',
    'cli',
    'app',
    'components',
    'prisma',
    'e2e',
    'shared',
    'setup',
    'bench',
  ];
  const named = new RegExp(`\`((?:${folders.join('|')})/[\\w./-]*)\``, 'g');
  const missing = documents
    .filter((path) => path === 'README.md' || path.startsWith('docs/'))
    .flatMap((path) =>
      [...readText(path).matchAll(named)]
        .map((match) => match[1] ?? '')
        .filter((target) => !existsSync(join(root, target)))
        .map((target) => `${path}: ${target}`),
    );
  expect(missing).toEqual([]);
});
