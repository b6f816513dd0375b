/** A container of the real image, run as the agent would (keys, tmpfs, release), and the real OpenSSH client on it. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SANDBOX_AUTHORIZED_KEYS,
  SANDBOX_HOME,
  SANDBOX_HOST_KEY,
  SANDBOX_RELEASE_FILE,
  SANDBOX_SESSION_COMMAND,
} from '../../shared/names';

const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;
const SSHD = ['/usr/sbin/sshd', '-i', '-f', '/etc/cloud-claude/sshd_config'];

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; never rejects for its exit code. */
export function call(file: string, args: string[], input?: string | Uint8Array): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { maxBuffer: OUTPUT_MAX_BYTES, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') reject(error);
        else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await call('docker', args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** Deadlines are for a quiet machine; one whose host is busy with others takes several times as long. */
const PATIENCE = 4;

/** Asks until the answer is right. Rejects with the last answer when it never is. */
export async function until<T>(
  ask: () => Promise<T>,
  right: (value: T) => boolean,
  within = 30_000,
): Promise<T> {
  const deadline = Date.now() + within * PATIENCE;
  for (;;) {
    const value = await ask();
    if (right(value)) return value;
    if (Date.now() > deadline) throw new Error(`never came true; last answer: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The newest image of the present checkout: built when it is missing. */
export async function imageRef(): Promise<string> {
  const program = join(import.meta.dirname, '../../setup/image.mjs');
  const { code, stdout, stderr } = await call(process.execPath, [program]);
  if (code !== 0) throw new Error(`setup/image.mjs: ${stderr}`);
  return stdout.trim().split('\n').at(-1) ?? '';
}

export class TestSandbox {
  readonly name = `cc-image-test-${randomBytes(4).toString('hex')}`;
  readonly volume = `${this.name}-home`;
  readonly #folder = mkdtempSync(join(tmpdir(), 'cc-image-test-'));

  /** Creates the container and puts the keys; nothing runs yet. */
  static async create(image: string, options: string[] = []): Promise<TestSandbox> {
    const it = new TestSandbox();
    const folder = it.#folder;
    for (const key of ['host', 'client']) {
      await call('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', join(folder, key)]);
    }
    const args = [
      ...['create', '--name', it.name, '--hostname', 'test-box', '--network', 'none'],
      ...['--tmpfs', '/run:mode=0755', '--volume', `${it.volume}:${SANDBOX_HOME}`],
      ...['--cap-drop', 'NET_RAW', '--cap-drop', 'MKNOD'],
      ...['-e', 'TZ=Asia/Tokyo', '-e', 'LANG=de_DE.UTF-8'],
    ];
    await docker(...args, ...options, image);
    // A tar with root as its owner: as the agent writes them.
    const keys = join(folder, 'keys');
    mkdirSync(keys);
    renameSync(join(folder, 'host'), join(keys, 'host_ed25519'));
    renameSync(join(folder, 'client.pub'), join(keys, 'authorized_keys'));
    chmodSync(join(keys, 'authorized_keys'), 0o644);
    const tar = join(folder, 'keys.tar');
    const names = [SANDBOX_HOST_KEY, SANDBOX_AUTHORIZED_KEYS].map((path) => path.split('/').at(-1) ?? '');
    await call('tar', ['-C', keys, '--owner=0', '--group=0', '-cf', tar, ...names]);
    await new Promise<void>((resolve, reject) => {
      const target = SANDBOX_HOST_KEY.slice(0, SANDBOX_HOST_KEY.lastIndexOf('/'));
      const copy = spawn('sh', ['-c', 'exec docker cp - "$1" <"$2"', 'sh', `${it.name}:${target}`, tar]);
      copy.once('error', reject);
      copy.once('close', (code) =>
        code === 0 ? resolve() : reject(new Error(`docker cp ended with ${code}`)),
      );
    });
    return it;
  }

  async start(): Promise<void> {
    await docker('start', this.name);
  }

  async release(): Promise<void> {
    await docker('exec', this.name, 'touch', SANDBOX_RELEASE_FILE);
    // init has written what logins need before it looks for the release.
    await until(
      () => this.asRoot('pgrep', '-u', 'claude', '-f', 'sandboxd'),
      ({ code }) => code === 0,
    );
  }

  /** Milliseconds it took. */
  async stop(): Promise<number> {
    const since = Date.now();
    await docker('stop', '--time', '20', this.name);
    return Date.now() - since;
  }

  async kill(): Promise<void> {
    await docker('kill', this.name);
  }

  asRoot(...command: string[]): Promise<Outcome> {
    return call('docker', ['exec', '-u', '0', this.name, ...command]);
  }

  /** Arguments of the real client; one connection is kept and shared by all commands. */
  sshArgs(): string[] {
    const proxy = ['docker', 'exec', '-i', '-u', '0', this.name, ...SSHD].join(' ');
    const options = {
      ProxyCommand: proxy,
      StrictHostKeyChecking: 'no',
      UserKnownHostsFile: '/dev/null',
      LogLevel: 'ERROR',
      ControlMaster: 'auto',
      ControlPath: join(this.#folder, 'mux'),
      ControlPersist: '60',
    };
    const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    return ['-F', 'none', '-i', join(this.#folder, 'client'), ...flags, 'claude@sandbox'];
  }

  /** A command line in the user's login shell, over SSH, without a terminal. */
  ssh(command: string, input?: string | Uint8Array): Promise<Outcome> {
    return call('ssh', [...this.sshArgs(), command], input);
  }

  /** The same with a terminal. */
  sshPty(command: string): Promise<Outcome> {
    return call('ssh', ['-tt', ...this.sshArgs(), command]);
  }

  session(...args: string[]): Promise<Outcome> {
    return this.ssh([SANDBOX_SESSION_COMMAND, ...args].map((it) => `'${it}'`).join(' '));
  }

  tmux(command: string): Promise<Outcome> {
    return this.ssh(`tmux -S /run/cloud-claude/tmux.sock ${command}`);
  }

  /** Joins a Unix socket in the sandbox to a TCP port of this machine, as the gateway's forward does. */
  async forward(path: string, port: number): Promise<void> {
    await this.ssh('true');
    const place = `${path}:127.0.0.1:${port}`;
    const { code, stderr } = await call('ssh', ['-O', 'forward', '-R', place, ...this.sshArgs()]);
    if (code !== 0) throw new Error(`forward: ${stderr}`);
  }

  async closeSsh(): Promise<void> {
    await call('ssh', ['-O', 'exit', ...this.sshArgs()]);
  }

  async remove(): Promise<void> {
    await this.closeSsh();
    await call('docker', ['rm', '-f', this.name]);
    await call('docker', ['volume', 'rm', '-f', this.volume]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
