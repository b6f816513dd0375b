/** Who may import what. The table is data; boundaries.test.ts holds every source file to it. */

export interface FolderRule {
  /** Other folders of ours it may import from. */
  folders: readonly string[];
  /** Folders or files of ours it may import types from. */
  types: readonly string[];
  /** `all`, or the only packages it may name. */
  packages: 'all' | readonly string[];
  /** Packages that live in another part. */
  never: readonly string[];
  node: boolean;
}

const anything = { folders: ['shared'], types: [], packages: 'all', never: [], node: true } as const;
const routerType = ['server/api/root'];
const browserParts = ['react', 'react-dom', '@xterm/xterm', '@tanstack/react-query', '@trpc/client'];

export const importTable: Record<string, FolderRule> = {
  /** Compiled without Node's and the browser's types, so that both sides can use it. */
  shared: { folders: [], types: [], packages: ['zod'], never: [], node: false },
  server: { ...anything, folders: ['shared', 'prisma'], never: ['dockerode', ...browserParts] },
  agent: { ...anything, never: ['next', 'next-auth', '@prisma/client', ...browserParts] },
  image: { ...anything, never: ['next', 'next-auth', 'dockerode', '@prisma/client', ...browserParts] },
  cli: { ...anything, types: routerType, never: ['next', 'next-auth', 'dockerode', '@prisma/client'] },
  app: { ...anything, folders: ['components', 'shared'], types: routerType, node: false },
  components: { ...anything, folders: ['shared'], types: routerType, node: false },
  /** Runs before anything is installed or built. */
  setup: { ...anything, folders: [] },
  e2e: { ...anything },
  /** Measures our path as it is built, against peers. */
  bench: { ...anything },
  prisma: { ...anything, folders: [] },
};

/** Crossings that have a reason. One that is no longer needed fails the test as well. */
export const crossings: readonly { from: string; to: string; reason: string }[] = [
  {
    from: 'server/main.ts',
    to: 'agent/start',
    reason: 'HOST_AGENT_MODE=embedded runs the agent inside the gateway, for development',
  },
  {
    from: 'bench/ours.ts',
    to: 'server/gateway/testing/box',
    reason: 'the same sandbox that the gateway is tested with',
  },
  {
    from: 'bench/ours.ts',
    to: 'server/gateway/testing/gateway',
    reason: 'our path without pages and log-in, as the peers have none',
  },
  {
    from: 'bench/gateway.ts',
    to: 'server/compose',
    reason: 'the whole gateway without pages, so that a start needs no build of them',
  },
  {
    from: 'e2e/api.spec.ts',
    to: 'server/http/documented',
    reason: 'one reader of the documented examples, wherever they are run',
  },
  ...['server/gateway/testing/loopback', 'server/http/testing', 'server/http/testing-box'].map((to) => ({
    from: 'bench/api.ts',
    to,
    reason: 'the gateway alone, in a process of its own',
  })),
  {
    from: 'bench/gateway.ts',
    to: 'server/config',
    reason: 'the same settings as the product',
  },
  ...[
    ['server/auth/audit', 'server/db/open', 'server/live/live', 'server/live/visible'],
    ['server/gateway/anthropic-proxy', 'server/gateway/provider', 'server/usage-parts'],
  ]
    .flat()
    .map((to) => ({ from: 'bench/proxy-ours.ts', to, reason: 'the proxy with its counting, without SSH' })),
  {
    from: 'bench/product.ts',
    to: 'e2e/traces',
    reason: 'what a product leaves on its host is known in one place',
  },
  {
    from: 'bench/frames.ts',
    to: 'server/gateway/testing/box',
    reason: 'the newest image, as the tests find it',
  },
  {
    from: 'server/services/login/login.root.test.ts',
    to: 'e2e/anthropic/api',
    reason: 'the scripted Claude API that the whole product is tested with',
  },
  {
    from: 'image/testing/claude-box.ts',
    to: 'e2e/anthropic/api',
    reason: 'the scripted Claude API that the whole product is tested with',
  },
  {
    from: 'bench/egress.ts',
    to: 'agent/testlab/machine',
    reason: 'addresses of the laboratory that the tests of ways out use',
  },
  {
    from: 'bench/egress.ts',
    to: 'agent/testlab/plain-client',
    reason: 'the peer dials the same proxies',
  },
  {
    from: 'bench/egress.ts',
    to: 'agent/testlab/scene',
    reason: 'the real agent and the real proxies of that laboratory',
  },
  {
    from: 'server/network.root.test.ts',
    to: 'agent/testlab/daemon',
    reason: 'the real agent on a laboratory host, killed and started again',
  },
  {
    from: 'server/network.root.test.ts',
    to: 'agent/testlab/judge',
    reason: 'every frame that leaves that host',
  },
  {
    from: 'server/network.root.test.ts',
    to: 'agent/testlab/machine',
    reason: 'addresses of that laboratory',
  },
  {
    from: 'server/network.root.test.ts',
    to: 'agent/testlab/proxies',
    reason: 'the proxies of that laboratory',
  },
  {
    from: 'server/network.root.test.ts',
    to: 'agent/testlab/scene',
    reason: 'the whole gateway against that laboratory',
  },
];

/** Where one thing may be done, and only there; tests are free. */
export const onlyHere: readonly {
  what: string;
  pattern: RegExp;
  within: string;
  files: readonly string[];
}[] = [
  {
    what: 'starting programs',
    pattern: /['"](node:)?child_process['"]/,
    within: 'agent/',
    files: ['agent/apply/run.ts'],
  },
  {
    what: 'reading the environment',
    pattern: /\bprocess\.env\b/,
    within: 'server/',
    files: ['server/config.ts'],
  },
];
