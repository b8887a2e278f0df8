/** How often what patients were told at joining held. */

import { el, write } from "../core/dom.js";
import { locale, t } from "../core/i18n.js";
import { choice } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").AccuracyBody} Accuracy */
/** @typedef {import("../../types/wire.d.ts").ServiceAccuracyBody} OfService */
/** @typedef {import("../../types/wire.d.ts").ServiceBody} Service */

const ENOUGH = 30;
const percents = new Intl.NumberFormat(locale, { style: "percent" });
const minutes = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

/** @param {number | null} share */
const percent = (share) => share === null ? "–" : percents.format(share);
/** @param {number | null} value */
const minute = (value) => value === null ? "–" : minutes.format(value);

/** @param {import("./admin.js").Place} place */
export async function show({ client, path, root, signal }) {
  /** @type {Service[]} */
  const services = await client.get(`${path}/services`);
  const sentence = el("p", { class: "sentence", role: "status" });
  const rows = el("tbody");
  const table = el(
    "table",
    null,
    el("caption", null, t("admin.forecasts_table")),
    el(
      "thead",
      null,
      el(
        "tr",
        null,
        ...["service", "people", "in_time", "too_early", "error"].map((key) =>
          el("th", { scope: "col" }, t(`admin.accuracy_${key}`))
        ),
      ),
    ),
    rows,
  );
  // On a small screen it is scrolled, by the keyboard too.
  const label = t("admin.forecasts_table");
  const wide = el("div", { class: "wide", tabindex: 0, role: "group", "aria-label": label }, table);

  const read = async () => {
    /** @type {Accuracy} */
    const found = await client.get(`${path}/wait-accuracy?days=${days.value}`);
    if (signal.aborted) return;
    const isKnown = found.calledBeforeHigh !== null;
    write(
      sentence,
      isKnown
        ? t("admin.accuracy", { count: found.samples, share: percent(found.calledBeforeHigh) })
        : t("admin.accuracy_too_few", { count: found.samples, enough: ENOUGH }),
    );
    wide.hidden = found.byService.length === 0;
    rows.replaceChildren(...found.byService.map(row));
  };

  /** @param {OfService} one */
  const row = (one) =>
    el(
      "tr",
      null,
      el("th", { scope: "row" }, services.find((service) => service.id === one.serviceId)?.name ?? "–"),
      ...[
        one.samples,
        percent(one.calledBeforeHigh),
        percent(one.calledBeforeLow),
        minute(one.medianErrorMinutes),
      ].map((value) => el("td", { class: "number" }, value)),
    );

  const range = choice(
    t("admin.over_days"),
    "days",
    [7, 14, 30, 60].map((count) => [String(count), t("admin.days", { count })]),
    "14",
  );
  const days = /** @type {HTMLSelectElement} */ (range.querySelector("select"));
  days.addEventListener("change", () => read().catch((error) => write(sentence, error.message)));
  await read();
  root.append(
    el("p", { class: "quiet" }, t("admin.forecasts_what")),
    range,
    el(
      "div",
      { class: "card stack" },
      sentence,
      wide,
    ),
  );
}
