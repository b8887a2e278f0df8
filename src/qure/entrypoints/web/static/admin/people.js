/** All accounts of the installation: to find them, to lock them out, to let them in again. */

import { el, one, write } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { choice, doing, field, form, sure } from "./parts.js";
import { person } from "./staff.js";

/** @typedef {import("../../types/wire.d.ts").ManagedUserBody} User */

const ROLES = ["ADMIN", "STAFF", "PATIENT"];
const PAGE = 20;

/** @param {import("./admin.js").Place} place */
export async function show({ client, user: me, root }) {
  const list = el("ul", { class: "rows" });
  const pages = el("div", { class: "row" });
  let count = 0;
  let wanted = { query: "", role: "" };

  const read = async (page = 1) => {
    const { query, role } = wanted;
    const asked = new URLSearchParams({ page: String(page), limit: String(PAGE), query });
    if (role) asked.set("role", role);
    /** @type {import("../../types/wire.d.ts").UserListBody} */
    const { users, pagination } = await client.get(`/users?${asked}`);
    list.replaceChildren(...users.map(row));
    count = pagination.totalCount;
    const turn = (/** @type {string} */ text, /** @type {number} */ to) =>
      doing(text, async () => {
        await read(to);
        one("#heading").focus();
      });
    pages.replaceChildren(
      ...pagination.hasPrevPage ? [turn(t("admin.page_before"), page - 1)] : [],
      ...pagination.hasNextPage ? [turn(t("admin.page_after"), page + 1)] : [],
    );
  };

  /** @param {User} user */
  const row = (user) => {
    const badge = el("span", { class: "badge" });
    const name = `${user.firstName} ${user.lastName}`;
    const button = doing("", async () => {
      const text = t("admin.lock_out");
      if (user.isActive && !(await sure(t("admin.lock_out_who", { name }), t("admin.lock_out_what"), text))) {
        return;
      }
      await client.call("PATCH", `/users/${user.id}`, { isActive: !user.isActive });
      user.isActive = !user.isActive;
      draw();
      button.focus();
    });
    const draw = () => {
      write(
        badge,
        user.isActive ? t(`admin.role_${user.guest ? "GUEST" : user.role}`) : t("admin.locked_out"),
      );
      badge.classList.toggle("bad", !user.isActive);
      const text = t(user.isActive ? "admin.lock_out" : "admin.let_in");
      write(button, text);
      button.ariaLabel = `${text}: ${name}`;
    };
    draw();
    return person(user, badge, ...user.id === me.id ? [] : [button]);
  };

  const search = form([
    el(
      "div",
      { class: "pair" },
      field(t("admin.name_or_email"), { name: "query", type: "search" }),
      choice(t("admin.role"), "role", [
        ["", t("admin.role_any")],
        ...ROLES.map((role) => /** @type {[string, string]} */ ([role, t(`admin.role_${role}`)])),
      ], ""),
    ),
  ], {
    action: t("admin.find"),
    line: true,
    send: async ({ query, role }) => {
      wanted = { query, role };
      await read();
      return t("admin.found", { count });
    },
  });
  await read();
  root.append(search, list, pages);
}
