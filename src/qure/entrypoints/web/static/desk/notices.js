/** What is told to everybody who waits for a service. */

import { one, write } from "../core/dom.js";
import { submits } from "../core/forms.js";
import { look } from "./boards.js";
import { queueAt } from "./day.js";
import { deeds, dialog, formOf } from "./deeds.js";
import { shift } from "./shift.js";

/** The queue that the dialog is about. */
let noticed = "";

deeds.notice = (button) => {
  const queue = queueAt(button);
  noticed = queue.queueId;
  write(one("#notice-for"), queue.serviceName);
  dialog("notice").showModal();
};

submits(formOf("notice"), async ({ kind, minutes, until, text }) => {
  /** @type {Record<string, unknown>} */
  const body = { kind };
  if (kind === "DELAY") body.minutes = Number(minutes);
  if (kind === "PAUSE") body.until = instantOf(until);
  if (kind === "NOTE") body.text = text;
  await shift.outbox.add({
    what: "notice",
    on: noticed,
    method: "PUT",
    path: `/queues/${noticed}/notice`,
    body,
  });
  dialog("notice").close();
  look();
});

/**
 * The instant of that time of today, on the clinic's clock; null of an empty one.
 * @param {string} time
 */
export function instantOf(time) {
  if (!time) return null;
  const now = Date.now();
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: shift.clinic.timezone, timeStyle: "short" });
  const [until, from] = [time, format.format(now)].map((one) => {
    const [hours, minutes] = one.split(":").map(Number);
    return hours * 60 + minutes;
  });
  return new Date((Math.floor(now / 60000) + until - from) * 60000).toISOString();
}
