import { z } from 'zod';
import {
  notificationListSchema,
  notificationPreferencesSchema,
  notificationViewSchema,
  pushDeviceViewSchema,
  pushSubscriptionSchema,
} from '../../shared/notifications';
import { nameSchema } from '../../shared/views';
import { procedure, router } from './trpc';

const id = z.string().max(64);
/** Without defaults: what is absent stays. */
const preferencesChange = z
  .object({
    waiting: z.boolean(),
    finished: z.boolean(),
    failed: z.boolean(),
    budget: z.boolean(),
    finishedAfterSeconds: notificationPreferencesSchema.shape.finishedAfterSeconds.unwrap(),
    quietHours: notificationPreferencesSchema.shape.quietHours.unwrap(),
  })
  .partial();

export const notificationsRouter = router({
  list: procedure
    .input(z.object({ before: z.iso.datetime().optional(), unread: z.boolean().optional() }))
    .output(notificationListSchema)
    .query(({ ctx, input }) => ctx.services.notifications.list(ctx.identity, input)),
  read: procedure
    .input(z.object({ ids: z.array(id).max(500).optional() }))
    .output(z.object({ unread: z.int() }))
    .mutation(({ ctx, input }) => ctx.services.notifications.read(ctx.identity, input)),
  publicKey: procedure
    .output(z.object({ publicKey: z.string() }))
    .query(({ ctx }) => ctx.services.notifications.publicKey(ctx.identity)),
  devices: procedure
    .output(z.array(pushDeviceViewSchema))
    .query(({ ctx }) => ctx.services.notifications.devices(ctx.identity)),
  subscribe: procedure
    .input(z.object({ label: nameSchema, subscription: pushSubscriptionSchema }))
    .output(pushDeviceViewSchema)
    .mutation(({ ctx, input }) => ctx.services.notifications.subscribe(ctx.identity, input)),
  /** By its id, or by the endpoint that a browser knows of itself. */
  unsubscribe: procedure
    .input(z.object({ id: id.optional(), endpoint: z.string().max(2048).optional() }))
    .mutation(({ ctx, input }) => ctx.services.notifications.unsubscribe(ctx.identity, input)),
  preferences: procedure
    .output(notificationPreferencesSchema)
    .query(({ ctx }) => ctx.services.notifications.preferences(ctx.identity)),
  setPreferences: procedure
    .input(preferencesChange)
    .output(notificationPreferencesSchema)
    .mutation(({ ctx, input }) => ctx.services.notifications.setPreferences(ctx.identity, input)),
  test: procedure
    .input(z.object({ deviceId: id.optional() }))
    .output(notificationViewSchema)
    .mutation(({ ctx, input }) => ctx.services.notifications.test(ctx.identity, input)),
});
