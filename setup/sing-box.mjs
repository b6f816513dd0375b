// sing-box as a program: from its release archive where its checksum is known here, else built by Go.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SING_BOX_TAGS, SING_BOX_VERSION } from './host-plan.mjs';
import { run } from './run.mjs';

const RELEASES = 'https://github.com/SagerNet/sing-box/releases/download';
const SUMS = join(dirname(fileURLToPath(import.meta.url)), 'sing-box.sha256');
/** Go's names of the processors that releases are made for and that we run on. */
const ARCHIVE_CPUS = { x64: 'amd64', arm64: 'arm64' };
/** A host that cannot be reached must not hold up a start that has another way: until the answer, then in all. */
const ANSWER_TIMEOUT_MS = 10_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;
const GO_TIMEOUT_MS = 900_000;

/** The hash that stands beside `file` in the text of a checksum file, or null. */
export function knownSum(text, file) {
  for (const line of text.split('\n')) {
    const found = /^([0-9a-f]{64}) [ *](\S+)$/.exec(line.trim());
    if (found && found[2] === file) return found[1];
  }
  return null;
}

/**
 * Downloads, checks and unpacks the archive into `folder`; returns the program's path, or null after a line to
 * `log` that says why not. Never throws: there is another way.
 */
export async function unpackRelease({
  folder,
  log,
  arch = process.arch,
  sums = readFileSync(SUMS, 'utf8'),
  from = RELEASES,
  answerMs = ANSWER_TIMEOUT_MS,
}) {
  const name = `sing-box-${SING_BOX_VERSION}-linux-${ARCHIVE_CPUS[arch] ?? arch}`;
  const file = `${name}.tar.gz`;
  const sum = knownSum(sums, file);
  if (sum === null) {
    log(`setup/sing-box.sha256 has no checksum for ${file}: not downloaded`);
    return null;
  }
  try {
    log(`downloading ${file}`);
    const bytes = await download(`${from}/v${SING_BOX_VERSION}/${file}`, answerMs);
    const got = createHash('sha256').update(bytes).digest('hex');
    if (got !== sum) throw new Error(`its checksum is ${got}, setup/sing-box.sha256 has ${sum}`);
    writeFileSync(join(folder, file), bytes);
    await run('tar', ['-xzf', join(folder, file), '-C', folder, `${name}/sing-box`]);
    return join(folder, name, 'sing-box');
  } catch (error) {
    log(`${file} cannot be used: ${error.cause?.message ?? error.message}`);
    return null;
  }
}

async function download(url, answerMs) {
  const stop = new AbortController();
  const late = (what, ms) => setTimeout(() => stop.abort(new Error(`${what} within ${ms / 1000} s`)), ms);
  const timers = [late('no answer', answerMs), late('not complete', DOWNLOAD_TIMEOUT_MS)];
  try {
    const response = await fetch(url, { signal: stop.signal });
    clearTimeout(timers[0]);
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** Builds it into `folder` and returns the program's path. Takes two minutes and needs Go 1.21 or newer. */
export async function buildSingBox({ folder, log }) {
  log(`building sing-box ${SING_BOX_VERSION} with Go (two minutes)`);
  const version = `-X github.com/sagernet/sing-box/constant.Version=${SING_BOX_VERSION}`;
  await run(
    'go',
    [
      ...['install', '-trimpath', '-tags', SING_BOX_TAGS, '-ldflags', `-s ${version}`],
      `github.com/sagernet/sing-box/cmd/sing-box@v${SING_BOX_VERSION}`,
    ],
    { env: { GOBIN: folder, CGO_ENABLED: '0' }, timeoutMs: GO_TIMEOUT_MS },
  );
  const built = join(folder, 'sing-box');
  if (!existsSync(built)) throw new Error('go install ended well but left no program');
  return built;
}
