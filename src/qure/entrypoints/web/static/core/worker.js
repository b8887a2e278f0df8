/** The service worker: shows the phone's notifications, and the page when there is no network. */

/** @returns {Promise<ServiceWorkerRegistration | null>} null where there are none. */
export async function registered() {
  if (!("serviceWorker" in navigator)) return null;
  const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("qure-worker", {
    createScriptURL: (/** @type {string} */ address) => {
      if (address !== "/sw.js") throw new TypeError("no other worker");
      return address;
    },
  });
  const address = policy ? policy.createScriptURL("/sw.js") : "/sw.js";
  try {
    await navigator.serviceWorker.register(address, { scope: "/t" });
    return await navigator.serviceWorker.ready;
  } catch {
    return null; // Private windows may refuse it: the page works without.
  }
}
