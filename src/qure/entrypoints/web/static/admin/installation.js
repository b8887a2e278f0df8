/** How the installation stands, and what it was set to. */

import "../core/health.js";
import { el, one } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { part } from "./parts.js";

/** @param {import("./admin.js").Place} place */
export async function show({ client, root }) {
  /** @type {{subject: string, sentence: string}[]} */
  const settings = await client.get("/settings");
  const health = /** @type {HTMLTemplateElement} */ (one("#health-template")).content.cloneNode(true);
  root.append(
    part(t("health.title"), health),
    part(
      t("admin.settings"),
      el("p", { class: "quiet" }, t("admin.settings_what")),
      el(
        "dl",
        { class: "settings", lang: "en", dir: "ltr" },
        ...settings.map(({ subject, sentence }) =>
          el("div", null, el("dt", null, subject), el("dd", null, sentence))
        ),
      ),
    ),
  );
}
