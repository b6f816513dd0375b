// Makes sure of what the machine itself must have: Docker Engine, nftables, sing-box and a few programs.
// With root's rights on Debian or Ubuntu it installs what is missing, else it says which commands do.

import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { commandBlock, goVersion, isNewEnough, missingPackages, SING_BOX_PROBE } from './host-plan.mjs';
import { isRoot } from './privilege.mjs';
import { run, succeeds } from './run.mjs';
import { buildSingBox, unpackRelease } from './sing-box.mjs';

const APT_TIMEOUT_MS = 900_000;
/** Another installation, such as the nightly upgrades, may hold apt's lock: wait for it, in seconds. */
const APT_LOCK = ['-o', 'DPkg::Lock::Timeout=300'];
const DOCKER_START_MS = 60_000;
const DOCKERD_LOG = '/var/log/cloud-claude-dockerd.log';
/** Where administrators' programs live though an ordinary user's PATH may not name them. */
const EXTRA_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/local/go/bin'];

/**
 * The machine lacks something that this user may not mend. `commands` are for a person to run: before another start,
 * or, with `instead`, in place of one.
 */
export class HostError extends Error {
  constructor(message, commands = [], { instead = false } = {}) {
    super(message);
    this.name = 'HostError';
    this.commands = commands;
    this.instead = instead;
  }
}

/** Adds the administrators' folders to our own PATH, so that we and our children find the same programs. */
export function widenPath(env = process.env) {
  const have = (env.PATH ?? '').split(delimiter).filter(Boolean);
  // Beside node lies its npm, also where a version manager put both.
  const more = [dirname(process.execPath), ...EXTRA_PATH];
  env.PATH = [...have, ...more.filter((folder) => !have.includes(folder))].join(delimiter);
}

export function programPath(name, env = process.env) {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    if (!folder) continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return null;
}

/** Installs packages with apt; `apt-get update` only when the lists are missing or old enough to fail. */
async function aptInstall(packages, { log, elevate }) {
  // By `env`: sudo hands no variable on.
  const apt = (...args) =>
    runAsRoot(elevate, 'env', ['DEBIAN_FRONTEND=noninteractive', 'apt-get', ...APT_LOCK, ...args], {
      timeoutMs: APT_TIMEOUT_MS,
    });
  const install = () => apt('install', '-y', '-q', '--no-install-recommends', ...packages);
  log(`installing ${packages.join(' ')}`);
  try {
    return await install();
  } catch {
    log('refreshing the package lists');
    await apt('update', '-q');
    return install();
  }
}

/** What is better to have, from where it is to be had. */
async function installOptional({ purposes, log, elevate }) {
  const packages = missingPackages({ has: (name) => programPath(name) !== null, purposes, optional: true });
  for (const name of packages) {
    const known = await succeeds('apt-cache', ['show', name]);
    if (known) await aptInstall([name], { log, elevate }).catch((error) => log(`${name}: ${error.message}`));
  }
}

/** Asked by what we need of it, as a build by `go install` does not know its version. */
async function hasSingBox() {
  return succeeds('sing-box', ['check', '-c', 'stdin'], { input: SING_BOX_PROBE });
}

/** The kernel's module, loaded or there to be loaded. */
async function hasWireguard() {
  return existsSync('/sys/module/wireguard') || succeeds('modprobe', ['-n', '-q', 'wireguard']);
}

/** Go 1.21 and newer fetch a newer Go by themselves when a module asks for it. */
async function goIsUsable() {
  try {
    const { stdout } = await run('go', ['version'], { timeoutMs: 20_000 });
    return isNewEnough(goVersion(stdout), [1, 21]);
  } catch {
    return false;
  }
}

/** In order of effort: what is on PATH was tried already, the release's archive, a build. */
async function installSingBox({ log, elevate }) {
  const folder = mkdtempSync(join(tmpdir(), 'cloud-claude-sing-box-'));
  try {
    let program = await unpackRelease({ folder, log });
    if (program === null) {
      if (!(await goIsUsable())) await aptInstall(['golang-go'], { log, elevate });
      program = await buildSingBox({ folder, log });
    }
    await runAsRoot(elevate, 'install', ['-m', '0755', program, '/usr/local/bin/sing-box']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!(await hasSingBox()))
    throw new HostError('sing-box was installed but refuses a configuration that 1.12 knows.');
}

/** `elevate` goes in front: [] as root, else the way to it. */
function runAsRoot(elevate, file, args, options) {
  const [first, ...rest] = [...elevate, file, ...args];
  return run(first, rest, options);
}

const dockerAnswers = (prefix = []) =>
  succeeds(
    [...prefix, 'docker'][0],
    [...prefix, 'docker', 'version', '--format', '{{.Server.Version}}'].slice(1),
  );

/**
 * Pid files that a killed Docker Engine left. Where the pid was given to another program meanwhile, dockerd refuses
 * to start ("process is still running") or waits for a containerd that is not there.
 */
const DOCKER_PID_FILES = [
  { file: '/var/run/docker.pid', program: 'dockerd' },
  { file: '/var/run/docker/containerd/containerd.pid', program: 'containerd' },
];

function removeStalePidFiles() {
  for (const { file, program } of DOCKER_PID_FILES) {
    if (!existsSync(file)) continue;
    const comm = `/proc/${readFileSync(file, 'utf8').trim()}/comm`;
    const alive = existsSync(comm) && readFileSync(comm, 'utf8').trim() === program;
    if (!alive) rmSync(file);
  }
}

/** Starts Docker Engine: by systemd where that runs the machine, else on our own, with a log file. */
async function startDocker({ log, elevate }) {
  if (existsSync('/run/systemd/system')) {
    log('starting Docker Engine (systemd)');
    await runAsRoot(elevate, 'systemctl', ['enable', '--now', 'docker'], { timeoutMs: DOCKER_START_MS });
  } else {
    log(`starting Docker Engine (log: ${DOCKERD_LOG})`);
    removeStalePidFiles();
    const output = openSync(DOCKERD_LOG, 'a');
    spawn('dockerd', [], { detached: true, stdio: ['ignore', output, output] })
      .on('error', () => {})
      .unref();
  }
  const deadline = Date.now() + DOCKER_START_MS;
  while (!(await dockerAnswers(elevate))) {
    if (Date.now() > deadline) {
      throw new HostError(
        `Docker Engine was started but does not answer; see ${DOCKERD_LOG} or journalctl -u docker.`,
      );
    }
    await wait(250);
  }
}

/**
 * Makes sure of everything for `purposes` (['test'] adds what tests need). Throws HostError with the commands
 * to run when something is missing and this user may not install it.
 */
export async function ensureHost({ log = () => {}, purposes = [], elevate = isRoot() ? [] : null } = {}) {
  widenPath();
  const mayInstall = elevate !== null && programPath('apt-get') !== null;
  // No reason to refuse a start: who asks for the kernel's WireGuard without it is told.
  const wireguard = mayInstall && (await hasWireguard()) ? ['wireguard'] : [];
  const packages = missingPackages({
    has: (name) => programPath(name) !== null,
    purposes: [...purposes, ...wireguard],
  });
  const singBox = !(await hasSingBox());
  if ((packages.length > 0 || singBox) && !mayInstall) {
    throw new HostError('This machine lacks something that only its administrator can install.', [
      ...commandBlock({ packages, singBox, startDocker: packages.includes('docker.io'), dockerGroup: false }),
    ]);
  }
  if (packages.length > 0) await aptInstall(packages, { log, elevate });
  if (mayInstall) await installOptional({ purposes, log, elevate });
  if (singBox) await installSingBox({ log, elevate });
  if (await dockerAnswers()) return;
  // Not allowed on Docker's socket, perhaps: it is enough when the way to root is.
  if (elevate && !isRoot() && (await dockerAnswers(elevate))) return;
  // Without systemd Docker Engine would be started as our own child with its log and pid files: root's business.
  if (elevate && (isRoot() || existsSync('/run/systemd/system'))) return startDocker({ log, elevate });
  throw new HostError(
    'Docker Engine does not answer this user.',
    commandBlock({ packages: [], singBox: false, startDocker: true, dockerGroup: true }),
  );
}

/** mmdebstrap, asked for only when no registry answers. */
export async function ensureMmdebstrap(log = () => {}, elevate = isRoot() ? [] : null) {
  const packages = missingPackages({ has: (name) => programPath(name) !== null, purposes: ['base'] });
  const wanted = packages.filter((name) => ['mmdebstrap', 'debian-archive-keyring'].includes(name));
  if (wanted.length === 0) return;
  if (elevate === null) {
    throw new HostError(
      'No container registry answers, so the base image has to be made here.',
      commandBlock({ packages: wanted, singBox: false, startDocker: false, dockerGroup: false }),
    );
  }
  await aptInstall(wanted, { log, elevate });
}
