// Apart from the tests of the client: Prisma's client and its schema engine both claim one global panic handler.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from './project-root';
import { migrationToSchema } from './schema-engine';

const prisma = join(projectRoot(), 'prisma');
const schema = readFileSync(join(prisma, 'schema.prisma'), 'utf8');

test('the migrations give exactly schema.prisma', async () => {
  expect(await migrationToSchema(join(prisma, 'migrations'), schema)).toBeNull();
});

test.each([
  ['a column', 'passwordHash       String\n', 'passwordHash       String\n  extra String?\n'],
  ['a default', '@default("UTC")', '@default("CET")'],
  ['nullability', 'hostKey        String?', 'hostKey        String'],
  ['an index', '@@index([state, nextRunAt])', ''],
  ['a unique', 'username           String         @unique', 'username           String'],
  ['a foreign key action', 'onDelete: Restrict', 'onDelete: Cascade'],
])('the comparison sees a change of %s', async (_what, from, to) => {
  expect(schema).toContain(from);
  expect(await migrationToSchema(join(prisma, 'migrations'), schema.replace(from, to))).toMatch(
    /(CREATE|ALTER|DROP)/,
  );
});
