/**
 * Keeps the patient's page, so that it opens without a network, and leads from a notification to
 * it. The server puts `self.shell` before this: the version, the page, and its assets.
 */

const worker = /** @type {any} */ (self);
/** @type {{version: string, page: string, assets: string[]}} */
const { version, page, assets } = worker.shell;
const NAME = `qure-${version}`;
const PATIENCE_MS = 4000;

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll([page, ...assets])));
});

worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(dropOld().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin || request.method !== "GET") return;
  if (request.mode === "navigate" && pathname === page) event.respondWith(newest(request));
  else if (pathname.startsWith("/assets/")) event.respondWith(kept(request));
});

worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(
    worker.clients.matchAll({ type: "window" }).then((/** @type {any[]} */ [open]) =>
      open ? open.focus() : worker.clients.openWindow(page)
    ),
  );
});

async function dropOld() {
  const old = (await caches.keys()).filter((name) => name.startsWith("qure-") && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** The page from the server; as it was, when that does not answer in time. @param {Request} request */
async function newest(request) {
  const cache = await caches.open(NAME);
  const before = await cache.match(page, { ignoreVary: true });
  const signal = before && AbortSignal.timeout?.(PATIENCE_MS);
  try {
    const answer = await fetch(request, { signal });
    if (answer.ok) await cache.put(page, answer.clone());
    if (answer.ok || !before) return answer;
  } catch (error) {
    if (!before) throw error;
  }
  return before;
}

/** An asset never changes. @param {Request} request */
async function kept(request) {
  const cache = await caches.open(NAME);
  const before = await cache.match(request, { ignoreVary: true });
  if (before) return before;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}
