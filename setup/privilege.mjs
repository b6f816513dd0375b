// How this user gets root's rights, when it does.
import { run, succeeds } from './run.mjs';
import { SETTINGS } from './start-options.mjs';

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

/**
 * The line by which a person starts `program` as root with the settings of this environment. They are named, not
 * written out: some are secret, and a command line is seen by everybody. `hasSudo`: else su, which every system has.
 */
export function commandAsRoot(program, { env, hasSudo }) {
  const names = SETTINGS.filter((name) => env[name]).join(',');
  const line = program.map(quoted).join(' ');
  if (hasSudo) return `sudo -H ${names ? `--preserve-env=${names} ` : ''}${line}`;
  return `su ${names ? `-w ${names} ` : ''}-l -c ${quoted(line)}`;
}

/** For a POSIX shell. */
function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
