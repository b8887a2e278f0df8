/** What this device remembers for the pages: nothing, where the browser lets no page keep anything. */

/** The secret of a guest's link, the last thing known of a visit, and the door that was used. */
export const [SECRET, VISIT, DOOR] = ["qure-secret", "qure-visit", "qure-door"];

/** @typedef {"localStorage" | "sessionStorage"} Kept As long as the device, or the tab. */

/** @param {string} name @param {Kept} [kept] @returns {any} */
export function recall(name, kept = "localStorage") {
  try {
    return JSON.parse(globalThis[kept].getItem(name) ?? "null");
  } catch {
    return null; // No storage, or something that is not ours: the same as nothing.
  }
}

/** @param {string} name @param {unknown} value Null forgets it. @param {Kept} [kept] */
export function remember(name, value, kept = "localStorage") {
  try {
    if (value === null) globalThis[kept].removeItem(name);
    else globalThis[kept].setItem(name, JSON.stringify(value));
  } catch {
    // Full or forbidden: the page works without, for as long as it is open.
  }
}
