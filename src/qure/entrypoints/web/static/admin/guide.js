/** Leads through what a new clinic needs, step by step, for as long as somebody wants to be led. */

import { el, one } from "../core/dom.js";
import { t } from "../core/i18n.js";

const KEY = "qure-guide";
const STEPS = ["new", "services", "desks", "today", "staff", "displays", "door"];

/** @typedef {import("../../types/wire.d.ts").ClinicBody} Clinic */

/** @param {string | null} id The clinic to be led through; null: no more. In this tab alone. */
export function guide(id) {
  if (id) sessionStorage.setItem(KEY, id);
  else sessionStorage.removeItem(KEY);
}

/**
 * Shows where one is, and what comes next; nothing for whoever is not led.
 * @param {string} section
 * @param {Clinic | null} clinic
 */
export function showGuide(section, clinic) {
  const at = STEPS.indexOf(section);
  const isLed = at === 0 ? !clinic : at > 0 && clinic?.id === sessionStorage.getItem(KEY);
  const [steps, next] = [one("#guide"), one("#next")];
  steps.hidden = !isLed;
  next.hidden = !isLed || at === 0;
  if (!isLed) return;
  steps.replaceChildren(
    el("p", { class: "quiet" }, t("admin.step", { step: at + 1, steps: STEPS.length })),
    el("ol", null, ...STEPS.map((name, index) => step(name, index, at, clinic))),
  );
  const following = STEPS[at + 1];
  next.replaceChildren(
    following
      ? el("a", { class: "button main-action", href: `#${clinic?.id}/${following}` }, nextTitle(following))
      : el("a", {
        class: "button main-action",
        href: `#${clinic?.id}/today`,
        on: { click: () => guide(null) },
      }, t("admin.guide_done")),
  );
}

/** @param {string} name */
const nextTitle = (name) => t("admin.next", { what: title(name) });

/** @param {string} name */
const title = (name) => t(name === "new" ? "page.clinic" : `admin.${name}`);

/**
 * @param {string} name
 * @param {number} index
 * @param {number} at
 * @param {Clinic | null} clinic
 */
function step(name, index, at, clinic) {
  const target = index === 0 ? "clinic" : name;
  return el(
    "li",
    { "aria-current": index === at ? "step" : null, class: index < at ? "past" : null },
    clinic && index !== at ? el("a", { href: `#${clinic.id}/${target}` }, title(name)) : title(name),
  );
}
