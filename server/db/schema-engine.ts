/**
 * Development only: Prisma's own schema engine, as WebAssembly, so that a migration can be made and checked where
 * the native engine (which `prisma migrate` downloads) is out of reach. Nothing of the running gateway imports this.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg';
import { SingleConnectionFactory } from './connection';
import { migrate } from './migrate';

/** The glue keeps one instance in module scope, so it is made once. */
let loading: Promise<void> | undefined;
async function load(): Promise<void> {
  const folder = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
  // The package's entry imports the .wasm file as a module, which Node 20 does not do without a flag.
  const bytes = await readFile(join(folder, 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': { ...glue } });
  glue.__wbg_set_wasm(instance.exports);
  const start = instance.exports.__wbindgen_start;
  if (typeof start === 'function') start();
}

/**
 * SQL that leads from the migrations in `folder`, really applied to a database, to `schema` (text of a
 * schema.prisma); null when they agree.
 */
export async function migrationToSchema(folder: string, schema: string): Promise<string | null> {
  loading ??= load();
  await loading;
  const temp = await mkdtemp(join(tmpdir(), 'cc-schema-'));
  const file = join(temp, 'migrated.db');
  try {
    migrate(file, folder);
    const factory = new SingleConnectionFactory({ url: `file:${file}` });
    const files = [{ path: 'schema.prisma', content: schema }];
    const engine = await glue.SchemaEngine.new(
      { datamodels: [['schema.prisma', schema]] },
      () => {},
      bindMigrationAwareSqlAdapterFactory(factory),
    );
    try {
      const result = await engine.diff({
        from: { tag: 'schemaDatasource', files, configDir: folder },
        to: { tag: 'schemaDatamodel', files },
        script: true,
        exitCode: true,
        filters: { externalTables: [], externalEnums: [] },
      });
      return result.exitCode === 0 ? null : result.stdout;
    } finally {
      engine.free();
    }
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}
