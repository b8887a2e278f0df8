/** Letting in a display: its code is typed, or read from the address that its QR code leads to. */

import { one, set, write } from "../core/dom.js";
import { submits } from "../core/forms.js";
import { t } from "../core/i18n.js";
import { chosenServices, serviceChoices } from "./choose.js";
import { deeds, dialog, formOf } from "./deeds.js";
import { shift } from "./shift.js";

const form = formOf("pairing");

deeds.pair = () => open("");

/** @param {string} code */
export function open(code) {
  write(one("#pairing-done"), "");
  /** @type {HTMLInputElement} */ (one("[name=userCode]", form)).value = code;
  one("#pairing-services").replaceChildren(...serviceChoices(null));
  set(one("fieldset", form), "hidden", shift.services.length < 2);
  if (!dialog("pairing").open) dialog("pairing").showModal();
  one(code ? "[name=name]" : "[name=userCode]", form).focus();
}

submits(form, async ({ userCode, name }) => {
  const chosen = chosenServices(form);
  const serviceIds = chosen.length && chosen.length < shift.services.length ? chosen : null;
  const path = `/clinic/${shift.clinic.id}/displays`;
  await shift.client.call("POST", path, { userCode, name, serviceIds });
  /** @type {HTMLInputElement} */ (one("[name=userCode]", form)).value = "";
  write(one("#pairing-done"), t("desk.let_in_done", { name }));
});
