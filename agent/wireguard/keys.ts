/** WireGuard's key pairs, whose private half stays in the agent's folder. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomInt,
} from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../shared/errors';
import { NO_PRIVATE_KEY } from '../plan/wireguard-link';

const KEY_ID = /^[a-z0-9]{16}$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
/** RFC 8410: DER of an X25519 key is a fixed head and the 32 bytes. */
const RAW_BYTES = 32;

export type WireguardKeys = ReturnType<typeof createWireguardKeys>;

/** One file per key, 0600, in a folder of the agent's own. */
export function createWireguardKeys(dataDir: string) {
  const folder = join(dataDir, 'wireguard');
  const path = (keyId: string) => {
    if (!KEY_ID.test(keyId))
      throw new AppError('invalid_input', 'A WireGuard key is named by 16 letters and digits.');
    return join(folder, `${keyId}.key`);
  };

  return {
    /** Makes a pair; the public half is for the peer. */
    async newKey(): Promise<{ keyId: string; publicKey: string }> {
      const { privateKey, publicKey } = generateKeyPairSync('x25519');
      const keyId = Array.from({ length: 16 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(path(keyId), `${raw(privateKey, 'pkcs8')}\n`, { mode: 0o600, flag: 'wx' });
      return { keyId, publicKey: raw(publicKey, 'spki') };
    },
    /** Base64, as WireGuard writes it. Throws `invalid_input` when this agent has no such key. */
    async privateKey(keyId: string): Promise<string> {
      const text = await readFile(path(keyId), 'utf8').catch(() => null);
      if (text === null) {
        throw new AppError('invalid_input', NO_PRIVATE_KEY);
      }
      return text.trim();
    },
    /** Safe to repeat. */
    async removeKey(keyId: string): Promise<void> {
      await rm(path(keyId), { force: true });
    },
  };
}

function raw(key: KeyObject, type: 'pkcs8' | 'spki'): string {
  return key.export({ format: 'der', type }).subarray(-RAW_BYTES).toString('base64');
}

/** The public half of a private key in WireGuard's base64. */
export function publicKeyOf(privateKey: string): string {
  const head = Buffer.from('302e020100300506032b656e04220420', 'hex');
  const der = Buffer.concat([head, Buffer.from(privateKey, 'base64')]);
  return raw(createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })), 'spki');
}
