/** Logging in, or making an account, for patients who have no link. Loaded when that is asked for. */

import { ask, sessionClient } from "../core/api.js";
import { remember, VISIT } from "../core/device.js";
import { one } from "../core/dom.js";
import { submits } from "../core/forms.js";
import { loggedIn, logOut } from "../core/login.js";

/** Shows the forms; whoever is in sees the page anew. */
export async function enter() {
  one("#enter").hidden = true;
  const form = one("#register");
  form.hidden = false;
  submits(one("form", form), async (fields) => {
    await ask("POST", "/auth/register", fields);
    const { email, password } = fields;
    await ask("POST", "/auth/login", { email, password }, { "Qure-Session": "login" });
    again();
  });
  await loggedIn((user) => user.role === "PATIENT");
  again();
}

export function leave() {
  remember(VISIT, null);
  return logOut(sessionClient("login"));
}

/** Without a dead link's secret, and what was known of somebody else. */
function again() {
  remember(VISIT, null);
  history.replaceState(null, "", location.pathname);
  location.reload();
}
