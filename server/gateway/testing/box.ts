/** For tests: a real sandbox container from the built image, without the agent: sshd by `docker exec -i`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { IMAGE_REPOSITORY, SANDBOX_RELEASE_FILE, SANDBOX_SSH_DIR } from '../../../shared/names';
import { newKeyPair } from '../key';
import { until } from './until';

const run = promisify(execFile);
const READY_MS = 20_000;

export interface Box {
  container: string;
  hostKey: string;
  /** Bytes of `sshd -i`; each call is a connection of its own. */
  openSsh(): Promise<Duplex>;
  /** Cuts every open SSH stream, as when the agent dies. */
  cut(): void;
  /** Runs a program in the container, by default as the sandbox's user. */
  exec(command: string[], user?: string): Promise<string>;
  remove(): Promise<void>;
}

export async function newestImage(): Promise<string> {
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

/** `given`: an image by name, instead of the newest. */
export async function startBox(gatewayKeyLine: string, given?: string): Promise<Box> {
  const container = `cc-gateway-test-${randomBytes(4).toString('hex')}`;
  const image = given ?? (await newestImage());
  await run('docker', [
    'create',
    '--name',
    container,
    '--network',
    'none',
    '--tmpfs',
    '/run',
    '--hostname',
    'box',
    image,
  ]);
  const streams = new Set<ChildProcess>();
  const box: Box = {
    container,
    hostKey: '',
    openSsh: async () => sshStream(container, streams),
    cut() {
      for (const child of streams) child.kill('SIGKILL');
    },
    async exec(command, user = 'claude') {
      const { stdout } = await run(
        'docker',
        ['exec', '-u', user, '-w', '/home/claude', container, ...command],
        {
          maxBuffer: 64 * 1024 * 1024,
        },
      );
      return stdout;
    },
    async remove() {
      box.cut();
      await run('docker', ['rm', '-f', '-v', container]);
    },
  };
  try {
    const host = newKeyPair('host');
    await run('docker', ['start', container]);
    await write(container, `${SANDBOX_SSH_DIR}/host_ed25519`, host.private, '600');
    await write(container, `${SANDBOX_SSH_DIR}/authorized_keys`, `${gatewayKeyLine}\n`, '644');
    await write(container, SANDBOX_RELEASE_FILE, '', '644');
    await until('the home is ready', READY_MS, async () => {
      await box.exec(['test', '-d', '/home/claude/workspace', '-a', '-d', '/run/cloud-claude']);
      return true;
    });
    return Object.assign(box, { hostKey: host.public.split(' ').slice(0, 2).join(' ') });
  } catch (error) {
    await box.remove();
    throw error;
  }
}

async function write(container: string, path: string, text: string, mode: string): Promise<void> {
  const child = spawn('docker', [
    'exec',
    '-i',
    '-u',
    '0',
    container,
    'install',
    '-D',
    '-m',
    mode,
    '/dev/stdin',
    path,
  ]);
  child.stdin.end(text);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`cannot write ${path} in ${container}`);
}

function sshStream(container: string, streams: Set<ChildProcess>): Duplex {
  const child = spawn(
    'docker',
    ['exec', '-i', '-u', '0', container, '/usr/sbin/sshd', '-i', '-f', '/etc/cloud-claude/sshd_config'],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  streams.add(child);
  const { stdin, stdout } = child;
  const duplex = new Duplex({
    read: () => {
      stdout.resume();
    },
    write: (chunk, _encoding, done) => {
      stdin.write(chunk, () => done());
    },
    final: (done) => {
      stdin.end();
      done();
    },
    destroy: (error, done) => {
      child.kill('SIGKILL');
      done(error);
    },
  });
  stdin.on('error', () => duplex.destroy());
  stdout.on('data', (chunk) => {
    if (!duplex.push(chunk)) stdout.pause();
  });
  child.on('exit', () => streams.delete(child));
  stdout.on('close', () => {
    duplex.push(null);
    duplex.destroy();
  });
  return duplex;
}
