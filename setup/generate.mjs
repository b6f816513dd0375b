// Makes the Prisma client. `prisma generate` wants to download a schema engine that it then does not use; naming
// any existing file as that engine keeps it from trying (the download host may be out of reach).
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { run } from './run.mjs';
import { hashInputs, unlessDone } from './stamp.mjs';

const GENERATE_TIMEOUT_MS = 180_000;

export async function ensureGenerated({ root, log = () => {} }) {
  const hash = hashInputs(root, ['prisma/schema.prisma', 'prisma.config.ts', 'package-lock.json']);
  return unlessDone({ root, name: 'generate', hash, outputs: ['prisma/generated'] }, async () => {
    log('generating the database client');
    await run(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'generate'], {
      cwd: root,
      env: {
        PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
        CHECKPOINT_DISABLE: '1',
      },
      timeoutMs: GENERATE_TIMEOUT_MS,
    });
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const ran = await ensureGenerated({ root, log: (text) => process.stderr.write(`${text}\n`) });
  process.stdout.write(ran ? 'generated\n' : 'already there\n');
}
