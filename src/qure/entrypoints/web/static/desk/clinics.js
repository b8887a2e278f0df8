/** Asks an admin for which clinic they work. */

import { el, keep, one } from "../core/dom.js";
import { show, submits } from "../core/forms.js";
import { shift } from "./shift.js";

/** @typedef {import("../../types/wire.d.ts").ClinicBody} Clinic */

/** @returns {Promise<Clinic>} The one that they choose. */
export function askClinic() {
  const { client } = shift;
  const section = one("#clinics");
  section.hidden = false;
  one("#loading").hidden = true;
  const form = /** @type {HTMLFormElement} */ (one("#clinic-search"));
  let asking = "";
  return new Promise((resolve) => {
    /** @param {string} query What was asked last counts, whichever answer comes last. */
    const list = async (query) => {
      asking = query;
      const asked = new URLSearchParams({ limit: "50", ...(query && { query }) });
      /** @type {{clinics: Clinic[]}} */
      const { clinics } = await client.get(`/clinic?${asked}`);
      if (asking !== query) return;
      one("#no-clinic").hidden = clinics.length > 0 || !!query;
      keep(
        one("#clinic-list"),
        clinics,
        (one) => one.id,
        (one) => {
          const pick = () => {
            section.hidden = true;
            resolve(one);
          };
          const name = el("button", { type: "button", on: { click: pick } }, one.name);
          return el("li", null, name, " ", el("span", { class: "quiet small" }, one.address));
        },
        () => {},
      );
    };
    submits(form, ({ query }) => list(query));
    list("").catch((error) => show(form, error));
  });
}
