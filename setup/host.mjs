// Makes sure of what the machine itself must have: Docker Engine, nftables, sing-box and a few programs.
// As root on Debian or Ubuntu it installs what is missing, else it says which commands do.

import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  commandBlock,
  goVersion,
  isNewEnough,
  missingPackages,
  SING_BOX_PROBE,
  SING_BOX_TAGS,
  SING_BOX_VERSION,
} from './host-plan.mjs';
import { isRoot } from './privilege.mjs';
import { run, succeeds } from './run.mjs';

const APT_TIMEOUT_MS = 900_000;
/** Another installation, such as the nightly upgrades, may hold apt's lock: wait for it, in seconds. */
const APT_LOCK = ['-o', 'DPkg::Lock::Timeout=300'];
const GO_TIMEOUT_MS = 900_000;
const DOCKER_START_MS = 60_000;
const DOCKERD_LOG = '/var/log/cloud-claude-dockerd.log';
/** Where administrators' programs live though an ordinary user's PATH may not name them. */
const EXTRA_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/local/go/bin'];

/** The machine lacks something that this user may not mend. `commands` are for a person to run. */
export class HostError extends Error {
  constructor(message, commands = []) {
    super(message);
    this.name = 'HostError';
    this.commands = commands;
  }
}

/** Adds the administrators' folders to our own PATH, so that we and our children find the same programs. */
export function widenPath(env = process.env) {
  const have = (env.PATH ?? '').split(delimiter).filter(Boolean);
  env.PATH = [...have, ...EXTRA_PATH.filter((folder) => !have.includes(folder))].join(delimiter);
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
export async function aptInstall(packages, log) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    run('apt-get', [...APT_LOCK, 'install', '-y', '-q', '--no-install-recommends', ...packages], {
      env,
      timeoutMs: APT_TIMEOUT_MS,
    });
  log(`installing ${packages.join(' ')}`);
  try {
    return await install();
  } catch {
    log('refreshing the package lists');
    await run('apt-get', [...APT_LOCK, 'update', '-q'], { env, timeoutMs: APT_TIMEOUT_MS });
    return install();
  }
}

/** Asked by what we need of it, as a build by `go install` does not know its version. */
async function hasSingBox() {
  return succeeds('sing-box', ['check', '-c', 'stdin'], { input: SING_BOX_PROBE });
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

async function installSingBox(log) {
  if (!(await goIsUsable())) await aptInstall(['golang-go'], log);
  log(`building sing-box ${SING_BOX_VERSION} with Go (two minutes)`);
  const version = `-X github.com/sagernet/sing-box/constant.Version=${SING_BOX_VERSION}`;
  await run(
    'go',
    [
      ...['install', '-trimpath', '-tags', SING_BOX_TAGS, '-ldflags', `-s ${version}`],
      `github.com/sagernet/sing-box/cmd/sing-box@v${SING_BOX_VERSION}`,
    ],
    { env: { GOBIN: '/usr/local/bin', CGO_ENABLED: '0' }, timeoutMs: GO_TIMEOUT_MS },
  );
  if (!(await hasSingBox()))
    throw new HostError('sing-box was built but refuses a configuration that 1.12 knows.');
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
async function startDocker(log) {
  if (existsSync('/run/systemd/system')) {
    log('starting Docker Engine (systemd)');
    await run('systemctl', ['enable', '--now', 'docker'], { timeoutMs: DOCKER_START_MS });
  } else {
    log(`starting Docker Engine (log: ${DOCKERD_LOG})`);
    removeStalePidFiles();
    const output = openSync(DOCKERD_LOG, 'a');
    spawn('dockerd', [], { detached: true, stdio: ['ignore', output, output] })
      .on('error', () => {})
      .unref();
  }
  const deadline = Date.now() + DOCKER_START_MS;
  while (!(await dockerAnswers())) {
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
export async function ensureHost({ log = () => {}, purposes = [], elevate = null } = {}) {
  widenPath();
  const packages = missingPackages({ has: (name) => programPath(name) !== null, purposes });
  const singBox = !(await hasSingBox());
  const mayInstall = isRoot() && programPath('apt-get') !== null;
  if ((packages.length > 0 || singBox) && !mayInstall) {
    throw new HostError('This machine lacks something that only its administrator can install.', [
      ...commandBlock({ packages, singBox, startDocker: packages.includes('docker.io'), dockerGroup: false }),
    ]);
  }
  if (packages.length > 0) await aptInstall(packages, log);
  if (singBox) await installSingBox(log);
  if (await dockerAnswers()) return;
  if (isRoot()) return startDocker(log);
  // Not allowed on Docker's socket, perhaps: it is enough when the way to root is.
  if (elevate && (await dockerAnswers(elevate))) return;
  throw new HostError(
    'Docker Engine does not answer this user.',
    commandBlock({ packages: [], singBox: false, startDocker: true, dockerGroup: true }),
  );
}

/** mmdebstrap, asked for only when no registry answers. */
export async function ensureMmdebstrap(log = () => {}) {
  const packages = missingPackages({ has: (name) => programPath(name) !== null, purposes: ['base'] });
  const wanted = packages.filter((name) => ['mmdebstrap', 'debian-archive-keyring'].includes(name));
  if (wanted.length === 0) return;
  if (!isRoot()) {
    throw new HostError(
      'No container registry answers, so the base image has to be made here.',
      commandBlock({ packages: wanted, singBox: false, startDocker: false, dockerGroup: false }),
    );
  }
  await aptInstall(wanted, log);
}
