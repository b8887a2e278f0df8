/** Where patients go. */

import { el, keep, one, set, write } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { doing, field, form, part, stateOf, sure, unfolding } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").DeskBody} Desk */

/** @param {import("./admin.js").Place} place */
export async function show({ client, path, root }) {
  const list = el("ul", { class: "rows" });
  const none = el("p", { class: "empty" }, t("admin.no_desk"));
  /** @type {Desk[]} */
  let desks = [];

  const read = async () => {
    desks = await client.get(`${path}/desks`);
    none.hidden = desks.length > 0;
    keep(list, desks, (one) => one.id, make, update);
  };

  /** @param {Desk} desk @param {Record<string, unknown>} body */
  const put = async (desk, body) => {
    await client.call("PUT", `/desks/${desk.id}`, body);
    await read();
  };

  /** @param {Desk} desk */
  const make = (desk) => {
    const retire = doing("", async () => {
      const now = /** @type {Desk} */ (desks.find((one) => one.id === desk.id));
      const question = t("admin.retire_desk", { name: now.name });
      if (now.isActive && !(await sure(question, t("admin.retire_desk_what"), t("admin.retire")))) return;
      await put(desk, { isActive: !now.isActive });
      retire.focus();
    }, { class: "retire" });
    return el(
      "li",
      null,
      el("div", { class: "head" }, el("span", { class: "title" }), el("span", { class: "quiet state" })),
      unfolding(
        t("admin.change"),
        form([field(t("admin.name"), { name: "name", value: desk.name, maxlength: 40 })], {
          action: t("page.save"),
          send: ({ name }) => put(desk, { name }),
        }),
        el("div", { class: "row" }, retire),
      ),
    );
  };

  /** @param {HTMLElement} node @param {Desk} desk */
  const update = (node, desk) => {
    set(node, "class", desk.isActive ? null : "past");
    write(one(".title", node), desk.name);
    write(one(".state", node), stateOf(desk));
    write(one(".retire", node), t(desk.isActive ? "admin.retire" : "admin.revive"));
  };

  await read();
  const adding = form(
    [field(t("admin.name"), { name: "name", maxlength: 40 }, { hint: t("admin.desk_name_hint") })],
    {
      action: t("admin.add_desk"),
      empties: true,
      send: async ({ name }) => {
        const desk = await client.call("POST", `${path}/desks`, { name });
        await read();
        return t("admin.added", { name: desk.name });
      },
    },
  );
  root.append(
    el("p", { class: "quiet" }, t("admin.desks_what")),
    none,
    list,
    part(t("admin.add_desk"), adding),
  );
}
