/** The borders between the parts, and a few rules of the house that only hold when something checks them. */
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { crossings, type FolderRule, importTable, onlyHere } from './import-table';
import { folderOf, type Import, importsOf, isTest, listFiles, readText, root } from './source-files';

/** A file this long has grown because it owns too much. */
const LINES_MAX = 500;
/** From here on a reader should ask why. */
const LINES_QUESTION = 300;

const sources = listFiles(['.ts', '.tsx', '.mjs']).filter((path) => path.includes('/'));
const imports = sources.flatMap((path) => importsOf(path, readText(path)).map((it) => ({ path, ...it })));
const nodeModules = new Set(builtinModules);

function refusal(path: string, it: Import): string | null {
  const folder = folderOf(path);
  const rule = importTable[folder];
  if (!rule) return `${folder}/ has no row in the import table`;
  return it.target === null ? refusedPackage(rule, path, it) : refusedFile(rule, path, it);
}

function refusedFile(rule: FolderRule, path: string, { target, specifier, typeOnly }: Import): string | null {
  const folder = folderOf(path);
  const to = target ?? '';
  if (specifier.startsWith('@/') && folder !== 'app' && folder !== 'components')
    return 'no alias outside the app';
  if (to.startsWith('..')) return 'leaves the project';
  if (/\.(ts|tsx|js)$/.test(to) && !path.endsWith('.mjs')) return 'imports stand without an ending';
  const other = folderOf(to);
  if (other === folder || rule.folders.includes(other)) return null;
  if (typeOnly && rule.types.some((allowed) => to === allowed)) return null;
  if (crossings.some((it) => it.from === path && it.to === to)) return null;
  return `${folder}/ may not import from ${other}/`;
}

function refusedPackage(rule: FolderRule, path: string, { specifier, typeOnly }: Import): string | null {
  const folder = folderOf(path);
  const bare = specifier.replace(/^node:/, '');
  if (specifier.startsWith('node:') || nodeModules.has(bare)) {
    if (!specifier.startsWith('node:')) return 'Node modules are named node:…';
    return rule.node || isTest(path) ? null : `${folder}/ knows no Node`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (isTest(path) && (name === 'vitest' || name === 'fast-check')) return null;
  if (rule.packages !== 'all' && !rule.packages.includes(name)) return `${folder}/ may not use ${name}`;
  return rule.never.includes(name) && !typeOnly && !isTest(path)
    ? `${name} does not belong to ${folder}/`
    : null;
}

describe('imports', () => {
  test('stay within the table', () => {
    const refused = imports.flatMap((it) => {
      const reason = refusal(it.path, it);
      return reason ? [`${it.path}: ${it.specifier}: ${reason}`] : [];
    });
    expect(refused).toEqual([]);
  });

  test('each listed crossing is needed', () => {
    const unused = crossings.filter(
      (it) => !imports.some(({ path, target }) => path === it.from && target === it.to),
    );
    expect(unused).toEqual([]);
  });

  test('the table sees type-only, dynamic and re-exporting imports', () => {
    const text = [
      "import type { A } from '../server/api/root';",
      "import { type B } from '../server/b';",
      "import { type C, d } from '../server/c';",
      "export * from '../server/e';",
      "const f = await import('../server/f');",
      "type G = import('../server/g').G;",
    ].join('\n');
    const found = importsOf('app/page.tsx', text).map((it) => [it.target, it.typeOnly]);
    expect(Object.fromEntries(found)).toEqual({
      'server/api/root': true,
      'server/b': true,
      'server/c': false,
      'server/e': false,
      'server/f': false,
      'server/g': true,
    });
  });
});

describe('files', () => {
  test('no barrels: every file holds something of its own', () => {
    const barrels = sources.filter((path) => {
      if (/(^|\/)index\.tsx?$/.test(path)) return true;
      const { statements } = ts.createSourceFile(path, readText(path), ts.ScriptTarget.ES2022, false);
      return (
        statements.length > 0 && statements.every((it) => ts.isExportDeclaration(it) && it.moduleSpecifier)
      );
    });
    expect(barrels).toEqual([]);
  });

  test('no folder for things without a home', () => {
    const homeless = sources.filter((path) =>
      /(^|\/)(utils?|helpers?|lib|common|misc)(\/|\.tsx?$)/.test(path),
    );
    expect(homeless).toEqual([]);
  });

  test(`none is longer than ${LINES_MAX} lines`, () => {
    const lines = [...sources, ...listFiles(['.css'])].map((path) => ({
      path,
      lines: readText(path).split('\n').length - 1,
    }));
    const questioned = lines.filter((it) => it.lines > LINES_QUESTION).map((it) => `${it.lines} ${it.path}`);
    if (questioned.length > 0) console.info(`over ${LINES_QUESTION} lines:\n  ${questioned.join('\n  ')}`);
    expect(lines.filter((it) => it.lines > LINES_MAX)).toEqual([]);
  });

  test.each(onlyHere)('$what in $within only in $files', ({ pattern, within, files }) => {
    const elsewhere = sources
      .filter((path) => path.startsWith(within) && !isTest(path) && !files.includes(path))
      .filter((path) => pattern.test(readText(path)));
    expect(elsewhere).toEqual([]);
  });

  test('none names a path of the machine it was written on', () => {
    const own = root.split('/').length > 2 ? [root] : [];
    const pattern = /\/Users\/\w|\/home\/(?!claude\b)[a-z]\w*\//;
    const named = listFiles([
      '.ts',
      '.tsx',
      '.mjs',
      '.md',
      '.json',
      '.css',
      '.sh',
      '.yml',
      '.sql',
      'Dockerfile',
    ])
      .filter((path) => path !== 'package-lock.json' && path !== 'e2e/boundaries.test.ts')
      .filter((path) => own.some((it) => readText(path).includes(it)) || pattern.test(readText(path)));
    expect(named).toEqual([]);
  });
});

// That it compiles so is a stage of `npm test` of its own.
test('shared/ is compiled with neither Node nor a browser', () => {
  const folder = join(root, 'shared');
  const { config } = ts.readConfigFile(join(folder, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
  expect(options.types).toEqual([]);
  expect(options.lib?.some((it) => it.includes('dom'))).toBe(false);
});
