// How this user gets root's rights, when it does.
import { run, succeeds } from './run.mjs';

export const isRoot = () => process.getuid?.() === 0;

/**
 * What to put before a command so that it runs as root: [] for root, ['sudo', '-n'] where sudo asks for nothing
 * (on a terminal it may ask once here), null where there is no way.
 */
export async function elevation({ ask = Boolean(process.stdin.isTTY) } = {}) {
  if (isRoot()) return [];
  if (await succeeds('sudo', ['-n', 'true'])) return ['sudo', '-n'];
  if (!ask) return null;
  try {
    await run('sudo', ['-v'], { inherit: true, timeoutMs: 120_000 });
    return ['sudo', '-n'];
  } catch {
    return null;
  }
}
