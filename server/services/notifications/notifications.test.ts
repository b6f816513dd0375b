import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Scope } from '../../../shared/lifecycle';
import type { NotificationKind } from '../../../shared/notifications';
import { createKeyRing } from '../../auth/key-ring';
import { createSecretBox } from '../../auth/secret-box';
import { createSignIn } from '../../auth/sign-in';
import { createThrottle } from '../../auth/throttle';
import type { Identity, Services } from '../../contracts';
import { until } from '../../gateway/testing/until';
import { createNotifyJob, type NotifyJob } from '../../jobs/notify';
import { checkAddress, type Reach } from '../../outbound/addresses';
import { createAccount } from '../account/service';
import { openServiceTest, type ServiceTest } from '../testing';
import { createPushSender } from './push';
import { startPushService } from './push-service';
import { createNotifications } from './service';
import { loadVapidKeys, type VapidKeys } from './vapid';

const DAY_MS = 86_400_000;
const masterKey = Buffer.alloc(32, 7);
const box = createSecretBox(masterKey);
const log = pino({ level: process.env.TEST_LOG ?? 'silent' });

let t: ServiceTest;
let scope: Scope;
let ann: Identity;
let folder: string;
let keys: VapidKeys;
let push: Awaited<ReturnType<typeof startPushService>>;
let notifications: Services['notifications'];
let job: NotifyJob;
const clock = { ahead: 0 };

beforeEach(async () => {
  t = await openServiceTest();
  scope = new Scope();
  clock.ahead = 0;
  ann = await t.person('ann');
  // The clock of these tests goes ahead by more than a person's log-in of a test lasts.
  await t.db.authSession.updateMany({ data: { expiresAt: new Date(Date.now() + DAY_MS) } });
  folder = await mkdtemp(join(tmpdir(), 'cc-push-'));
  scope.add('folder', folder, (it) => rm(it, { recursive: true }));
  keys = loadVapidKeys(join(folder, 'vapid'), box);
  push = scope.own('push service', await startPushService(keys.publicKey));
  ({ job, notifications } = open('loopback'));
});
afterEach(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
  await t.close();
});

/** A gateway's part of it, as after a start. */
function open(reach: Reach) {
  const { db, live, audit } = t;
  const made = scope.own(
    'job',
    createNotifyJob({
      ...{ db, live, log, box },
      sender: createPushSender({ keys, contact: 'mailto:ops@example.org', reach }),
      now: () => Date.now() + clock.ahead,
      lookMs: 3_600_000,
    }),
  );
  const service = createNotifications({
    ...{ db, live, audit, box, masterKey, publicKey: keys.publicKey },
    checkEndpoint: (url) => checkAddress({ url, field: 'endpoint', reach }),
    deliver: (id) => made.deliver(id),
  });
  return { job: made, notifications: service };
}

async function device(label = 'Phone') {
  const subscription = push.subscribe();
  const view = await notifications.subscribe(ann, { label, subscription });
  return { ...view, subscription, path: new URL(subscription.endpoint).pathname };
}

async function notify(kind: NotificationKind = 'waiting'): Promise<string> {
  const id = randomUUID();
  const devices = await t.db.pushDevice.findMany({ where: { userId: ann.userId } });
  await t.db.notification.create({
    data: {
      ...{ id, userId: ann.userId, event: id, kind, title: 'Claude waits for you', body: 'May I?' },
      ...{ sandboxId: 'swatchtest000001', sessionId: '7f0e6f0e-1111-4222-8333-444455556666' },
      deliveries: { create: devices.map((it) => ({ deviceId: it.id, deviceKey: it.id, label: it.label })) },
    },
  });
  return id;
}

const deliveriesOf = async (id: string) => {
  const { notifications: all } = await notifications.list(ann, {});
  return all.find((it) => it.id === id)?.deliveries.map((it) => [it.device, it.state, it.reason]) ?? [];
};

test('a push reaches its devices, sealed for each of them and signed by the gateway', async () => {
  const phone = await device();
  const laptop = await device('Laptop');
  const id = await notify();
  await job.deliver(id);
  expect(push.received.map((it) => it.path).sort()).toEqual([phone.path, laptop.path].sort());
  expect(push.received[0]).toMatchObject({
    headers: { urgency: 'high', ttl: '3600', 'content-encoding': 'aes128gcm' },
    message: {
      ...{ id, tag: id, kind: 'waiting', title: 'Claude waits for you', body: 'May I?' },
      url: '/sandboxes/swatchtest000001?session=7f0e6f0e-1111-4222-8333-444455556666&view=driver',
    },
  });
  expect(await deliveriesOf(id)).toEqual([
    ['Laptop', 'sent', null],
    ['Phone', 'sent', null],
  ]);
  await job.deliver(id);
  expect(push.received).toHaveLength(2);
  const rows = await t.db.pushDevice.findMany();
  expect(JSON.stringify(rows)).not.toContain(phone.path);
});

test('a device that the push service knows no more is removed', async () => {
  const phone = await device();
  push.answers.set(phone.path, { status: 410 });
  const id = await notify();
  await job.deliver(id);
  expect(await deliveriesOf(id)).toMatchObject([['Phone', 'gone', expect.any(String)]]);
  expect(await notifications.devices(ann)).toEqual([]);
});

test('a refused push says why, and a service that is down is asked again with waits', async () => {
  const phone = await device();
  push.answers.set(phone.path, { status: 403, body: 'BadJwtToken' });
  const refused = await notify();
  await job.deliver(refused);
  expect(await deliveriesOf(refused)).toEqual([
    ['Phone', 'failed', 'The push service answered 403: BadJwtToken'],
  ]);
  expect((await notifications.devices(ann))[0]?.problem).toContain('403');

  push.answers.set(phone.path, { status: 503 });
  const again = await notify();
  await job.deliver(again);
  expect(await deliveriesOf(again)).toMatchObject([['Phone', 'pending', 'The push service answered 503']]);
  await job.deliver(again);
  expect(push.received).toHaveLength(2);
  clock.ahead += 31_000;
  push.answers.set(phone.path, { status: 429, headers: { 'retry-after': '600' } });
  await job.deliver(again);
  clock.ahead += 500_000;
  await job.deliver(again);
  expect(push.received).toHaveLength(3);
  clock.ahead += 101_000;
  push.answers.delete(phone.path);
  await job.deliver(again);
  expect(await deliveriesOf(again)).toEqual([['Phone', 'sent', null]]);
  expect((await notifications.devices(ann))[0]?.problem).toBeNull();
});

test('a gateway that is started again sends what was due, once', async () => {
  await device();
  const id = await notify();
  await job.close();
  const next = open('loopback');
  next.job.wake();
  await until('it is sent', 5_000, async () => push.received.length === 1);
  next.job.wake();
  await until('it is kept', 5_000, async () => (await deliveriesOf(id))[0]?.[1] === 'sent');
  expect(push.received).toHaveLength(1);
});

test('quiet hours and what was read hold a push back; the test button does not wait', async () => {
  await device();
  await notifications.setPreferences(ann, { quietHours: { enabled: true, from: '00:00', to: '00:00' } });
  const quiet = await notify();
  await job.deliver(quiet);
  expect(await deliveriesOf(quiet)).toEqual([['Phone', 'held', 'Quiet hours.']]);
  await notifications.setPreferences(ann, { quietHours: { enabled: false, from: '00:00', to: '00:00' } });
  const read = await notify();
  expect((await notifications.list(ann, {})).unread).toBe(2);
  expect(await notifications.read(ann, {})).toEqual({ unread: 0 });
  await job.deliver(read);
  expect(await deliveriesOf(read)).toEqual([['Phone', 'held', 'It was read before.']]);
  await notifications.setPreferences(ann, { quietHours: { enabled: true, from: '00:00', to: '00:00' } });
  const tested = await notifications.test(ann, {});
  expect(tested).toMatchObject({ kind: 'test', deliveries: [{ device: 'Phone', state: 'sent' }] });
});

test('an endpoint inside is refused when it is given and when it is dialled', async () => {
  const subscription = push.subscribe();
  const strict = open('public');
  await expect(strict.notifications.subscribe(ann, { label: 'x', subscription })).rejects.toMatchObject({
    code: 'invalid_input',
  });
  // One from before the setting was taken back.
  await device();
  const id = await notify();
  await strict.job.deliver(id);
  expect(await deliveriesOf(id)).toEqual([
    ['Phone', 'failed', 'The push service is not on the public Internet.'],
  ]);
  expect(push.received).toEqual([]);
});

test('tests are for a person: a machine that asks for them without end is refused', async () => {
  await device();
  for (let at = 0; at < 10; at++) await notifications.test(ann, {});
  await expect(notifications.test(ann, {})).rejects.toMatchObject({ code: 'too_many_requests' });
  expect(push.received).toHaveLength(10);
  const bob = await t.person('bob');
  expect(await notifications.test(bob, {})).toMatchObject({ kind: 'test', deliveries: [] });
});

test('no port but that of HTTPS is dialled on a public host', async () => {
  const sender = createPushSender({ keys, contact: 'mailto:ops@example.org', reach: 'public' });
  const subscription = { ...push.subscribe(), endpoint: 'https://push.example.org:22/x' };
  const message = { id: 'x', kind: 'test', title: 'x', body: '', url: '/', tag: 'x' } as const;
  expect(await sender.send(subscription, message, new AbortController().signal)).toEqual({
    state: 'failed',
    reason: 'A push service answers on port 443 only.',
  });
});

test('the same browser is one device, and belongs to who signed in there last', async () => {
  const { id, subscription } = await device();
  const again = await notifications.subscribe(ann, { label: 'New name', subscription });
  expect([again.id, again.label, again.service]).toEqual([id, 'New name', '127.0.0.1']);
  const bob = await t.person('bob');
  await notifications.subscribe(bob, { label: 'Phone', subscription });
  expect([await notifications.devices(ann), (await notifications.devices(bob)).length]).toEqual([[], 1]);
  await notifications.unsubscribe(ann, { endpoint: subscription.endpoint });
  expect(await notifications.devices(bob)).toHaveLength(1);
  await notifications.unsubscribe(bob, { endpoint: subscription.endpoint });
  expect(await notifications.devices(bob)).toEqual([]);
});

test('signing out ends the pushes of that browser, also of what was due already, and no other one’s', async () => {
  const { db, live, audit, sockets, passwords } = t;
  const elsewhere = await t.db.authSession.create({
    data: {
      ...{ id: randomUUID(), userId: ann.userId, address: '127.0.0.1', userAgent: 'phone' },
      expiresAt: new Date(Date.now() + DAY_MS),
    },
  });
  const onPhone = { ...ann, credentialId: elsewhere.id };
  const laptop = await device('Laptop');
  const phone = push.subscribe();
  await notifications.subscribe(onPhone, { label: 'Phone', subscription: phone });
  const due = await notify();

  const ring = createKeyRing({ db, box });
  const signIn = createSignIn({ db, ring, passwords, throttle: createThrottle({ db }), audit, sockets });
  await signIn.signOut(ann);
  expect((await notifications.devices(onPhone)).map((it) => it.label)).toEqual(['Phone']);
  await job.deliver(due);
  expect(push.received.map((it) => it.path)).toEqual([new URL(phone.endpoint).pathname]);
  expect(await deliveriesOf(due)).toEqual([
    ['Laptop', 'gone', 'That browser was signed out.'],
    ['Phone', 'sent', null],
  ]);
  // Nothing is left of it; the same browser, signed in again, is told when it is switched on again.
  expect(await db.pushDevice.count()).toBe(1);
  await notifications.subscribe(onPhone, { label: 'Laptop', subscription: laptop.subscription });
  expect(await notifications.devices(onPhone)).toHaveLength(2);

  await createAccount({ db, live, audit, sockets, passwords }).revokeBrowserSession(ann, elsewhere.id);
  const told = await notifications.test(ann, {});
  expect([told.deliveries, await notifications.devices(ann)]).toEqual([[], []]);
  expect(push.received).toHaveLength(1);
});

test('the key of the gateway is kept sealed and stays the same', () => {
  const file = join(folder, 'vapid');
  expect(loadVapidKeys(file, box)).toEqual(keys);
  expect(readFileSync(file, 'utf8')).not.toContain(keys.privateKey);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(() => loadVapidKeys(file, createSecretBox(Buffer.alloc(32, 8)))).toThrow();
});
