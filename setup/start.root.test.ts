import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** `nobody`, who may do nothing. */
const NOBODY = 65_534;
const root = dirname(import.meta.dirname);
let copy: string;
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "cloud-claude it's a copy-"));
  cpSync(join(root, 'setup'), join(copy, 'setup'), { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(root, name), join(copy, name));
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, copy]);
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

/** The real launcher as a user without rights, in a clean environment. */
function start(env: Record<string, string>, args: string[] = []) {
  const as = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups'];
  const child = spawn('setpriv', [...as, process.execPath, join(copy, 'setup/start.mjs'), ...args], {
    env: { NODE_ENV: 'production', PATH: '/usr/bin:/bin', HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  return new Promise<{ code: number | null; said: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
}
/** The command it prints, indented by two blanks. */
const commandIn = (said: string) => /^ {2}(\S.*)$/m.exec(said)?.[1] ?? '';
/** What a shell makes of it. */
const wordsOf = (command: string) =>
  execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');
const free = { PORT: '18471' };
const secret = 'sk-ant-never-shown';

test('without a way to root it says why and which command starts it, and does nothing else', async () => {
  const { code, said } = await start({ ...free, ANTHROPIC_API_KEY: secret }, ['--dev']);
  expect(code).toBe(3);
  expect(said).toContain('Sandboxes need root on this machine');
  expect(said).toContain('Run this instead:');
  expect(said).not.toContain(secret);
  expect(said).not.toContain('installing');
  expect(existsSync(join(copy, 'node_modules'))).toBe(false);
  const launcher = join(copy, 'setup/start.mjs');
  const words = wordsOf(commandIn(said));
  if (words[0] === 'sudo')
    expect(words).toEqual([
      'sudo',
      '-H',
      '--preserve-env=PORT,ANTHROPIC_API_KEY',
      process.execPath,
      launcher,
      '--dev',
    ]);
  else {
    expect(words.slice(0, -1)).toEqual(['su', '-w', 'PORT,ANTHROPIC_API_KEY', '-l', '-c']);
    expect(wordsOf(words.at(-1) ?? '')).toEqual([process.execPath, launcher, '--dev']);
  }
});

test('where sudo asks for a password that cannot be typed, the command is one with sudo', async () => {
  const folder = join(copy, 'bin');
  mkdirSync(folder);
  // As sudo answers -n when it would have to ask.
  writeFileSync(join(folder, 'sudo'), '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n', {
    mode: 0o755,
  });
  const { code, said } = await start({ ...free, PATH: `${folder}:/usr/bin:/bin` });
  expect(code).toBe(3);
  const words = wordsOf(commandIn(said));
  expect(words.slice(0, 3)).toEqual(['sudo', '-H', '--preserve-env=PORT']);
  expect(words.slice(3)).toEqual([process.execPath, join(copy, 'setup/start.mjs')]);
});

test('an embedded agent needs root too, and a data folder that cannot be made is named', async () => {
  const embedded = await start({ ...free, HOST_AGENT_MODE: 'embedded' });
  expect(embedded.code).toBe(3);
  expect(commandIn(embedded.said)).toMatch(/PORT,HOST_AGENT_MODE/);
  const closed = await start({ ...free, DATA_DIR: '/cloud-claude-not-here' });
  expect(closed.code).toBe(3);
  expect(closed.said).toContain('The data folder /cloud-claude-not-here');
  expect(closed.said).toContain('DATA_DIR');
});
