import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const KEY_BYTES = 32;
/** GCM's own nonce and tag sizes (NIST SP 800-38D): random nonces are safe far beyond the secrets we will ever hold. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts secrets at rest with AES-256-GCM. `purpose` is bound in: a box of one purpose does not open as another. */
export interface SecretBox {
  seal(purpose: string, plain: Uint8Array): string;
  /** Throws when the text was changed, was sealed for another purpose, or with another master key. */
  open(purpose: string, sealed: string): Buffer;
}

/** Reads the master key (32 bytes, base64) from `file`; makes it, mode 0600, when there is none. */
export function loadMasterKey(file: string): Buffer {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Written aside and linked: a crash half-way leaves no short key, and of two first starts one wins.
    const temp = `${file}.${randomBytes(4).toString('hex')}`;
    writeFileSync(temp, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    try {
      linkSync(temp, file);
    } catch (error) {
      if (!existsSync(file)) throw error;
    } finally {
      rmSync(temp);
    }
  }
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
  if (key.length !== KEY_BYTES)
    throw new Error(
      `The master key file ${file} does not hold ${KEY_BYTES} bytes in base64; restore it from a backup.`,
    );
  return key;
}

export function createSecretBox(key: Buffer): SecretBox {
  return {
    seal(purpose, plain) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
    },
    open(purpose, sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(purpose));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    },
  };
}
