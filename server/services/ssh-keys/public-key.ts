/** What a person pastes, read as a public key; or a sentence that says what it is instead. */
import { createHash, createPublicKey } from 'node:crypto';
import ssh2 from 'ssh2';
import { AppError } from '../../../shared/errors';

/** What NIST SP 800-57 counts as 128 bits of strength, as ed25519 has. */
const RSA_BITS_MIN = 3_072;
/** A signature by a longer one costs the gateway seconds; ssh-keygen makes none. */
const RSA_BITS_MAX = 16_384;
const TYPES = new Set([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
]);
const RFC4716 = /^---- BEGIN SSH2 PUBLIC KEY ----\n([\s\S]+?)\n---- END SSH2 PUBLIC KEY ----$/;
const HOW = 'Paste the one line of your .pub file, which begins with ssh-ed25519, ecdsa-sha2-… or ssh-rsa.';

export interface PublicKey {
  type: string;
  /** `type base64`. */
  line: string;
  /** `SHA256:...` */
  fingerprint: string;
  comment: string;
}

export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** Throws `invalid_input` with a sentence for people; it never holds what was pasted. */
export function readPublicKey(pasted: string): PublicKey {
  const text = pasted.trim().replaceAll('\r\n', '\n');
  if (/PRIVATE KEY|PuTTY-User-Key-File/i.test(text))
    throw refused(
      'This is a private key: it must never leave your machine. Paste the public one, the file that ends in .pub.',
    );
  const { type, base64, comment } = parts(text);
  if (type.startsWith('sk-'))
    throw refused('Keys on a security token (sk-…) are not supported yet. Use an ed25519 key.');
  if (type.includes('-cert-')) throw refused('This is a certificate. Paste the key itself.');
  if (type === 'ssh-dss') throw refused('DSA keys are too weak. Make a new one: ssh-keygen -t ed25519');
  if (!TYPES.has(type)) throw refused(`This is no public key. ${HOW}`);
  const blob = Buffer.from(base64, 'base64');
  const parsed = ssh2.utils.parseKey(`${type} ${base64}`);
  // The text, too: what base64 passes over would give one key many spellings.
  const whole =
    !(parsed instanceof Error) &&
    !Array.isArray(parsed) &&
    parsed.type === type &&
    blob.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '') &&
    parsed.getPublicSSH().equals(blob);
  if (!whole) throw refused(`This key is damaged or cut off. ${HOW}`);
  if (type === 'ssh-rsa') requireStrong(rsaBits(parsed.getPublicPEM()));
  else requireValid(parsed.getPublicPEM());
  return { type, line: `${type} ${blob.toString('base64')}`, fingerprint: fingerprintOf(blob), comment };
}

function parts(text: string): { type: string; base64: string; comment: string } {
  const body = RFC4716.exec(text)?.[1];
  if (body !== undefined) return ofRfc4716(body);
  if (text.includes('\n')) throw refused(`One key at a time, please. ${HOW}`);
  const [type = '', base64 = '', ...comment] = text.split(/[ \t]+/);
  return { type, base64, comment: comment.join(' ') };
}

/** RFC 4716 section 3.3: headers, which may go on after a backslash, then lines of base64. */
function ofRfc4716(body: string): { type: string; base64: string; comment: string } {
  const lines = body.replaceAll('\\\n', '').split('\n');
  const comment = lines.map((it) => /^comment: *"?([^"]*)"?$/i.exec(it)?.[1]).find(Boolean) ?? '';
  const base64 = lines.filter((it) => !it.includes(':')).join('');
  const blob = Buffer.from(base64, 'base64');
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0;
  return { type: blob.toString('latin1', 4, 4 + Math.min(length, 64)), base64, comment };
}

function rsaBits(pem: string): number {
  return requireValid(pem).asymmetricKeyDetails?.modulusLength ?? 0;
}

function requireStrong(bits: number): void {
  if (bits < RSA_BITS_MIN)
    throw refused(
      `This RSA key has ${bits} bits; at least ${RSA_BITS_MIN} are asked for. Make a new one: ssh-keygen -t ed25519`,
    );
  if (bits > RSA_BITS_MAX) throw refused(`This RSA key has ${bits} bits; at most ${RSA_BITS_MAX} are taken.`);
}

/** Node reads it too: a point that is not on its curve is no key. */
function requireValid(pem: string): ReturnType<typeof createPublicKey> {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw refused(`This key is damaged. ${HOW}`, cause);
  }
}

function refused(sentence: string, cause?: unknown): AppError {
  return new AppError('invalid_input', sentence, { field: 'publicKey', cause });
}
