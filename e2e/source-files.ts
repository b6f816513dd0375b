/** Reads the project's own source files from outside: which there are, how long they are, what they import. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Made by tools or by running the product: nobody wrote these. */
const notOurs = new Set([
  'node_modules',
  '.git',
  '.next',
  'dist',
  'data',
  'coverage',
  'generated',
  'artifacts',
  'testdata',
]);

/** Paths from the root, with `/`, of every file whose name ends in one of `endings`. */
export function listFiles(endings: readonly string[], folder = root): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (notOurs.has(entry.name)) return [];
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return listFiles(endings, path);
      const wanted = entry.isFile() && endings.some((ending) => entry.name.endsWith(ending));
      return wanted ? [relative(root, path).replaceAll('\\', '/')] : [];
    })
    .sort();
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Tests, and what only tests use: files in `testing/` or `testlab/`, or named `testing.ts`. */
export const isTest = (path: string): boolean =>
  /\.(test|spec)\.tsx?$|(^|\/)(testing|testlab)(\/|\.ts$)|^e2e\//.test(path);

/** The first folder of a path, or the file's own name at the root. */
export const folderOf = (path: string): string => path.split('/')[0] ?? path;

export interface Import {
  /** As it stands in the file. */
  specifier: string;
  /** Path from the root without an ending, for one of our own files; null for a package or a Node module. */
  target: string | null;
  /** Leaves nothing behind when it is compiled. */
  typeOnly: boolean;
}

/** Static, type-only, dynamic and re-exporting imports of a source text. */
export function importsOf(path: string, text: string): Import[] {
  const typeOnly = typeOnlySpecifiers(path, text);
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => ({
    specifier: fileName,
    target: targetOf(path, fileName),
    typeOnly: typeOnly.has(fileName),
  }));
}

/** Specifiers that are imported as types everywhere in the file. */
function typeOnlySpecifiers(path: string, text: string): Set<string> {
  const types = new Set<string>();
  const values = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      (importsOnlyTypes(node.importClause) ? types : values).add(node.moduleSpecifier.text);
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      (node.isTypeOnly ? types : values).add(node.moduleSpecifier.text);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) types.add(node.argument.literal.text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [first] = node.arguments;
      if (first && ts.isStringLiteral(first)) values.add(first.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, false));
  return new Set([...types].filter((it) => !values.has(it)));
}

function importsOnlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  return !clause.name && !!named && ts.isNamedImports(named) && named.elements.every((it) => it.isTypeOnly);
}

function targetOf(from: string, specifier: string): string | null {
  if (specifier.startsWith('@/')) return specifier.slice(2);
  if (!specifier.startsWith('.')) return null;
  return posix.join(posix.dirname(from), specifier);
}
