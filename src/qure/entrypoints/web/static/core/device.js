/** What this device remembers for the pages: nothing, where the browser lets no page keep anything. */

/** The secret of a guest's link, the last thing known of a visit, and the door that was used. */
export const [SECRET, VISIT, DOOR] = ["qure-secret", "qure-visit", "qure-door"];

/** @param {string} name @returns {any} */
export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null");
  } catch {
    return null; // No storage, or something that is not ours: the same as nothing.
  }
}

/** @param {string} name @param {unknown} value Null forgets it. */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Full or forbidden: the page works without, for as long as it is open.
  }
}
