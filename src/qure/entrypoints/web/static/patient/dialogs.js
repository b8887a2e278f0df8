/** What is asked before a move. The focus comes back by itself to what opened them. */

import { one, write } from "../core/dom.js";
import { t } from "../core/i18n.js";

const MOST = 20;

/** Whether they said yes. @param {string} selector Of a dialog with a form. @returns {Promise<boolean>} */
export function asked(selector) {
  const dialog = /** @type {HTMLDialogElement} */ (one(selector));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true })
  );
}

let count = 1;

/** How many may pass; 0 for none. @param {number} left How often that can still be done. */
export async function passing(left) {
  count = 1;
  step(0);
  write(one("#passes-left"), t("patient.passes_left", { count: left }));
  return await asked("#pass") ? count : 0;
}

/** @param {number} by */
function step(by) {
  count = Math.min(Math.max(count + by, 1), MOST);
  write(one("#passing"), count);
}

one("#fewer").addEventListener("click", () => step(-1));
one("#more").addEventListener("click", () => step(1));
