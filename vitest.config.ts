import { defineConfig } from 'vitest/config';

/**
 * Three kinds of tests. `unit` needs nothing but Node; `root` needs root, Docker, nftables and sing-box and
 * so runs its files one after another (they share one kernel); `e2e` drives the whole product from outside.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{shared,server,agent,image,cli,app,components,setup,e2e}/**/*.test.{ts,tsx}'],
          exclude: ['**/*.root.test.ts', '**/node_modules/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'root',
          include: ['{server,agent,image,setup}/**/*.root.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.spec.ts'],
          // One product for all of them.
          globalSetup: 'e2e/global-setup.ts',
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
