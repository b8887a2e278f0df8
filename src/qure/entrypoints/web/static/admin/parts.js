/** What the sections' screens are built of. */

import { el, one, set, write } from "../core/dom.js";
import { submits } from "../core/forms.js";
import { explain, t } from "../core/i18n.js";

/** @typedef {import("../core/dom.js").Child} Child */

let ids = 0;

/**
 * A field with its label, and what helps to fill it in.
 * @param {string} label
 * @param {Record<string, any>} props Of the input; `name` is the API's.
 * @param {{hint?: string | null, input?: HTMLElement}} [more] `input` instead of a line of text.
 */
export function field(label, props, { hint, input } = {}) {
  const id = `field-${++ids}`;
  const control = input ?? el("input", { autocomplete: "off" });
  /** @type {Record<string, any>} */
  const given = { id, ...props, ...(hint ? { "aria-describedby": `${id}-hint` } : {}) };
  for (const [name, value] of Object.entries(given)) set(control, name, value);
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    hint && el("span", { class: "hint", id: `${id}-hint` }, hint),
    control,
  );
}

/**
 * @param {string} label
 * @param {string} name
 * @param {readonly (readonly [value: string, text: string])[]} options
 * @param {string} value
 * @param {string} [hint]
 */
export function choice(label, name, options, value, hint) {
  const input = el(
    "select",
    null,
    ...options.map(([one, text]) => el("option", { value: one, selected: one === value }, text)),
  );
  return field(label, { name }, { input, hint });
}

/**
 * @param {string} label
 * @param {Record<string, any>} props `name`, `checked` …
 */
export function check(label, props) {
  return el(
    "label",
    { class: "check" },
    el("input", { type: "checkbox", ...props }),
    el("span", null, label),
  );
}

/**
 * A form: what it says when it has been sent stands beside its button.
 * @param {Child[]} fields
 * @param {object} how
 * @param {string} how.action What its button says.
 * @param {(fields: Record<string, string>, form: HTMLFormElement) => Promise<string | void>} how.send
 *   Gives what to say; by default that it is saved.
 * @param {boolean} [how.main] Whether this is what the screen is for.
 * @param {boolean} [how.line] Whether all of it stands in one line.
 * @param {boolean} [how.empties] Whether the fields are empty afterwards.
 * @param {Record<string, string>} [how.places] See `submits`.
 */
export function form(fields, { action, send, main, line, empties, places }) {
  const said = el("output", { class: "said" });
  const button = el("button", { type: "submit", class: main ? "main-action" : null }, action);
  const made = el(
    "form",
    { novalidate: true, id: `form-${++ids}`, class: line ? "line" : null },
    ...fields,
    el("p", { class: "problem", role: "alert" }),
    el("div", { class: "row" }, button, said),
  );
  made.addEventListener("input", () => write(said, ""));
  submits(made, async (given) => {
    write(said, "");
    const word = await send(given, made);
    if (empties) {
      made.reset();
      one("input", made).focus();
    }
    write(said, word || t("admin.saved"));
  }, places);
  return made;
}

/**
 * A button that does something at once. What goes wrong is said beside it, in `said`.
 * @param {string} text
 * @param {() => Promise<unknown>} work
 * @param {Record<string, any>} [props]
 */
export function doing(text, work, props) {
  const button = el("button", { type: "button", ...props }, text);
  button.addEventListener("click", async () => {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    button.parentElement?.querySelector(":scope > .problem")?.remove();
    try {
      await work();
    } catch (error) {
      button.parentElement?.append(el("p", { class: "problem", role: "alert" }, explain(error)));
    } finally {
      button.ariaBusy = null;
    }
  });
  return button;
}

/**
 * A box that does something when it is ticked or not; when that goes wrong, it is as it was, and
 * says so.
 * @param {string} label
 * @param {boolean} checked
 * @param {(checked: boolean) => Promise<unknown>} work
 */
export function switching(label, checked, work) {
  const problem = el("p", { class: "problem", role: "alert" });
  const box = check(label, { checked });
  const input = /** @type {HTMLInputElement} */ (one("input", box));
  input.addEventListener("change", async () => {
    write(problem, "");
    try {
      await work(input.checked);
    } catch (error) {
      input.checked = !input.checked;
      write(problem, explain(error));
    }
  });
  return el("div", null, box, problem);
}

/**
 * Asks once before something that cannot be taken back.
 * @param {string} question
 * @param {string} consequence
 * @param {string} action What the button says that does it.
 * @returns {Promise<boolean>}
 */
export function sure(question, consequence, action) {
  const dialog = el(
    "dialog",
    { class: "stack", "aria-labelledby": "sure-title", "aria-describedby": "sure-text" },
    el("h2", { id: "sure-title" }, question),
    el("p", { id: "sure-text" }, consequence),
    el(
      "div",
      { class: "row" },
      el(
        "button",
        { type: "button", autofocus: true, on: { click: () => dialog.close() } },
        t("page.cancel"),
      ),
      el("button", { type: "button", class: "danger", on: { click: () => dialog.close("yes") } }, action),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    })
  );
}

/**
 * Part of a screen, with its title.
 * @param {string} title
 * @param {...Child} children
 */
export function part(title, ...children) {
  const id = `part-${++ids}`;
  return el("section", { class: "card stack", "aria-labelledby": id }, el("h3", { id }, title), ...children);
}

/**
 * What is shown only when somebody wants it.
 * @param {string} title
 * @param {...Child} children
 */
export function unfolding(title, ...children) {
  return el("details", null, el("summary", null, title), el("div", { class: "unfolded" }, ...children));
}

/** @param {string} text A number as a person wrote it: null when empty, the text when it is none. */
export function number(text) {
  if (text === "") return null;
  const value = Number(text.replace(",", "."));
  return Number.isNaN(value) ? text : value;
}

/** What somebody sees of a desk: who sits there. @param {import("../../types/wire.d.ts").DeskBody} desk */
export function stateOf(desk) {
  if (!desk.isActive) return t("admin.retired");
  if (!desk.staff) return t("admin.desk_free");
  return t(desk.state === "PAUSED" ? "admin.desk_paused" : "admin.desk_open", { name: desk.staff.firstName });
}
