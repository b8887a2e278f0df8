/** Keeps the screen on, where the browser can. */

export function keepAwake() {
  const hold = async () => {
    if (document.visibilityState !== "visible" || !navigator.wakeLock) return;
    // A device that saves its battery may refuse: it stays as bright as it wishes then.
    await navigator.wakeLock.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", hold);
  hold();
}
