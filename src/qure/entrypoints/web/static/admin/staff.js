/** Who works at a clinic. */

import { ask } from "../core/api.js";
import { el, keep, one, write } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { doing, field, form, part, sure } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").StaffBody} Member */
/** @typedef {import("../../types/wire.d.ts").ManagedUserBody} User */

/** Neither what looks alike nor what sounds alike on the telephone. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";

/** A password that can be read out: 12 letters of 31, 59 bits. */
function newPassword() {
  let letters = "";
  while (letters.length < 12) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < 248) letters += LETTERS[byte % 31];
  }
  return letters.replace(/.{4}(?=.)/g, "$&-");
}

/** @param {{firstName: string, lastName: string}} user */
const nameOf = ({ firstName, lastName }) => `${firstName} ${lastName}`;

/** @param {import("./admin.js").Place} place */
export async function show({ client, path, root }) {
  const list = el("ul", { class: "rows" });
  const none = el("p", { class: "empty" }, t("admin.no_staff"));

  const read = async () => {
    /** @type {Member[]} */
    const members = await client.get(`${path}/staff`);
    none.hidden = members.length > 0;
    keep(list, members, (one) => one.id, make, () => {});
  };

  /** @param {Member} member */
  const make = (member) => {
    const text = t("admin.remove");
    const remove = doing(text, async () => {
      const question = t("admin.remove_staff", { name: nameOf(member) });
      if (!(await sure(question, t("admin.remove_staff_what"), text))) return;
      await client.call("DELETE", `${path}/staff/${member.id}`);
      await read();
      one("#heading").focus();
    }, { class: "danger", "aria-label": t("admin.remove_staff", { name: nameOf(member) }) });
    return person(member, remove);
  };

  await read();
  root.append(
    el(
      "p",
      { class: "quiet" },
      t("admin.staff_what"),
      " ",
      el("a", { href: "/desk", dir: "ltr" }, `${location.host}/desk`),
    ),
    none,
    list,
    part(t("admin.new_colleague"), ...account(client, path, read)),
    part(t("admin.find_colleague"), ...finding(client, path, read)),
  );
}

/**
 * @param {{firstName: string, lastName: string, email: string | null}} user
 * @param {...HTMLElement} actions
 */
export function person(user, ...actions) {
  return el(
    "li",
    null,
    el(
      "div",
      { class: "head" },
      el("span", { class: "title" }, nameOf(user)),
      el("span", { class: "quiet", dir: "ltr" }, user.email),
      el("span", { class: "row moves" }, ...actions),
    ),
  );
}

/**
 * An account for somebody who has none: its password is shown here and never again.
 * @param {import("../core/api.js").Client} client
 * @param {string} path
 * @param {() => Promise<void>} read
 */
function account(client, path, read) {
  const shown = el("div", { class: "secret", role: "status" });
  const made = form([
    el(
      "div",
      { class: "pair" },
      field(t("admin.first_name"), { name: "firstName" }),
      field(t("admin.last_name"), { name: "lastName" }),
    ),
    field(t("page.email"), { name: "email", type: "email", dir: "ltr" }),
  ], {
    action: t("admin.make_account"),
    empties: true,
    places: { email_taken: "email" },
    send: async ({ firstName, lastName, email }) => {
      const password = newPassword();
      await ask("POST", "/auth/register", {
        firstName,
        lastName,
        email,
        password,
        confirmPassword: password,
      });
      // Shown before anything else may fail: nobody could find it out again.
      shown.replaceChildren(
        el("p", null, t("admin.password_once", { name: `${firstName} ${lastName}` })),
        el(
          "dl",
          { class: "facts" },
          el("div", null, el("dt", null, t("page.email")), el("dd", { dir: "ltr" }, email)),
          el(
            "div",
            null,
            el("dt", null, t("page.password")),
            el("dd", { dir: "ltr", class: "code" }, password),
          ),
        ),
      );
      await client.call("POST", `${path}/staff`, { email });
      await read();
      return t("admin.added", { name: `${firstName} ${lastName}` });
    },
  });
  return [el("p", { class: "quiet" }, t("admin.new_colleague_what")), made, shown];
}

/**
 * Somebody who has an account already.
 * @param {import("../core/api.js").Client} client
 * @param {string} path
 * @param {() => Promise<void>} read
 */
function finding(client, path, read) {
  const found = el("ul", { class: "rows" });
  const said = el("p", { role: "status" });
  const search = form([field(t("admin.name_or_email"), { name: "query", type: "search" })], {
    action: t("admin.find"),
    line: true,
    send: async ({ query }) => {
      const wanted = new URLSearchParams({ query, role: "PATIENT", limit: "20" });
      /** @type {{users: User[]}} */
      const { users } = await client.get(`/users?${wanted}`);
      const accounts = users.filter((user) => !user.guest);
      found.replaceChildren(...accounts.map((user) =>
        person(
          user,
          doing(t("admin.make_staff"), async () => {
            await client.call("POST", `${path}/staff`, { userId: user.id });
            await read();
            found.replaceChildren();
            write(said, t("admin.added", { name: nameOf(user) }));
            one("input", search).focus();
          }, { "aria-label": `${t("admin.make_staff")}: ${nameOf(user)}` }),
        )
      ));
      write(said, "");
      return t("admin.found", { count: accounts.length });
    },
  });
  return [search, said, found];
}
