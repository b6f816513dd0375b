// Before the root tests: they run the agent as production does, from dist/.
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildPrograms } from './build.mjs';
import { ensureGenerated } from './generate.mjs';

/** Vitest's global set-up: once, before the first file. */
export async function setup() {
  const root = dirname(import.meta.dirname);
  await ensureGenerated({ root });
  await buildPrograms({ root });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await setup();
