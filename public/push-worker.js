/** The service worker: shows what is pushed, and leads a click into the app. It keeps no pages and answers no requests. */
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

const windows = () => self.clients.matchAll({ type: 'window', includeUncontrolled: true });
/** Safari takes the permission back from who shows nothing for a push. */
const mustShow = /^((?!chrome|chromium|android).)*safari/i.test(self.navigator.userAgent);

self.addEventListener('push', (event) => {
  const message = event.data?.json();
  if (!message) return;
  const show = async () => {
    const open = await windows();
    // The page that is looked at tells it itself.
    if (!mustShow && open.some((it) => it.visibilityState === 'visible')) return;
    await self.registration.showNotification(message.title, {
      body: message.body,
      tag: message.tag,
      data: { url: message.url },
    });
  };
  event.waitUntil(show());
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  // A path of this app, and nothing else: what was pushed must not lead away from it.
  const url = new URL(event.notification.data?.url ?? '/', self.location.origin);
  const path = url.origin === self.location.origin ? url.pathname + url.search : '/';
  const open = async () => {
    const [page] = await windows();
    if (!page) return self.clients.openWindow(path);
    await page.focus();
    page.postMessage({ type: 'open', path });
  };
  event.waitUntil(open());
});
