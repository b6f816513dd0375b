/** `npx tsx server/db/make-migration.ts NAME`: writes the migration that leads from the others to schema.prisma. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIGRATION_FILE } from './migrate';
import { projectRoot } from './project-root';
import { migrationToSchema } from './schema-engine';

const name = process.argv[2] ?? '';
if (!/^[a-z0-9_]+$/.test(name)) {
  console.error('Usage: npx tsx server/db/make-migration.ts NAME   (lower-case letters, digits, _)');
  process.exit(2);
}
const prisma = join(projectRoot(), 'prisma');
const sql = await migrationToSchema(
  join(prisma, 'migrations'),
  readFileSync(join(prisma, 'schema.prisma'), 'utf8'),
);
if (sql === null) {
  console.log('The migrations already give schema.prisma.');
} else {
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const folder = join(prisma, 'migrations', `${stamp}_${name}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, MIGRATION_FILE), sql);
  console.log(`Written: prisma/migrations/${stamp}_${name}/${MIGRATION_FILE}. Read it before you commit it.`);
}
