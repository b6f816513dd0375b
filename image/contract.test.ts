import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SANDBOX_API_PORT, TMUX_HISTORY_LINES } from '../shared/limits';
import {
  IMAGE_REPOSITORY,
  LABEL_CLAUDE_VERSION,
  LABEL_CONTENT_HASH,
  SANDBOX_AUTHORIZED_KEYS,
  SANDBOX_FIRST_SESSION_FILE,
  SANDBOX_HOME,
  SANDBOX_HOST_KEY,
  SANDBOX_RELEASE_FILE,
  SANDBOX_RUN,
  SANDBOX_SESSION_COMMAND,
  SANDBOX_SSH_DIR,
  SANDBOX_UID,
  SANDBOX_USER,
  SANDBOX_WAKE_PIPE,
  SANDBOX_WORKDIR,
  tmuxName,
} from '../shared/names';
import { SANDBOX_HOOK_PORT } from '../shared/sandboxd-api';

const read = (path: string) => readFileSync(join(import.meta.dirname, path), 'utf8');
const rootfs = (path: string) => read(`rootfs${path}`);

describe('what image/ and shared/ both name', () => {
  it('is the same in the Dockerfile', () => {
    const text = read('Dockerfile');
    expect(text).toContain(
      `useradd -u ${SANDBOX_UID} -g ${SANDBOX_UID} -s /usr/bin/zsh -p '*' -M -d ${SANDBOX_HOME} ${SANDBOX_USER}`,
    );
    expect(text).toContain(`WORKDIR ${SANDBOX_WORKDIR}\n`);
    expect(text).toContain(SANDBOX_SSH_DIR);
    expect(text).toContain(`LABEL ${LABEL_CONTENT_HASH}="\${CONTENT_HASH}" ${LABEL_CLAUDE_VERSION}=`);
  });

  it('is the same for sshd, tmux and init', () => {
    const sshd = rootfs('/etc/cloud-claude/sshd_config');
    expect(sshd).toContain(`HostKey ${SANDBOX_HOST_KEY}\n`);
    expect(sshd).toContain(`AuthorizedKeysFile ${SANDBOX_AUTHORIZED_KEYS}\n`);
    expect(sshd).toContain(`AllowUsers ${SANDBOX_USER}\n`);
    expect(rootfs('/etc/cloud-claude/tmux.conf')).toContain(`set -g history-limit ${TMUX_HISTORY_LINES}\n`);
    const init = rootfs('/usr/local/lib/cloud-claude/init');
    expect(init).toContain(`readonly USER_NAME=${SANDBOX_USER} HOME_DIR=${SANDBOX_HOME}\n`);
    expect(init).toContain(`readonly RUN_DIR=${SANDBOX_RUN}\n`);
    expect(init).toContain(`readonly RELEASE_FILE=${SANDBOX_RELEASE_FILE}\n`);
    expect(init).toContain(`readonly FIRST_FILE=${SANDBOX_FIRST_SESSION_FILE}\n`);
    expect(init).toContain(`readonly WAKE_PIPE=${SANDBOX_WAKE_PIPE}\n`);
  });

  it('is the same for sessions', () => {
    const session = rootfs(SANDBOX_SESSION_COMMAND);
    // Both cut the name from the id's hex digits.
    expect(tmuxName('01234567-89ab-4cde-8f01-23456789abcd')).toBe('cc-0123456789ab4cde');
    expect(session).toContain(`name=cc-$\{hex:0:16}`);
    expect(session).toContain(`readonly SOCKET=${SANDBOX_RUN}/tmux.sock\n`);
    expect(SANDBOX_WORKDIR).toBe(`${SANDBOX_HOME}/workspace`);
    expect(session).toContain(`workdir=$\{2:-$HOME/workspace}`);
  });

  it('is the same for hooks', () => {
    const settings = rootfs('/etc/cloud-claude/claude-settings.json');
    const urls = new Set([...settings.matchAll(/"url": "([^"]+)"/g)].map((it) => it[1]));
    expect([...urls]).toEqual([`http://127.0.0.1:${SANDBOX_HOOK_PORT}/hook`]);
    // It would hold the text back from the terminal until it is answered.
    expect(settings).not.toContain('MessageDisplay');
  });

  it('is the same in the README', () => {
    const readme = read('README.md');
    const named = [
      SANDBOX_HOST_KEY,
      SANDBOX_AUTHORIZED_KEYS,
      SANDBOX_RELEASE_FILE,
      SANDBOX_RUN,
      SANDBOX_SESSION_COMMAND,
    ];
    for (const name of [
      ...named,
      IMAGE_REPOSITORY,
      LABEL_CONTENT_HASH,
      LABEL_CLAUDE_VERSION,
      `${SANDBOX_API_PORT}`,
    ]) {
      expect(readme).toContain(name);
    }
  });
});

it('keeps every program in rootfs executable', () => {
  const folder = join(import.meta.dirname, 'rootfs/usr/local/lib/cloud-claude');
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o111).toBe(0o111);
});
