/** The gateway's own SSH key: made once, kept in the data folder, shown to sandboxes as a public line. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import ssh2 from 'ssh2';

export interface GatewayKey {
  /** OpenSSH private key text. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA... cloud-claude-gateway`, as SandboxSpec.gatewayKey wants it. */
  readonly publicLine: string;
}

const COMMENT = 'cloud-claude-gateway';

/**
 * Reads the key at `file`, or makes it (mode 0600). Two processes that start at once end with the same key: the file
 * appears complete or not at all (link(2) refuses an existing name). Throws when the file holds something else.
 */
export async function loadGatewayKey(file: string): Promise<GatewayKey> {
  const existing = await readIfThere(file);
  if (existing !== null) return parse(existing, file);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(temporary, newKeyPair(COMMENT).private, { mode: 0o600, flag: 'wx' });
  try {
    await link(temporary, file);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return parse(await readFile(file, 'utf8'), file);
}

/** ssh2 1.17 writes a broken pair when the public half begins with a zero byte: one in 256, thrown away here. */
export function newKeyPair(comment: string): { private: string; public: string } {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (!(ssh2.utils.parseKey(made.private) instanceof Error)) return made;
  }
}

function parse(text: string, file: string): GatewayKey {
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error || Array.isArray(parsed) || parsed.type !== 'ssh-ed25519') {
    throw new Error(`${file} holds no ed25519 private key; move it away and a new one is made`);
  }
  return {
    privateKey: text,
    publicLine: `ssh-ed25519 ${parsed.getPublicSSH().toString('base64')} ${COMMENT}`,
  };
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
