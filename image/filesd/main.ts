/**
 * filesd: files and listening ports of a sandbox for the gateway, as the sandbox's user. The gateway starts it when
 * somebody looks and ends it by closing its stdin; it keeps nothing.
 */
import { randomBytes } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SANDBOX_API_PORT } from '../../shared/limits';
import { SANDBOX_RUN } from '../../shared/sandbox-places';
import { SANDBOX_HOOK_PORT } from '../../shared/sandboxd-limits';
import { Root } from './confined';
import { createFilesServer } from './server';

const home = homedir();
/** The sandbox's token for the Claude API, and Claude's own log-in: no token that reads files should get those. */
const closed = [join(home, '.cloud-claude'), join(home, '.claude', '.credentials.json')];
const roots = {
  workspace: new Root({ path: join(home, 'workspace'), closed }),
  home: new Root({ path: home, closed }),
  claude: new Root({ path: join(home, '.claude'), closed }),
};

const server = createFilesServer({ roots, ownPorts: new Set([SANDBOX_API_PORT, SANDBOX_HOOK_PORT]) });
const socket = join(process.env.CC_FILES_RUN ?? SANDBOX_RUN, `files-${randomBytes(8).toString('hex')}.sock`);
const usual = process.umask(0o177);
server.listen(socket, () => {
  // New files are the user's own business: as a shell would make them.
  process.umask(usual);
  process.stdout.write(`${JSON.stringify({ socket })}\n`);
});

function end(): never {
  try {
    unlinkSync(socket);
  } catch {
    // It was never made, or the sandbox stops and its folder is gone.
  }
  process.exit(0);
}
process.stdin.on('end', end).on('close', end).resume();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
