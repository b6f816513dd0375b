/** From nothing to Claude's prompt: our product against `docker run` and `docker exec -it … claude`. See README. */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { SANDBOX_CPUS, SANDBOX_MEMORY_MB, SANDBOX_PIDS } from '../shared/limits';
import { IMAGE_REPOSITORY } from '../shared/names';
import type { SandboxView, SessionView, TaskView } from '../shared/views';
import { loadAverage, quantile, startProgram } from './processes';
import { type Product, startProduct } from './product';
import { COLS, ROWS, Screen } from './screen';

const run = promisify(execFile);
const ROUNDS = Number(process.argv[2] ?? 3);
/** Between two looks at the API; a part of what is measured, as it is for any client that polls. */
const ASK_EVERY_MS = 20;
const GONE_MS = 60_000;
const CREATE_MS = 60_000;
/** Claude's input line; a dialog would be `❯ 1. …`. */
const PROMPT = /^\s*❯(?!\s*\d\.)/m;
const LABEL = `cloud-claude.bench=${randomBytes(4).toString('hex')}`;

/** Milliseconds since the start of each measurement. */
interface Times {
  cold: number;
  warm: number;
  /** The first session of the sandbox (or the container) runs. */
  running: number;
  /** POST until its answer; nothing to compare with. */
  answered?: number;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));

async function promptOfOurs(product: Product, sandbox: string, session: string): Promise<void> {
  const query = `session=${session}&cols=${COLS}&rows=${ROWS}&client=${randomUUID()}&offset=0`;
  const address = `${product.url.replace('http', 'ws')}/ws/sandboxes/${sandbox}/terminal?${query}`;
  for (;;) {
    const screen = new Screen(address, {
      ours: true,
      headers: { cookie: product.cookie, origin: product.url },
    });
    const shown = await screen.shows(PROMPT);
    if (process.env.BENCH_SHOW) process.stderr.write(`${screen.text().trimEnd()}\n`);
    screen.close();
    if (shown) return;
    await pause();
  }
}

async function ours(product: Product, workspace: string): Promise<Times> {
  const started = performance.now();
  const path = `/api/workspaces/${workspace}/sandboxes`;
  const { id } = await product.call<SandboxView>('POST', path, { name: `bench-${randomUUID().slice(0, 8)}` });
  const answered = performance.now() - started;
  try {
    const session = await firstSession(product, id);
    const running = performance.now() - started;
    await promptOfOurs(product, id, session);
    const cold = performance.now() - started;

    const again = performance.now();
    const second = await product.call<SessionView>('POST', '/api/sessions', {
      sandbox_id: id,
      kind: 'claude',
    });
    await promptOfOurs(product, id, second.id);
    const warm = performance.now() - again;
    await noteSteps(product, id, steps);
    return { cold, warm, running, answered };
  } finally {
    await remove(product, id);
  }
}

async function firstSession(product: Product, sandbox: string): Promise<string> {
  const end = Date.now() + CREATE_MS;
  for (;;) {
    const path = `/api/sessions?sandbox_id=${sandbox}`;
    const [session] = (await product.call<{ sessions: (SessionView & { lifecycle: string })[] }>('GET', path))
      .sessions;
    if (session?.lifecycle === 'running') return session.id;
    if (Date.now() > end) throw new Error(`sandbox ${sandbox} has no session`);
    await pause();
  }
}

/** How long each step of the create took, by the task's own account. */
async function noteSteps(product: Product, sandbox: string, into: Map<string, number[]>): Promise<void> {
  const tasks = await product.call<TaskView[]>('GET', `/api/tasks?sandbox_id=${sandbox}`);
  for (const step of tasks.find((it) => it.kind === 'sandbox.create')?.steps ?? []) {
    if (step.startedAt === null || step.finishedAt === null) continue;
    const ms = Date.parse(step.finishedAt) - Date.parse(step.startedAt);
    into.set(step.name, [...(into.get(step.name) ?? []), ms]);
  }
}

async function remove(product: Product, id: string): Promise<void> {
  await product.call('DELETE', `/api/sandboxes/${id}`);
  const end = Date.now() + GONE_MS;
  while ((await product.fetch('GET', `/api/sandboxes/${id}`)).status !== 404) {
    if (Date.now() > end) throw new Error(`sandbox ${id} was not deleted`);
    await pause();
  }
}

/** The settings that our sandbox gives Claude, so that both show the same screen and none a dialog. */
const CLAUDE_JSON = {
  hasCompletedOnboarding: true,
  hasSeenAutoDefaultNudge: true,
  hasSeenAutoDefaultNotice: true,
  projects: { '/': { hasTrustDialogAccepted: true } },
};
const SETTINGS = {
  skipDangerousModePermissionPrompt: true,
  permissions: { defaultMode: 'bypassPermissions' },
  tui: 'default',
};
const SCRIPT = `mkdir -p ~/workspace ~/.claude && cd ~/workspace
[[ -e ~/.claude/settings.json ]] || { printf %s "$1" >~/.claude.json; printf %s "$2" >~/.claude/settings.json; }
exec claude --session-id "$3"`;
const ENVIRONMENT = {
  LANG: 'en_US.UTF-8',
  TERM: 'xterm-256color',
  DISABLE_AUTOUPDATER: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: '1',
  ANTHROPIC_BASE_URL: 'http://127.0.0.1:7878',
  ANTHROPIC_AUTH_TOKEN: 'bench',
};

async function promptOfPeer(peer: { port: unknown; token: unknown }, container: string): Promise<void> {
  const env = Object.entries(ENVIRONMENT).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const files = [JSON.stringify(CLAUDE_JSON), JSON.stringify(SETTINGS), randomUUID()];
  const command = ['bash', '-c', SCRIPT, 'bash', ...files];
  const args = JSON.stringify(['exec', '-it', '-u', 'claude', ...env, container, ...command]);
  const query = new URLSearchParams({
    token: String(peer.token),
    cols: String(COLS),
    rows: String(ROWS),
    args,
  });
  const screen = new Screen(`ws://127.0.0.1:${peer.port}/?${query}`, { ours: false });
  const shown = await screen.shows(PROMPT);
  const text = screen.text().trimEnd();
  if (process.env.BENCH_SHOW) process.stderr.write(`${text}\n`);
  screen.close();
  if (!shown) throw new Error(`claude ended:\n${text}`);
}

async function alone(peer: { port: unknown; token: unknown }, image: string): Promise<Times> {
  const started = performance.now();
  const limits = [
    ...['--cpus', String(SANDBOX_CPUS.default), '--memory', `${SANDBOX_MEMORY_MB.default}m`],
    ...['--pids-limit', String(SANDBOX_PIDS.default)],
  ];
  const args = ['run', '-d', '--network', 'none', '--label', LABEL, ...limits];
  const { stdout } = await run('docker', [...args, '--entrypoint', 'sleep', image, 'infinity']);
  const container = stdout.trim();
  try {
    const running = performance.now() - started;
    await promptOfPeer(peer, container);
    const cold = performance.now() - started;
    const again = performance.now();
    await promptOfPeer(peer, container);
    return { cold, warm: performance.now() - again, running };
  } finally {
    await run('docker', ['rm', '-f', '-v', container]);
  }
}

async function newestImage(): Promise<string> {
  const { stdout } = await run('docker', [
    'images',
    '--format',
    '{{.Repository}}:{{.Tag}}',
    IMAGE_REPOSITORY,
  ]);
  const image = stdout.split('\n')[0];
  if (!image) throw new Error('there is no sandbox image; run `node setup/image.mjs`');
  return image;
}

const image = await newestImage();
const steps = new Map<string, number[]>();
const loadBefore = await loadAverage();
const product = await startProduct(image);
try {
  const peer = await startProgram([process.execPath, `${import.meta.dirname}/peer.mjs`]);
  try {
    const at = { port: peer.ready.port, token: peer.ready.token };
    const [workspace] = await product.call<{ id: string }[]>('GET', '/api/workspaces');
    const measure = {
      ours: () => ours(product, workspace?.id ?? ''),
      alone: () => alone(at, image),
    };
    // Once each for the page cache; not counted.
    await measure.alone();
    await measure.ours();
    steps.clear();
    const results = { ours: [] as Times[], alone: [] as Times[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      // A B, B A, A B: a drift of the machine hits both.
      const order = ['ours', 'alone'] as const;
      for (const name of round % 2 === 0 ? order : [...order].reverse())
        results[name].push(await measure[name]());
    }
    process.stdout.write(
      '| ms, p50 [min-max] | ours | docker run + claude | ratio |\n| --- | --- | --- | --- |\n',
    );
    const rows: [string, 'cold' | 'warm' | 'running'][] = [
      ['create to prompt', 'cold'],
      ['of it: until the session (container) runs', 'running'],
      ['second session to prompt', 'warm'],
    ];
    for (const [label, key] of rows) {
      const mine = results.ours.map((it) => it[key]);
      const theirs = results.alone.map((it) => it[key]);
      const cell = (all: number[]) =>
        `${quantile(all, 0.5).toFixed(0)} [${Math.min(...all).toFixed(0)}-${Math.max(...all).toFixed(0)}]`;
      const ratio = quantile(mine, 0.5) / quantile(theirs, 0.5);
      process.stdout.write(`| ${label} | ${cell(mine)} | ${cell(theirs)} | ${ratio.toFixed(2)} |\n`);
    }
    const answered = results.ours.map((it) => it.answered ?? Number.NaN);
    const parts = [...steps].map(([name, all]) => `${name} ${quantile(all, 0.5).toFixed(0)}`);
    process.stdout.write(`\nours, p50 ms: POST ${quantile(answered, 0.5).toFixed(0)}, ${parts.join(', ')}\n`);
    process.stdout.write(
      `${ROUNDS} rounds, load average before ${loadBefore}, after ${await loadAverage()}\n`,
    );
  } finally {
    await peer.close();
  }
} finally {
  await product.close();
}
