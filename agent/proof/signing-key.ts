import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Proof, signedText } from '../../shared/proof';

const FILE = 'proof_ed25519.pem';
const KEY_ID_CHARS = 16;

export interface SigningKey {
  /** First 16 hex digits of SHA-256 over `publicKey`'s bytes. */
  readonly keyId: string;
  /** SPKI (DER), base64. */
  readonly publicKey: string;
  sign(proof: Omit<Proof, 'signature' | 'keyId'>): Proof;
}

/** The agent's own key, made at the first start and kept in its folder, 0600: nobody else can sign a proof. */
export async function loadSigningKey(dataDir: string): Promise<SigningKey> {
  const privateKey = createPrivateKey(await readOrMake(dataDir));
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha256').update(spki).digest('hex').slice(0, KEY_ID_CHARS);
  return {
    keyId,
    publicKey: spki.toString('base64'),
    sign(proof) {
      const unsigned = { ...proof, keyId };
      const signature = sign(null, Buffer.from(signedText(unsigned)), privateKey);
      return { ...unsigned, signature: signature.toString('base64') };
    },
  };
}

async function readOrMake(dataDir: string): Promise<string> {
  const path = join(dataDir, FILE);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const made = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, made, { mode: 0o600 });
  await rename(draft, path);
  return made;
}
