/** WireGuard keys that the agent made: the private half never comes here, the public half is kept to be shown. */
import type { Egress } from '../../../shared/egress';
import { AppError } from '../../../shared/errors';
import { actorOf, type DbOrTx, type Identity } from '../../contracts';
import { wireguardPublicKey } from '../../egress/secrets';
import { type EgressParts, requireAdmin } from './parts';

const settingOf = (keyId: string) => `wireguard.key.${keyId}`;

export async function newWireguardKey(
  parts: EgressParts,
  identity: Identity,
): Promise<{ keyId: string; publicKey: string }> {
  requireAdmin(identity);
  const made = await parts.agent.call('wireguard.newKey', {}, {});
  await parts.db.$transaction(async (tx) => {
    await tx.setting.create({ data: { key: settingOf(made.keyId), value: made.publicKey } });
    await parts.audit.record(tx, {
      type: 'egress.key.created',
      actor: actorOf(identity),
      target: { type: 'wireguard-key', id: made.keyId, name: made.publicKey },
      message: 'Made a WireGuard key',
    });
  });
  return made;
}

/** Null for what has none. Throws `invalid_input` for a key that was not made here. */
export async function publicKeyFor(tx: DbOrTx, egress: Egress): Promise<string | null> {
  if (egress.kind !== 'wireguard' || egress.keyId === null) return wireguardPublicKey(egress);
  const known = await tx.setting.findUnique({ where: { key: settingOf(egress.keyId) } });
  if (known) return known.value;
  throw new AppError('invalid_input', 'This key is not known here. Make a new one.', {
    field: 'config.keyId',
  });
}

/** After the last way out that used it is gone. A key that stays with an agent that does not answer harms nobody. */
export async function forgetKey(parts: EgressParts, egress: Egress): Promise<void> {
  if (egress.kind !== 'wireguard' || egress.keyId === null) return;
  const key = settingOf(egress.keyId);
  const known = await parts.db.setting.findUnique({ where: { key } });
  if (!known || (await parts.db.egress.count({ where: { publicKey: known.value } })) > 0) return;
  const removed = await parts.agent
    .call('wireguard.removeKey', { keyId: egress.keyId }, {})
    .then(() => true)
    .catch(() => false);
  if (removed) await parts.db.setting.deleteMany({ where: { key } });
}
