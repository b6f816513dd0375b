/** One notification of one person, with a push for each of their devices. */
import { randomUUID } from 'node:crypto';
import type { NotificationKind } from '../../../shared/notifications';
import type { DbOrTx, Live } from '../../contracts';

/** Returns false when this person was told of this event before. Pushes are due after the commit. */
export async function makeNotification(
  tx: DbOrTx,
  live: Live,
  given: {
    user: { id: string; pushDevices: { id: string; label: string }[] };
    event: string;
    kind: NotificationKind;
    title: string;
    body: string;
    sessionId?: string;
    sandboxId?: string;
  },
): Promise<boolean> {
  const { user, event, ...said } = given;
  const key = { userId: user.id, event };
  if (await tx.notification.findUnique({ where: { userId_event: key }, select: { id: true } })) return false;
  await tx.notification.create({
    data: {
      ...{ id: randomUUID(), ...key, ...said },
      deliveries: {
        create: user.pushDevices.map(({ id, label }) => ({ deviceId: id, deviceKey: id, label })),
      },
    },
  });
  await live.record(tx, { topic: 'notifications', action: 'created', subject: user.id, userId: user.id });
  return true;
}
