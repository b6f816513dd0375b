import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { run } from '../apply/run';

/** A laboratory Internet behind a veth: nothing in it leaves this machine. */
export interface World {
  /** Public-looking address (RFC 5737) of its web and DNS server. */
  address: string;
  /** Private address of the same servers: only DNS may be reached, and only as the host's resolver. */
  privateAddress: string;
  /** The host's own end of the veth. */
  hostAddress: string;
  /** The host's link that leads there. */
  link: string;
  close(): Promise<void>;
}

/** Laboratories of this sort that may run at one time: each takes a /30. */
const PLACES = 60;

export async function createWorld(instance: string): Promise<World> {
  const namespace = `ccw-${instance}`;
  const inside = (...command: string[]) => run(['ip', '-n', namespace, ...command]);
  await run(['ip', 'netns', 'add', namespace]);
  const n = await takePlace(namespace);
  const link = linkOf(n);
  const hostAddress = `198.51.100.${n * 4 + 1}`;
  const address = `198.51.100.${n * 4 + 2}`;
  const privateAddress = `10.213.${n}.2`;
  await run(['ip', 'addr', 'add', `${hostAddress}/30`, 'dev', link]);
  await run(['ip', 'addr', 'add', `10.213.${n}.1/30`, 'dev', link]);
  await run(['ip', 'link', 'set', link, 'up']);
  await inside('addr', 'add', `${address}/30`, 'dev', 'eth0');
  await inside('addr', 'add', `${privateAddress}/30`, 'dev', 'eth0');
  await inside('link', 'set', 'lo', 'up');
  await inside('link', 'set', 'eth0', 'up');
  const server = await startServer(namespace, address);
  return {
    address,
    privateAddress,
    hostAddress,
    link,
    async close() {
      server.kill('SIGKILL');
      await once(server, 'exit');
      await run(['ip', 'link', 'delete', link], { okCodes: [0, 1] });
      await run(['ip', 'netns', 'delete', namespace], { okCodes: [0, 1] });
    },
  };
}

const linkOf = (place: number) => `ccw${place}`;

/** The link's name is what keeps laboratories that run at one time apart: the kernel gives each name once. */
async function takePlace(namespace: string): Promise<number> {
  const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace];
  for (let place = 0; place < PLACES; place += 1) {
    const { stderr } = await run(['ip', 'link', 'add', linkOf(place), ...peer], { okCodes: [0, 2] });
    if (stderr === '') return place;
    if (!stderr.includes('File exists')) throw new Error(stderr);
  }
  throw new Error('every place for a laboratory is taken');
}

async function startServer(namespace: string, answer: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./internet.mjs', import.meta.url));
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, script, answer], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the laboratory server ended with ${code}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('ready')) resolve();
    });
  });
  return child;
}
