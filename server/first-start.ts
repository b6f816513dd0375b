import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { instanceIdSchema } from '../shared/names';
import type { Passwords } from './auth/password';
import { type Audit, type Db, systemActor } from './contracts';

const ID_BYTES = 4;

/** The installation's id, made with its data folder. Throws when the file holds something else. */
export function loadInstance(dataDir: string): string {
  const file = join(dataDir, 'instance');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (!existsSync(file)) {
    // Written aside and linked: of two programs that start at once, both read the same id.
    const temp = `${file}.${randomBytes(ID_BYTES).toString('hex')}`;
    writeFileSync(temp, `${randomBytes(ID_BYTES).toString('hex')}\n`, { flag: 'wx' });
    try {
      linkSync(temp, file);
    } catch (error) {
      if (!existsSync(file)) throw error;
    } finally {
      rmSync(temp);
    }
  }
  return instanceIdSchema.parse(readFileSync(file, 'utf8').trim());
}

export interface FirstAdmin {
  username: string;
  /** Null when it was given by ADMIN_PASSWORD: then it is known and not shown. */
  password: string | null;
}

/** Setting: when the first administrator's made password was shown. Until then a start makes a new one. */
const ANNOUNCED = 'first-admin.announced';

export async function markAnnounced(db: Db): Promise<void> {
  const value = new Date().toISOString();
  await db.setting.upsert({ where: { key: ANNOUNCED }, create: { key: ANNOUNCED, value }, update: {} });
}

/**
 * Makes the first administrator with a personal workspace when there are no users at all. A start that broke off
 * before its password was shown left a user whom nobody can be: that one gets a new password. Else null.
 */
export async function makeFirstAdmin(
  { db, audit, passwords }: { db: Db; audit: Audit; passwords: Pick<Passwords, 'hash' | 'make'> },
  wanted: { username: string; password: string | null },
): Promise<FirstAdmin | null> {
  const users = await db.user.findMany({ take: 2, select: { id: true, username: true, lastSeenAt: true } });
  const [only] = users;
  if (only) {
    const announced = await db.setting.findUnique({ where: { key: ANNOUNCED } });
    if (announced || users.length > 1 || only.lastSeenAt) return null;
    const password = wanted.password ?? passwords.make();
    const passwordHash = await passwords.hash(password);
    await db.user.update({ where: { id: only.id }, data: { passwordHash } });
    return { username: only.username, password: wanted.password === null ? password : null };
  }
  const password = wanted.password ?? passwords.make();
  const passwordHash = await passwords.hash(password);
  const { username } = wanted;
  const id = randomUUID();
  await db.$transaction(async (tx) => {
    await tx.user.create({
      data: {
        id,
        username,
        passwordHash,
        role: 'admin',
        members: {
          create: {
            role: 'owner',
            workspace: { create: { id: randomUUID(), name: username, personalOf: id } },
          },
        },
      },
    });
    await audit.record(tx, {
      type: 'admin.user.created',
      actor: systemActor('first-start'),
      target: { type: 'user', id, name: username },
      message: `The first administrator ${username} was made.`,
    });
  });
  return { username, password: wanted.password === null ? password : null };
}
