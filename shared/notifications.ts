/** What people are told about their sessions, and the devices that are told. */
import { z } from 'zod';
import { sandboxIdSchema, sessionIdSchema } from './names';

/**
 * waiting: Claude asks a person. finished: a long turn ended. failed: a turn or session failed. budget: a mark of one
 * was reached. test: the button.
 */
export const notificationKindSchema = z.enum(['waiting', 'finished', 'failed', 'budget', 'test']);
export type NotificationKind = z.output<typeof notificationKindSchema>;

/** Devices of one person that get Web Push. */
export const PUSH_DEVICES_PER_USER = 20;
/** A list shows so many at once. */
export const NOTIFICATIONS_PAGE = 50;

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'Give a time such as 22:00.');

export const notificationPreferencesSchema = z.object({
  waiting: z.boolean().default(true),
  finished: z.boolean().default(true),
  failed: z.boolean().default(true),
  budget: z.boolean().default(true),
  /** A turn that ended sooner is not worth telling. Work time: without the time a person was waited for. */
  finishedAfterSeconds: z.int().min(0).max(86_400).default(30),
  /** Nothing is pushed then; the list has it. In the user's time zone; `from` later than `to` = over midnight. */
  quietHours: z
    .object({ enabled: z.boolean(), from: clock, to: clock })
    .default({ enabled: false, from: '22:00', to: '07:00' }),
});
export type NotificationPreferences = z.output<typeof notificationPreferencesSchema>;

/** pending: on its way or tried again later. held: quiet hours. gone: the push service knows the device no more. */
export const deliveryStateSchema = z.enum(['pending', 'sent', 'failed', 'gone', 'held']);
export const deliveryViewSchema = z.object({
  deviceId: z.string(),
  device: z.string(),
  state: deliveryStateSchema,
  reason: z.string().nullable(),
  at: z.string(),
});
export type DeliveryView = z.output<typeof deliveryViewSchema>;

export const notificationViewSchema = z.object({
  id: z.string(),
  kind: notificationKindSchema,
  title: z.string(),
  body: z.string(),
  sessionId: sessionIdSchema.nullable(),
  sandboxId: sandboxIdSchema.nullable(),
  createdAt: z.string(),
  readAt: z.string().nullable(),
  deliveries: z.array(deliveryViewSchema),
});
export type NotificationView = z.output<typeof notificationViewSchema>;

export const notificationListSchema = z.object({
  notifications: z.array(notificationViewSchema),
  unread: z.int(),
});

/** What `PushSubscription.toJSON()` gives in a browser. */
export const pushSubscriptionSchema = z.object({
  endpoint: z.url().max(2048),
  keys: z.object({
    /** Uncompressed P-256 point, 65 bytes. */
    p256dh: z.string().regex(/^[A-Za-z0-9_-]{87}=?$/, 'Not a push key.'),
    /** 16 bytes. */
    auth: z.string().regex(/^[A-Za-z0-9_-]{22}(==)?$/, 'Not a push secret.'),
  }),
});
export type PushSubscriptionInput = z.output<typeof pushSubscriptionSchema>;

export const pushDeviceViewSchema = z.object({
  id: z.string(),
  label: z.string(),
  /** Host of its push service. */
  service: z.string(),
  createdAt: z.string(),
  lastSentAt: z.string().nullable(),
  /** Why the last push failed; null when it did not. */
  problem: z.string().nullable(),
});
export type PushDeviceView = z.output<typeof pushDeviceViewSchema>;

/** What the service worker gets, as JSON. `url` is a path of this app. */
export const pushMessageSchema = z.object({
  id: z.string(),
  kind: notificationKindSchema,
  title: z.string(),
  body: z.string(),
  url: z.string(),
  /** Pushes with the same tag replace each other on the device. */
  tag: z.string(),
});
export type PushMessage = z.output<typeof pushMessageSchema>;
