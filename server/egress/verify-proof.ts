import { createPublicKey, verify } from 'node:crypto';
import { type Proof, signedText } from '../../shared/proof';

/** Whether this very proof was signed by the agent's key. `publicKey`: SPKI (DER), base64, as `health` gives it. */
export function verifyProof(proof: Proof, publicKey: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    // Another kind of key would be judged by another rule than the one it is signed by.
    if (key.asymmetricKeyType !== 'ed25519') return false;
    return verify(null, Buffer.from(signedText(proof)), key, Buffer.from(proof.signature, 'base64'));
  } catch {
    return false;
  }
}
