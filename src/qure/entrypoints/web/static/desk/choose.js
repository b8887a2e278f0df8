/** Asks where somebody works: at which desk, and for which services. */

import { el, one, set } from "../core/dom.js";
import { submits } from "../core/forms.js";
import { explain, t } from "../core/i18n.js";
import { formOf } from "./deeds.js";
import { shift } from "./shift.js";
import { chosenHere, sit } from "./sitting.js";

const form = formOf("choose");
let seated = () => {};

submits(form, async ({ deskId }) => {
  if (deskId === undefined) throw Object.assign(new Error(), { code: "no_desk_chosen" });
  await sit(deskId || null, chosenServices(form));
  seated();
});

/** @param {unknown} [problem] Why it is asked again. They sit at the desk then, if any. */
export async function askSeat(problem) {
  const same = chosenHere();
  const own = shift.desks.find((desk) => desk.staff?.id === shift.user.id)?.id ?? same?.deskId ?? null;
  one("#choose-desks").replaceChildren(
    ...shift.desks.map((desk) => deskChoice(desk, desk.id === own)),
    choice("radio", "deskId", "", t("desk.without_desk"), !shift.desks.length || same?.deskId === null),
  );
  one("#choose-services").replaceChildren(...serviceChoices(same?.serviceIds ?? null));
  one("#loading").hidden = true;
  const section = one("#choose");
  section.hidden = false;
  /** @type {HTMLElement} */ (form.querySelector("input:checked") ?? one("input", form)).focus();
  one(".problem", form).textContent = problem ? explain(problem) : "";
  await new Promise((resolve) => seated = () => resolve(undefined));
  section.hidden = true;
}

/** @param {import("./shift.js").Desk} desk @param {boolean} checked */
function deskChoice(desk, checked) {
  const taken = desk.staff && desk.staff.id !== shift.user.id;
  const made = choice("radio", "deskId", desk.id, desk.name, checked && !taken);
  if (taken) {
    set(one("input", made), "disabled", true);
    made.append(
      el("span", { class: "quiet small" }, t("desk.taken_by", { name: desk.staff?.firstName ?? "" })),
    );
  }
  return made;
}

/**
 * @param {"radio" | "checkbox"} type
 * @param {string} name
 * @param {string} value
 * @param {string} text
 * @param {boolean} checked
 */
function choice(type, name, value, text, checked) {
  return el("label", { class: "check" }, el("input", { type, name, value, checked }), el("span", null, text));
}

/** @param {string[] | null} checked Null: all. */
export const serviceChoices = (checked) =>
  shift.services.map(({ id, name }) =>
    choice("checkbox", "serviceIds", id, name, checked?.includes(id) ?? true)
  );

/** @param {HTMLFormElement} form @returns {string[]} */
export const chosenServices = (form) => /** @type {string[]} */ (new FormData(form).getAll("serviceIds"));
