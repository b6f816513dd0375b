// The examples of the documentation, run as they stand; those that need a real sandbox are run by e2e/api.spec.ts.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../db/project-root';
import { type Loopback, startLoopback } from '../gateway/testing/loopback';
import { examplesOf, requestsOf } from './documented';
import { startTestServer, type TestServer } from './testing';
import { addLoopbackBox, BOX } from './testing-box';

const MASTER = 'a-master-token-of-the-tests-0123456789';
/** Below what systems give out by themselves; one of them will be free. */
const FIRST_PORT = 20_000 + Math.floor(Math.random() * 12_000);
const root = projectRoot();
let box: Loopback;
let server: TestServer;
beforeAll(async () => {
  box = await startLoopback();
  server = await startTestServer(
    {
      CLOUD_CLAUDE_TOKEN: MASTER,
      PORT_RANGE: `${FIRST_PORT}-${FIRST_PORT + 20}`,
      // Nobody is there: what a probe says of that is an answer too.
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
    },
    { connections: box.connections },
  );
  await addLoopbackBox(server, box);
  await box.emit(20);
});
afterAll(async () => {
  await server?.stop();
  await box?.close();
});

const pages = await Promise.all(
  ['api', 'files'].map(async (it) => ({ page: it, examples: await examplesOf(join(root, `docs/${it}.md`)) })),
);
const examples = pages.flatMap(({ page, examples: of }) => of.map((it) => ({ page, ...it })));
const here = examples.filter((it) => !it.needsSandbox);

describe('the examples', () => {
  test.concurrent.each(here)('$page: $title', async ({ script, language }) => {
    const program =
      language === 'js'
        ? ['node', '--input-type=module', '-e']
        : ['bash', '--norc', '-euo', 'pipefail', '-c'];
    const [name = '', ...args] = [...program, script];
    const { stdout } = await promisify(execFile)(name, args, {
      cwd: root,
      env: {
        ...{ NODE_ENV: 'test' as const, PATH: process.env.PATH, TOKEN: MASTER, SANDBOX: BOX },
        ...{ SESSION: box.sessionId, URL: `http://127.0.0.1:${server.port}` },
      },
    });
    // It may be that nothing changes meanwhile.
    if (script.includes('/api/events')) expect(stdout).toMatch(/^: connected\n\n/);
    else if (script.includes('api -N')) expect(stdout).toMatch(/^: connected\n\n(id: \d+\n)?event: \w+/);
    else if (language === 'js') expect(stdout).toMatch(/^1 text.delta$/m);
    else expect(stdout).toMatch(/^[{[]/);
  });
});

/** Routes that are told of elsewhere, and why no example stands for them. */
const elsewhere: [RegExp, string][] = [
  [/ \/api\/(egresses|pools|bindings|subscriptions|policies|presets)\b/, 'of administrators: ways-out.md'],
  [/^(PUT|DELETE) \/api\/(budgets|prices)$/, 'of administrators: usage.md'],
  [/ \/api\/auth\/(check|login|logout|register|oidc)/, 'the log-in of browsers: security.md'],
  [/^POST \/api\/workspaces$| \/api\/workspaces\/\{\}/, 'of people who work together: users.md'],
  [/ \/api\/(sandboxes|sessions)\/\{\}\/hooks/, 'the same as /api/hooks of another level: hooks.md'],
  [/ \/api\/sandboxes\/\{\}\/login/, 'the same as /api/auth/claude, as events: providers.md'],
  [
    / \/api\/sandboxes\/\{\}\/(start|stop|restart|pause|resume|rebuild|retry)$/,
    'would end what the page works with',
  ],
  [/^(DELETE|POST) \/api\/sandboxes\/\{\}$/, 'would end what the page works with'],
  [/ \/api\/sandboxes\/\{\}\/(prove|allow|traffic)$/, 'ways-out.md'],
  [/ \/api\/tasks\/\{\}/, 'has an id for as long as a change takes: /api/tasks lists them'],
  [/ \/api\/sandboxes\/\{\}\/fs\//, 'the same as /api/fs: files.md'],
  [/ \/ws\/sandboxes\/\{\}\/terminal$/, "the web app's own: protocol.md"],
  [/ \/ws\/shells\/\{\}$/, 'e2e/api.spec.ts types in one'],
  [/ \/api\/sessions\/\{\}\/stream$/, 'another name of /ws/sessions/{id}'],
];

test('every route has one, or a reason why not', async () => {
  const shown = new Set(examples.flatMap(requestsOf));
  const answer = await server.ask('/api/openapi.json', { headers: { authorization: `Bearer ${MASTER}` } });
  const document = (await answer.json()) as { paths: Record<string, Record<string, unknown>> };
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{[^}]+\}/g, '{}')}`),
  );
  expect(routes.length).toBeGreaterThan(130);
  const missing = routes.filter((it) => !shown.has(it) && !elsewhere.some(([path]) => path.test(it)));
  expect(missing).toEqual([]);
  // What is shown is there, and no reason has outlived its route.
  expect([...shown].filter((it) => !routes.includes(it))).toEqual([]);
  expect(elsewhere.filter(([path]) => !routes.some((it) => path.test(it) && !shown.has(it)))).toEqual([]);
});
