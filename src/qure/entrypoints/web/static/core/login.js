/** Logging in on a page that only some may use. The form is in `templates/parts.html`. */

import { ask, sessionClient } from "./api.js";
import { one } from "./dom.js";
import { submits } from "./forms.js";

/** @typedef {import("../../types/wire.d.ts").UserBody} User */

/**
 * Who is logged in; shows the form until somebody is. Comes back to the form by loading anew
 * when the login ends.
 * @param {(user: User) => boolean} suits Whether the page is for them.
 * @returns {Promise<{client: import("./api.js").Client, user: User}>}
 */
export async function loggedIn(suits) {
  /** @type {User | null} */
  let user = null;
  const client = sessionClient("login", (known) => user = known);
  const form = one("#login");
  const jwt = await client.token();
  if (!jwt || !user || !suits(user)) user = await formFilled(client, form, suits);
  client.onended = () => location.reload();
  form.hidden = true;
  return { client, user };
}

/**
 * @param {import("./api.js").Client} client
 * @param {HTMLElement} form
 * @param {(user: User) => boolean} suits
 * @returns {Promise<User>}
 */
function formFilled(client, form, suits) {
  form.hidden = false;
  one("input", form).focus();
  return new Promise((resolve) => {
    submits(one("form", form), async ({ email, password }) => {
      const headers = { "Qure-Session": "login" };
      const data = await ask("POST", "/auth/login", { email, password }, headers);
      client.jwt = data.accessToken;
      if (suits(data.user)) return resolve(data.user);
      await logOut(client, false);
      throw Object.assign(new Error(), { code: "not_for_you" });
    });
  });
}

/**
 * @param {import("./api.js").Client} client
 * @param {boolean} [reload]
 */
export async function logOut(client, reload = true) {
  const jwt = await client.token();
  const headers = { "Qure-Session": "login", ...(jwt ? { Authorization: `Bearer ${jwt}` } : {}) };
  await ask("POST", "/auth/logout", undefined, headers);
  if (reload) location.reload();
}

/** Whether a page is for staff: admins are. @param {User} user */
export const isStaff = (user) => user.role === "STAFF" || user.role === "ADMIN";
/** @param {User} user */
export const isAdmin = (user) => user.role === "ADMIN";
