/** The televisions of a waiting room. */

import { Refusal } from "../core/api.js";
import { el, keep, one } from "../core/dom.js";
import { day, t } from "../core/i18n.js";
import { check, doing, field, form, part, sure } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").DisplayBody} Display */
/** @typedef {import("../../types/wire.d.ts").ServiceBody} Service */

/** @param {import("./admin.js").Place} place */
export async function show({ client, path, root, clinic }) {
  const list = el("ul", { class: "rows" });
  const none = el("p", { class: "empty" }, t("admin.no_display"));
  /** @type {Service[]} */
  const all = await client.get(`${path}/services`);
  const services = all.filter((one) => one.isActive);

  const read = async () => {
    /** @type {Display[]} */
    const displays = await client.get(`${path}/displays`);
    none.hidden = displays.length > 0;
    keep(list, displays, (one) => one.id, make, () => {});
  };

  /** @param {Display} display */
  const make = (display) => {
    const names = (display.serviceIds ?? []).map((id) => all.find((one) => one.id === id)?.name ?? "–");
    const question = t("admin.end_display_who", { name: display.name });
    const end = doing(t("admin.end_display"), async () => {
      if (!(await sure(question, t("admin.end_display_what"), t("admin.end_display")))) return;
      await client.call("DELETE", `/displays/${display.id}`);
      await read();
      one("#heading").focus();
    }, { class: "danger", "aria-label": question });
    const shows = names.length ? names.join(", ") : t("admin.all_services");
    return el(
      "li",
      null,
      el(
        "div",
        { class: "head" },
        el("span", { class: "title" }, display.name),
        el("span", { class: "quiet" }, `${shows} · ${day(display.createdAt, clinic.timezone)}`),
        el("span", { class: "row moves" }, end),
      ),
    );
  };

  await read();
  const pairing = form([
    field(t("admin.display_code"), {
      name: "userCode",
      class: "code",
      dir: "ltr",
      autocapitalize: "characters",
      spellcheck: "false",
      maxlength: 20,
    }, { hint: t("admin.display_code_hint") }),
    field(t("admin.name"), { name: "name", maxlength: 40 }, { hint: t("admin.display_name_hint") }),
    services.length > 1 && el(
      "fieldset",
      null,
      el("legend", null, t("admin.display_services")),
      el("p", { class: "hint" }, t("admin.display_services_hint")),
      el(
        "div",
        { class: "boxes" },
        ...services.map((one) => check(one.name, { name: "shown", value: one.id })),
      ),
    ),
  ], {
    action: t("admin.let_display_in"),
    empties: true,
    places: { display_not_found: "userCode" },
    send: async ({ userCode, name }, sent) => {
      const ids = new FormData(sent).getAll("shown");
      const body = { userCode, name, serviceIds: ids.length ? ids : null };
      await client.call("POST", `${path}/displays`, body).catch(inTheirWords);
      await read();
      return t("admin.added", { name });
    },
  });
  const address = new URL("/display", location.href);
  root.append(
    el(
      "p",
      { class: "quiet" },
      t("admin.displays_what"),
      " ",
      el("a", { href: "/display", target: "_blank", dir: "ltr" }, address.host + address.pathname),
    ),
    none,
    list,
    part(t("admin.let_display_in"), pairing),
  );
}

/** A code that is on no screen is what goes wrong most. @param {unknown} error */
function inTheirWords(error) {
  const isUnknown = error instanceof Refusal && error.errors.some(({ path }) => path === "userCode");
  throw isUnknown ? new Refusal(error.status, { code: "display_not_found" }, 0) : error;
}
