/** Public keys that people log in with over SSH: one belongs to one account, and ends what it opened when it goes. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { SshKey } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import type { addSshKeySchema, SshAccess, SshKeyView, SshServer } from '../../../shared/ssh-keys';
import { nameSchema } from '../../../shared/views';
import { requireUnlimited } from '../../auth/scopes';
import {
  type Audit,
  actorOf,
  type Db,
  type DbOrTx,
  type Identity,
  type Live,
  type OpenSockets,
} from '../../contracts';
import { readPublicKey } from './public-key';

/** Every machine of one person; more is a script that forgets to remove. */
const KEYS_PER_USER = 50;

export interface SshKeys {
  /** One's own keys, newest first, and the server they are for. */
  get(identity: Identity): Promise<SshAccess>;
  /** Throws `invalid_input` for what is no good key, `name_taken` for one that is registered already. */
  add(identity: Identity, input: z.output<typeof addSshKeySchema>): Promise<SshKeyView>;
  /** What it has open is closed at once. */
  remove(identity: Identity, id: string): Promise<void>;
}

export function createSshKeys(options: {
  db: Db;
  live: Live;
  audit: Audit;
  sockets: OpenSockets;
  /** Null: this gateway serves no SSH. */
  server: SshServer | null;
}): SshKeys {
  const { db, live, audit, sockets, server } = options;

  async function note(tx: DbOrTx, identity: Identity, event: { type: string; key: SshKey }): Promise<void> {
    const { id, label, fingerprint } = event.key;
    const verb = event.type === 'ssh_key.added' ? 'added' : 'removed';
    await audit.record(tx, {
      type: event.type,
      actor: actorOf(identity),
      target: { type: 'ssh_key', id, name: label },
      message: `${identity.username} ${verb} the SSH key ${label}`,
      after: { fingerprint, by: identity.via === 'token' ? identity.credentialId : 'browser' },
    });
    const subject = identity.userId;
    await live.record(tx, { topic: 'me', action: 'updated', subject, userId: subject });
  }

  return {
    async get(identity) {
      requireUnlimited(identity, 'Your SSH keys');
      const rows = await db.sshKey.findMany({
        where: { userId: identity.userId },
        orderBy: { createdAt: 'desc' },
      });
      return { keys: rows.map(keyView), server };
    },

    async add(identity, input) {
      // A key opens a shell in every sandbox of its user: who may do less must not make one.
      requireUnlimited(identity, 'Adding an SSH key');
      const key = readPublicKey(input.publicKey);
      const named = nameSchema.safeParse(input.label ?? key.comment);
      const label = named.success ? named.data : key.type;
      const row = await db.$transaction(async (tx) => {
        const same = await tx.sshKey.findUnique({ where: { fingerprint: key.fingerprint } });
        if (same)
          throw new AppError(
            'name_taken',
            same.userId === identity.userId
              ? `You have added this key already, as ${same.label}.`
              : 'This key belongs to another account. Make one of your own: ssh-keygen -t ed25519',
            { field: 'publicKey' },
          );
        const present = await tx.sshKey.count({ where: { userId: identity.userId } });
        if (present >= KEYS_PER_USER)
          throw new AppError('limit_reached', `You have ${present} SSH keys. Remove one first.`);
        const { line: publicKey, fingerprint } = key;
        const added = await tx.sshKey.create({
          data: { id: randomUUID(), userId: identity.userId, label, publicKey, fingerprint },
        });
        await note(tx, identity, { type: 'ssh_key.added', key: added });
        return added;
      });
      live.flush();
      return keyView(row);
    },

    async remove(identity, id) {
      requireUnlimited(identity, 'Removing an SSH key');
      await db.$transaction(async (tx) => {
        const row = await tx.sshKey.findFirst({ where: { id, userId: identity.userId } });
        if (!row) throw new AppError('not_found', 'There is no such SSH key.');
        await tx.sshKey.delete({ where: { id } });
        await note(tx, identity, { type: 'ssh_key.removed', key: row });
      });
      live.flush();
      sockets.closeCredential(id);
    },
  };
}

function keyView(row: SshKey): SshKeyView {
  return {
    id: row.id,
    label: row.label,
    type: row.publicKey.split(' ')[0] ?? '',
    fingerprint: row.fingerprint,
    createdAt: row.createdAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
