/** Single keys that press a button: off until they are switched on, but for the one that lists them. */

import { one } from "../core/dom.js";
import { deeds, dialog } from "./deeds.js";

const KEYS = "qure-keys";
/** "list": only the list of keys is shown by one. */
const mode = () => localStorage.getItem(KEYS) ?? "list";

const modes = one("#keys-mode");
for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (modes.querySelectorAll("input"))) {
  box.checked = box.value === mode();
}
modes.addEventListener("change", ({ target }) => {
  localStorage.setItem(KEYS, /** @type {HTMLInputElement} */ (target).value);
});
deeds.keys = () => dialog("shortcuts").showModal();

document.addEventListener("keydown", press);

/** @param {KeyboardEvent} event */
export function press(event) {
  const at = /** @type {HTMLElement} */ (event.target);
  const types = at.matches("textarea, select, input:not([type=checkbox], [type=radio])");
  if (types || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (document.querySelector("dialog[open]") || one("#console").hidden) return;
  // Where letters are not Latin, the key that would be.
  const key = /^[a-z/?]$/i.test(event.key) ? event.key.toLowerCase() : event.code.slice(3).toLowerCase();
  const listed =
    /** @type {HTMLElement | null} */ (document.querySelector(`[data-key="${CSS.escape(key)}"][data-press]`));
  if (!listed || (mode() !== "on" && !(mode() === "list" && key === "?"))) return;
  const pressed = /** @type {HTMLElement | null} */ (document.querySelector(listed.dataset.press ?? ""));
  if (!pressed || pressed.hidden) return;
  event.preventDefault();
  pressed.focus();
  if (!(pressed instanceof HTMLInputElement)) pressed.click();
}
