/** Provider credentials at rest. */
import type { SecretBox } from '../../auth/secret-box';

const PURPOSE = 'provider.v1';
/** So many of a key's last characters tell it apart and give nothing away. */
const HINT_CHARS = 4;

export interface ProviderSecrets {
  seal(secret: string): string;
  open(sealed: string): string;
}

export function createProviderSecrets(box: SecretBox): ProviderSecrets {
  return {
    seal: (secret) => box.seal(PURPOSE, Buffer.from(secret)),
    open: (sealed) => box.open(PURPOSE, sealed).toString('utf8'),
  };
}

export const hintOf = (secret: string): string => `…${secret.slice(-HINT_CHARS)}`;
