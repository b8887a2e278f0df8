/** Forms that say what is wrong where it stands, and cannot be sent twice. */

import { Refusal } from "./api.js";
import { el, one, set } from "./dom.js";
import { explain } from "./i18n.js";

/**
 * Sends the form by `send` each time it is submitted. A refusal is shown at the fields it names,
 * and else in the form's `.problem`.
 * @param {HTMLFormElement} form
 * @param {(fields: Record<string, string>) => Promise<unknown>} send
 * @param {Record<string, string>} [places] The field that a code is about.
 */
export function submits(form, send, places) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    clear(form);
    try {
      await send(fieldsOf(form));
    } catch (error) {
      show(form, error, places);
    } finally {
      form.ariaBusy = null;
    }
  });
}

/** @param {HTMLFormElement} form */
export function fieldsOf(form) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") fields[name] = value.trim();
  for (const secret of form.querySelectorAll("input[type=password]")) {
    const { name, value } = /** @type {HTMLInputElement} */ (secret);
    fields[name] = value;
  }
  return fields;
}

/** @param {HTMLFormElement} form */
export function clear(form) {
  for (const note of form.querySelectorAll(".field-problem")) note.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    describe(field, (ids) => ids.filter((id) => !id.endsWith("-problem")));
  }
  const problem = form.querySelector(".problem");
  if (problem) problem.textContent = "";
}

/**
 * @param {HTMLFormElement} form
 * @param {unknown} error
 * @param {Record<string, string>} [places] The field that a code is about.
 */
export function show(form, error, places = {}) {
  const refusal = error instanceof Refusal ? error : null;
  const place = refusal && places[refusal.code];
  // The server's own sentences are English.
  const named = place
    ? [{ path: place, message: explain(error), lang: null }]
    : (refusal?.errors ?? []).map((one) => ({ ...one, lang: "en" }));
  /** @type {HTMLElement | null} */
  let first = null;
  for (const { path, message, lang } of named) {
    const field = /** @type {HTMLElement | null} */ (form.querySelector(`[name="${CSS.escape(path)}"]`));
    if (!field) continue;
    const id = `${form.id || "form"}-${path}-problem`;
    field.after(el("p", { class: "field-problem", id, lang }, message));
    set(field, "aria-invalid", "true");
    describe(field, (ids) => [...ids, id]);
    first ??= field;
  }
  if (first) first.focus();
  else one(".problem", form).textContent = explain(error);
}

/**
 * @param {Element} field
 * @param {(ids: string[]) => string[]} change What else describes it stays.
 */
function describe(field, change) {
  const ids = (field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
  set(field, "aria-describedby", change(ids).join(" ") || null);
}
