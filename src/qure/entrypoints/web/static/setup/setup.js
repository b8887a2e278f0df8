/** The first admin of a new installation, with the code that the operator was shown. */

import "../core/language.js";
import { ask, Refusal } from "../core/api.js";
import { one } from "../core/dom.js";
import { show, submits } from "../core/forms.js";

const FIELDS = { wrong_setup_code: "code", email_taken: "email" };

const form = /** @type {HTMLFormElement} */ (one("#setup-form"));

/** There is an admin: the code is good for nothing any more. */
function showDone() {
  one("#form").hidden = true;
  one("#done").hidden = false;
  one("#done a").focus();
}

// The fragment is told to nobody; it goes from the address, so that it stays in no history.
const code = decodeURIComponent(location.hash.slice(1));
if (code) {
  /** @type {HTMLInputElement} */ (one("[name=code]")).value = code;
  history.replaceState(null, "", location.pathname);
}
one(code ? "[name=firstName]" : "[name=code]").focus();

submits(form, async (fields) => {
  try {
    await ask("POST", "/setup", fields);
  } catch (error) {
    if (error instanceof Refusal && error.code === "already_set_up") return showDone();
    throw error;
  }
  const { email, password } = fields;
  await ask("POST", "/auth/login", { email, password }, { "Qure-Session": "login" });
  location.assign("/admin");
}, FIELDS);

ask("GET", "/setup").then(({ needed }) => {
  if (!needed) showDone();
}).catch((error) => show(form, error));
