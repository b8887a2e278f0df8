/** All clinics that are not retired. */

import { el } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { doing, field, form } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").ClinicBody} Clinic */

/** @param {import("./admin.js").Place} place */
export async function show({ client, root }) {
  const list = el("ul", { class: "rows" });
  const more = el("div", { class: "row" });
  let query = "";

  const read = async (page = 1) => {
    /** @type {import("../../types/wire.d.ts").ClinicListBody} */
    const { clinics, pagination } = await client.get(
      `/clinic?${new URLSearchParams({ query, page: String(page), limit: "50" })}`,
    );
    if (page === 1) list.replaceChildren();
    list.append(...clinics.map(row));
    more.replaceChildren(
      ...pagination.hasNextPage ? [doing(t("admin.more"), () => read(page + 1))] : [],
    );
    return t("admin.found", { count: pagination.totalCount });
  };
  const search = form([field(t("admin.name"), { name: "query", type: "search" })], {
    action: t("admin.find"),
    line: true,
    send: (given) => {
      query = given.query;
      return read();
    },
  });
  await read();
  root.append(
    el("p", null, el("a", { class: "button main-action", href: "#new" }, t("admin.new"))),
    search,
    list,
    more,
  );
}

/** @param {Clinic} clinic */
function row(clinic) {
  return el(
    "li",
    null,
    el(
      "div",
      { class: "head" },
      el("a", { class: "title", href: `#${clinic.id}/today` }, clinic.name),
      el("span", { class: "quiet" }, clinic.address),
    ),
  );
}
