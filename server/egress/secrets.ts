/** Configurations at rest: sealed, opened, compared, and put together again from what a person was shown. */
import { createHmac, createPrivateKey, createPublicKey } from 'node:crypto';
import { type Egress, egressSchema, egressSecretFields, MASK } from '../../shared/egress';
import { AppError } from '../../shared/errors';
import { canonicalJson } from '../../shared/proof';
import type { SecretBox } from '../auth/secret-box';

export interface EgressSecrets {
  seal(egress: Egress): string;
  /** Throws `internal` for a text that another master key sealed. */
  open(sealed: string): Egress;
  /** Equal for equal egresses. Keyed, so that a stolen database gives nothing to guess passwords against. */
  fingerprint(egress: Egress): string;
  sealText(what: 'subscription.url' | 'subscription.pending', text: string): string;
  openText(what: 'subscription.url' | 'subscription.pending', sealed: string): string;
}

const PURPOSE = 'egress.v1';

export function createEgressSecrets(options: { box: SecretBox; masterKey: Uint8Array }): EgressSecrets {
  const { box } = options;
  const key = createHmac('sha256', options.masterKey).update('egress.fingerprint.v1').digest();
  return {
    seal: (egress) => box.seal(PURPOSE, Buffer.from(JSON.stringify(egress))),
    open: (sealed) => egressSchema.parse(JSON.parse(box.open(PURPOSE, sealed).toString('utf8'))),
    fingerprint: (egress) => createHmac('sha256', key).update(canonicalJson(egress)).digest('base64url'),
    sealText: (what, text) => box.seal(`${PURPOSE}.${what}`, Buffer.from(text)),
    openText: (what, sealed) => box.open(`${PURPOSE}.${what}`, sealed).toString('utf8'),
  };
}

/** Throws `invalid_input` where a secret is the mask that somebody was shown: there is nothing behind it here. */
export function refuseMask(config: Record<string, unknown>): void {
  const field = egressSecretFields.find((name) => config[name] === MASK);
  if (field !== undefined)
    throw new AppError('invalid_input', `${field} is masked; give it anew.`, { field: `config.${field}` });
}

/**
 * The stored egress with the changed fields. A secret that equals MASK keeps its stored value; the kind stays.
 * Throws `invalid_input` with the field, never with its value.
 */
export function mergeEgress(stored: Egress, change: Record<string, unknown>): Egress {
  if (change.kind !== undefined && change.kind !== stored.kind)
    throw new AppError('invalid_input', 'The kind of a way out stays; make a new one.', {
      field: 'config.kind',
    });
  const before: Record<string, unknown> = stored;
  const kept = Object.entries(change).map(([name, value]) => {
    const hidden = value === MASK && (egressSecretFields as readonly string[]).includes(name);
    return [name, hidden && typeof before[name] === 'string' ? before[name] : value];
  });
  const merged: Record<string, unknown> = { ...stored, ...Object.fromEntries(kept) };
  refuseMask(merged);
  const parsed = egressSchema.safeParse(merged);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = `config.${issue?.path.join('.') ?? ''}`;
  throw new AppError('invalid_input', `${field}: ${issue?.message ?? 'not valid'}`, { field });
}

/** RFC 8410: what stands before the 32 raw bytes of an X25519 private key in PKCS #8. */
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const KEY_BYTES = 32;

/** The public key of a pasted WireGuard key; null where the agent made it or for another kind. */
export function wireguardPublicKey(egress: Egress): string | null {
  if (egress.kind !== 'wireguard' || egress.privateKey === null) return null;
  const der = Buffer.concat([X25519_PKCS8, Buffer.from(egress.privateKey, 'base64')]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return key.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES).toString('base64');
}
