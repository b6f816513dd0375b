import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Frames seen on any of the host's links. */
export interface Capture {
  lines: string[];
  stop(): Promise<string[]>;
}

/** tcpdump on every link at once; resolves when it listens. */
export async function capture(filter: string): Promise<Capture> {
  const child = spawn('tcpdump', ['-i', 'any', '-n', '-l', '--immediate-mode', filter], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n').filter(Boolean)));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.once('exit', () => reject(new Error(`tcpdump ended: ${said}`)));
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on')) resolve();
    });
  });
  return {
    lines,
    async stop() {
      const ended = once(child, 'close');
      // On SIGINT tcpdump first writes what the kernel still holds for it.
      child.kill('SIGINT');
      await ended;
      return lines;
    },
  };
}
