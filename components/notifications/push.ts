/** Web Push in this browser: the service worker, the permission and the subscription. */
import type { PushSubscriptionInput } from '../../shared/notifications';

const WORKER = '/push-worker.js';
/** The server is told again after this long, in ms: a browser may have been forgotten or restored there. */
const TELL_AGAIN_MS = 86_400_000;
const toldKey = 'cloud-claude.push.told';
const deviceKey = 'cloud-claude.push.device';

/** `insecure`: browsers offer it on HTTPS and localhost only. */
export type PushSupport = 'supported' | 'insecure' | 'unsupported' | 'denied';

export function pushSupport(): PushSupport {
  if (!window.isSecureContext) return 'insecure';
  if (!('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window))
    return 'unsupported';
  return Notification.permission === 'denied' ? 'denied' : 'supported';
}

/** `applicationServerKey` wants the bytes; base64url is what the server gives. */
function keyBytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function inputOf(subscription: PushSubscription): PushSubscriptionInput | null {
  const { endpoint, keys } = subscription.toJSON();
  if (!endpoint || !keys?.p256dh || !keys.auth) return null;
  return { endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth } };
}

async function present(): Promise<PushSubscription | null> {
  if (!('serviceWorker' in navigator)) return null;
  const registration = await navigator.serviceWorker.getRegistration(WORKER);
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** Why it did not work, in words for people. */
export class PushRefused extends Error {}

/** Asks for the permission when it was not given yet: call it from a click. */
export async function switchOn(publicKey: string): Promise<PushSubscriptionInput> {
  if ((await Notification.requestPermission()) !== 'granted')
    throw new PushRefused(
      'The browser was not allowed to show notifications. Allow it in the site settings.',
    );
  const registration = await navigator.serviceWorker.register(WORKER, { scope: '/' });
  await navigator.serviceWorker.ready;
  const old = await registration.pushManager.getSubscription();
  // One that was made for another key of ours, as after a restore, gets nothing.
  await old?.unsubscribe();
  const made = await registration.pushManager
    .subscribe({ userVisibleOnly: true, applicationServerKey: keyBytes(publicKey) })
    .catch((cause: unknown) => {
      throw new PushRefused('The browser’s push service could not be reached, or is switched off in it.', {
        cause,
      });
    });
  const input = inputOf(made);
  if (!input) throw new PushRefused('The browser gave a subscription without keys.');
  return input;
}

/** Ends this browser's subscription. The endpoint that is no more, or null when there was none. */
export async function switchOff(): Promise<string | null> {
  const subscription = await present();
  await subscription?.unsubscribe();
  localStorage.removeItem(toldKey);
  localStorage.removeItem(deviceKey);
  return subscription?.endpoint ?? null;
}

export function noteDevice(id: string): void {
  localStorage.setItem(deviceKey, id);
  localStorage.setItem(toldKey, String(Date.now()));
}

/** Id of this browser in the list of devices, as far as it knows. */
export function ownDevice(): string | null {
  return localStorage.getItem(deviceKey);
}

/** The subscription, when the server should hear of it again. */
export async function toTellAgain(): Promise<PushSubscriptionInput | null> {
  if (pushSupport() !== 'supported' || Notification.permission !== 'granted') return null;
  if (Date.now() - Number(localStorage.getItem(toldKey) ?? 0) < TELL_AGAIN_MS) return null;
  const subscription = await present();
  return subscription && inputOf(subscription);
}
