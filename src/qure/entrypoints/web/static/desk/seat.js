/** The desk where one sits: pausing, going on, leaving it, logging out. */

import { submits } from "../core/forms.js";
import { t } from "../core/i18n.js";
import { logOut } from "../core/login.js";
import { look } from "./boards.js";
import { deeds, dialog, formOf, isSure, leaving, send } from "./deeds.js";
import { instantOf } from "./notices.js";
import { ownDesk, shift } from "./shift.js";
import { choose } from "./sitting.js";

deeds.pause = () => dialog("pausing").showModal();

/** @param {string} what @param {any} [body] @returns {import("./outbox.js").Entry} */
const atDesk = (what, body) => ({
  what: `${what}_desk`,
  on: "seat",
  method: "POST",
  path: `/desks/${shift.deskId}/${what}`,
  body,
});

submits(formOf("pausing"), async ({ until }) => {
  await shift.outbox.add(atDesk("pause", { until: instantOf(until) }));
  dialog("pausing").close();
  await look();
});

deeds.resume_desk = () => send(atDesk("resume"));

deeds.change_desk = () => leaving.onleave();

deeds.close_desk = async () => {
  if (shift.deskId) await send(atDesk("close"));
  choose({ open: false });
  leaving.onleave();
};

deeds.log_out = async () => {
  const desk = ownDesk();
  if (desk && !await isSure(t("desk.sure_log_out", { desk: desk.name }), t("page.log_out"))) return;
  await logOut(shift.client);
};
