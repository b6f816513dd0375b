import { defineConfig } from 'vitest/config';
import { SlowFirst } from './setup/slow-first.mjs';

/** `expect.poll` gives up after a second by itself. */
const patient = { poll: { timeout: 40_000 } };

/**
 * Three kinds of tests. `unit` needs nothing but Node; `root` needs root, Docker, nftables and sing-box; `e2e` drives
 * the whole product from outside.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{shared,server,agent,image,cli,app,components,setup,e2e}/**/*.test.{ts,tsx}'],
          exclude: ['**/*.root.test.ts', '**/node_modules/**'],
          // All processors: by itself vitest leaves one idle, which of two is half.
          maxWorkers: '100%',
          // One process for many files: a new one for each, with all its imports, took three times the processor.
          isolate: false,
          sequence: { groupOrder: 0 },
          // Tests wait for events; on a machine whose host is busy with others these come several times as late.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: patient,
        },
      },
      {
        test: {
          name: 'root',
          include: ['{server,agent,image,setup}/**/*.root.test.ts'],
          globalSetup: 'setup/root-tests.mjs',
          // Two files at one time: each has an instance, folders and namespaces of its own, and most of a file's time
          // is waiting. More would only make the machine slow enough for deadlines to pass.
          maxWorkers: 2,
          isolate: false,
          // A number of workers of its own needs a group of its own (vitest's rule).
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 240_000,
          expect: patient,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.spec.ts'],
          // A product for each worker, as a file changes what another would see. Most of a file's time is waiting.
          globalSetup: 'e2e/global-setup.ts',
          maxWorkers: 2,
          isolate: false,
          sequence: { groupOrder: 2 },
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
