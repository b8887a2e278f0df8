/** Keeps the screen on, where the browser can. */

/** @returns {() => void} Lets it go off again. */
export function keepAwake() {
  /** @type {WakeLockSentinel | undefined} */
  let held;
  let wanted = true;
  const hold = async () => {
    if (!wanted || document.visibilityState !== "visible" || !navigator.wakeLock) return;
    // A device that saves its battery may refuse: it stays as bright as it wishes then.
    held = await navigator.wakeLock.request("screen").catch(() => undefined);
    if (!wanted) held?.release();
  };
  document.addEventListener("visibilitychange", hold);
  hold();
  return () => {
    wanted = false;
    held?.release();
  };
}
