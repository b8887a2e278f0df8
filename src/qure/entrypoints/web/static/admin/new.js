/** A new clinic: the first thing that a new installation needs. */

import { el } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { birthBody, birthFields } from "./clinic_fields.js";
import { guide } from "./guide.js";
import { form } from "./parts.js";

/** @param {import("./admin.js").Place} place */
export function show({ client, root }) {
  const made = form(birthFields({}), {
    action: t("admin.make_clinic"),
    main: true,
    places: { clinic_exists: "name" },
    send: async (given, sent) => {
      const clinic = await client.call("POST", "/clinic", birthBody(given, sent));
      guide(clinic.id);
      location.hash = `#${clinic.id}/services`;
    },
  });
  made.classList.add("card");
  root.append(el("p", { class: "quiet" }, t("admin.new_what")), made);
}
