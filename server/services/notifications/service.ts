/** What a person was told, the devices that are told, and what of it they want. */
import { createHmac, randomUUID } from 'node:crypto';
import type { Notification, Prisma, PushDelivery, PushDevice } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import {
  deliveryStateSchema,
  NOTIFICATIONS_PAGE,
  type NotificationPreferences,
  type NotificationView,
  notificationKindSchema,
  notificationPreferencesSchema,
  PUSH_DEVICES_PER_USER,
  type PushDeviceView,
} from '../../../shared/notifications';
import type { SecretBox } from '../../auth/secret-box';
import { type Audit, actorOf, type Db, type DbOrTx, type Live, type Services } from '../../contracts';

/** Each test dials a server that its user named: so many within so long are for a person, more is for a machine. */
const TESTS_MAX = 10;
const TESTS_WITHIN_MS = 600_000;
/** Purpose of a sealed subscription. */
export const SUBSCRIPTION_PURPOSE = 'push.subscription.v1';

/** Devices that may be pushed to: whoever signs out of a browser, or ends its log-in, ends its pushes. */
export function signedIn(now = new Date()): Prisma.PushDeviceWhereInput {
  return { OR: [{ logInId: null }, { logIn: { revokedAt: null, expiresAt: { gt: now } } }] };
}

export interface NotificationsOptions {
  db: Db;
  live: Live;
  audit: Audit;
  box: SecretBox;
  masterKey: Uint8Array;
  /** The application server's public key, base64url. */
  publicKey: string;
  /** Throws `invalid_input` for an endpoint that the gateway may not be sent to. */
  checkEndpoint(endpoint: string): Promise<void>;
  /** Sends what is due now, of this notification first; resolves when it was tried. */
  deliver(notificationId: string): Promise<void>;
}

const byLabel = {
  deliveries: { orderBy: [{ label: 'asc' }, { deviceKey: 'asc' }] },
} satisfies Prisma.NotificationInclude;

export function createNotifications(options: NotificationsOptions): Services['notifications'] {
  const { db, live, audit, box } = options;
  const key = createHmac('sha256', options.masterKey).update('push.fingerprint.v1').digest();
  const fingerprintOf = (endpoint: string) => createHmac('sha256', key).update(endpoint).digest('base64url');

  const tell = (tx: DbOrTx, userId: string) =>
    live.record(tx, { topic: 'notifications', action: 'updated', subject: userId, userId });

  const unreadOf = (userId: string) => db.notification.count({ where: { userId, readAt: null } });

  return {
    async list(identity, { before, unread }) {
      const rows = await db.notification.findMany({
        where: {
          userId: identity.userId,
          ...(before === undefined ? {} : { createdAt: { lt: new Date(before) } }),
          ...(unread ? { readAt: null } : {}),
        },
        include: byLabel,
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: NOTIFICATIONS_PAGE,
      });
      return { notifications: rows.map(notificationView), unread: await unreadOf(identity.userId) };
    },

    async read(identity, { ids }) {
      await db.$transaction(async (tx) => {
        const { count } = await tx.notification.updateMany({
          where: { userId: identity.userId, readAt: null, ...(ids === undefined ? {} : { id: { in: ids } }) },
          data: { readAt: new Date() },
        });
        if (count > 0) await tell(tx, identity.userId);
      });
      live.flush();
      return { unread: await unreadOf(identity.userId) };
    },

    async publicKey() {
      return { publicKey: options.publicKey };
    },

    async devices(identity) {
      const rows = await db.pushDevice.findMany({
        where: { userId: identity.userId, ...signedIn() },
        orderBy: { createdAt: 'asc' },
      });
      return rows.map(deviceView);
    },

    async subscribe(identity, { label, subscription }) {
      await options.checkEndpoint(subscription.endpoint);
      const fingerprint = fingerprintOf(subscription.endpoint);
      const data = {
        label,
        userId: identity.userId,
        logInId: identity.via === 'browser' ? identity.credentialId : null,
        subscription: box.seal(SUBSCRIPTION_PURPOSE, Buffer.from(JSON.stringify(subscription))),
        service: new URL(subscription.endpoint).hostname,
        problem: null,
      };
      const row = await db.$transaction(async (tx) => {
        await tx.pushDevice.deleteMany({ where: { userId: identity.userId, NOT: signedIn() } });
        const known = await tx.pushDevice.findUnique({ where: { fingerprint } });
        const others = await tx.pushDevice.count({
          where: { userId: identity.userId, fingerprint: { not: fingerprint } },
        });
        if (others >= PUSH_DEVICES_PER_USER)
          throw new AppError('limit_reached', `You have ${others} devices. Remove one first.`);
        // A browser belongs to whoever is signed in there last: pushes for the person before must not reach it.
        if (known && known.userId !== identity.userId) {
          await tx.pushDevice.delete({ where: { id: known.id } });
          await tell(tx, known.userId);
        }
        const mine = known?.userId === identity.userId ? known : null;
        const made = mine
          ? await tx.pushDevice.update({ where: { id: mine.id }, data })
          : await tx.pushDevice.create({ data: { id: randomUUID(), fingerprint, ...data } });
        if (!mine)
          await audit.record(tx, {
            type: 'push.subscribed',
            actor: actorOf(identity),
            target: { type: 'device', id: made.id, name: label },
            message: `${identity.username} gets notifications on ${label}`,
          });
        await tell(tx, identity.userId);
        return made;
      });
      live.flush();
      return deviceView(row);
    },

    async unsubscribe(identity, { id, endpoint }) {
      if ((id === undefined) === (endpoint === undefined))
        throw new AppError('invalid_input', 'Give the id of a device or its endpoint.');
      const which = id !== undefined ? { id } : { fingerprint: fingerprintOf(endpoint ?? '') };
      await db.$transaction(async (tx) => {
        const { count } = await tx.pushDevice.deleteMany({ where: { ...which, userId: identity.userId } });
        // A browser that tells twice that it is gone is no mistake.
        if (count === 0 && id !== undefined) throw new AppError('not_found', 'There is no such device.');
        await tell(tx, identity.userId);
      });
      live.flush();
    },

    async preferences(identity) {
      const user = await db.user.findUniqueOrThrow({ where: { id: identity.userId } });
      return storedPreferences(user.notifications);
    },

    async setPreferences(identity, input) {
      const kept = await db.$transaction(async (tx) => {
        const user = await tx.user.findUniqueOrThrow({ where: { id: identity.userId } });
        const next = notificationPreferencesSchema.parse({
          ...storedPreferences(user.notifications),
          ...input,
        });
        await tx.user.update({ where: { id: user.id }, data: { notifications: JSON.stringify(next) } });
        await tell(tx, user.id);
        return next;
      });
      live.flush();
      return kept;
    },

    async test(identity, { deviceId }) {
      const id = randomUUID();
      await db.$transaction(async (tx) => {
        const devices = await tx.pushDevice.findMany({
          where: {
            ...{ userId: identity.userId, ...signedIn() },
            ...(deviceId === undefined ? {} : { id: deviceId }),
          },
        });
        if (deviceId !== undefined && devices.length === 0)
          throw new AppError('not_found', 'There is no such device.');
        const since = new Date(Date.now() - TESTS_WITHIN_MS);
        const before = await tx.notification.count({
          where: { userId: identity.userId, kind: 'test', createdAt: { gt: since } },
        });
        if (before >= TESTS_MAX)
          throw new AppError('too_many_requests', 'Enough tests for now. Try again in ten minutes.');
        await tx.notification.create({
          data: {
            id,
            userId: identity.userId,
            event: `test:${id}`,
            kind: 'test',
            title: 'Cloud Claude',
            body: 'This is how a notification looks.',
            deliveries: {
              create: devices.map((it) => ({ deviceId: it.id, deviceKey: it.id, label: it.label })),
            },
          },
        });
        await tell(tx, identity.userId);
      });
      live.flush();
      await options.deliver(id);
      const row = await db.notification.findUniqueOrThrow({ where: { id }, include: byLabel });
      return notificationView(row);
    },
  };
}

export function storedPreferences(json: string): NotificationPreferences {
  const parsed = notificationPreferencesSchema.safeParse(JSON.parse(json));
  // A value that an older or newer version wrote must not silence everything: fall back to the defaults.
  return parsed.success ? parsed.data : notificationPreferencesSchema.parse({});
}

function deviceView(row: PushDevice): PushDeviceView {
  return {
    id: row.id,
    label: row.label,
    service: row.service,
    createdAt: row.createdAt.toISOString(),
    lastSentAt: row.lastSentAt?.toISOString() ?? null,
    problem: row.problem,
  };
}

function notificationView(row: Notification & { deliveries: PushDelivery[] }): NotificationView {
  return {
    id: row.id,
    kind: notificationKindSchema.parse(row.kind),
    title: row.title,
    body: row.body,
    sessionId: row.sessionId,
    sandboxId: row.sandboxId,
    createdAt: row.createdAt.toISOString(),
    readAt: row.readAt?.toISOString() ?? null,
    deliveries: row.deliveries.map((it) => ({
      deviceId: it.deviceKey,
      device: it.label,
      state: deliveryStateSchema.parse(it.state),
      reason: it.reason,
      at: it.at.toISOString(),
    })),
  };
}
