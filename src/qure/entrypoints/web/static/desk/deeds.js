/** What is done by a press: one place hears all buttons; and the dialogs. */

import { Refusal } from "../core/api.js";
import { one, write } from "../core/dom.js";
import { explain } from "../core/i18n.js";
import { joinAll, look } from "./boards.js";
import { redraw, shift } from "./shift.js";

/** @type {Record<string, (button: HTMLElement) => unknown>} By `data-do`. */
export const deeds = {};

/** Parts that most visits do without: loaded by the first press that needs them. */
const later = {
  keys: () => import("./keys.js"),
  notices: () => import("./notices.js"),
  pairing: () => import("./pairing.js"),
  seat: () => import("./seat.js"),
  tickets: () => import("./tickets.js"),
};

/** @type {Record<string, keyof typeof later>} */
const IN_PARTS = {
  keys: "keys",
  notice: "notices",
  pair: "pairing",
  pause: "seat",
  resume_desk: "seat",
  change_desk: "seat",
  close_desk: "seat",
  log_out: "seat",
  walk_in: "tickets",
  print: "tickets",
};

/** Hears that another desk is wanted. */
export const leaving = { onleave: () => {} };

/** @param {HTMLElement} button */
async function act(button) {
  const what = button.dataset.do ?? "";
  try {
    if (!deeds[what]) await later[IN_PARTS[what]]();
  } catch {
    return tell(explain({ code: "unreachable" }));
  }
  await deeds[what](button);
}

document.addEventListener("click", ({ target }) => {
  const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("[data-do]"));
  if (!button || button.ariaDisabled === "true") return;
  /** @type {HTMLElement | null} */ (button.closest("[popover]"))?.hidePopover();
  act(button);
});

/** @param {HTMLElement} node The id of whom or what it belongs to. */
export const keyOf = (node) =>
  /** @type {HTMLElement} */ (node.closest("[data-key]:not(.transfers *)")).dataset.key ?? "";

/** @param {string} id */
export const dialog = (id) => /** @type {HTMLDialogElement} */ (one(`#${id}`));
/** @param {string} id @returns {HTMLFormElement} */
export const formOf = (id) => one(`#${id}-form`);

deeds.shut = (button) => button.closest("dialog")?.close();

/**
 * Asks once more before what cannot be taken back.
 * @param {string} text
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
export function isSure(text, yes) {
  const asked = dialog("sure");
  write(one("#sure-text"), text);
  write(one("#sure-yes"), yes);
  asked.returnValue = "no";
  asked.showModal();
  return new Promise((resolve) => {
    asked.addEventListener("close", () => resolve(asked.returnValue === "yes"), { once: true });
  });
}

/**
 * Sends what was pressed, unless that is being done already. Says what went wrong.
 * @param {import("./outbox.js").Entry} entry
 */
export async function send(entry) {
  if (shift.outbox.isBusy(entry.on)) return;
  try {
    await shift.outbox.add(entry);
  } catch (error) {
    refused(error);
  }
}

/** @param {unknown} error Why it was not done. What was not as it was shown is read anew. */
export function refused(error) {
  tell(explain(error));
  if (error instanceof Refusal && error.status === 409) {
    joinAll();
    look();
  }
}

/** @typedef {{what: string, label?: string, name?: string | null, queueId?: string, at: number}} Deed */

/** What stands in the place of the last action. */
export const last = {
  /** @type {Deed | null} */
  deed: JSON.parse(sessionStorage.getItem("qure-last") ?? "null"),
  problem: "",
};

/** @param {string} problem */
export function tell(problem) {
  last.problem = problem;
  redraw();
}

/** @param {Deed} deed */
export function tellDone(deed) {
  last.problem = "";
  last.deed = deed;
  sessionStorage.setItem("qure-last", JSON.stringify(deed));
  redraw();
}
