/** Numbers for those who come without the app: given at the desk, printed or shown to their phone. */

import { el, one, set, write } from "../core/dom.js";
import { submits } from "../core/forms.js";
import { clock, day } from "../core/i18n.js";
import { deeds, dialog, formOf } from "./deeds.js";
import { queueOf, shift } from "./shift.js";

/** @typedef {import("../../types/wire.d.ts").GuestBody} Guest */

const form = formOf("walk-in");

deeds.walk_in = () => {
  const select = /** @type {HTMLSelectElement} */ (one("select", form));
  const queues = shift.queues.map(({ serviceId }) => queueOf(serviceId)).filter((one) =>
    one && !one.isClosed
  );
  // Those that are called for here come first.
  queues.sort((a, b) => Number(isServed(b)) - Number(isServed(a)));
  const before = select.value;
  select.replaceChildren(...queues.map((one) => el("option", { value: one?.queueId }, one?.serviceName)));
  if (queues.some((one) => one?.queueId === before)) select.value = before;
  set(one("#walk-in-service"), "hidden", queues.length < 2);
  set(one("#walk-in-none"), "hidden", queues.length > 0);
  set(one("[type=submit]", form), "hidden", !queues.length);
  dialog("walk-in").showModal();
  one("[name=name]", form).focus();
};

/** @param {import("./shift.js").Queue | undefined} queue */
const isServed = (queue) => !!queue && shift.serviceIds.includes(queue.serviceId);

submits(form, async ({ queueId, ...given }) => {
  const path = `/queues/${queueId}/walk-ins`;
  await shift.outbox.add({ what: "walk_in", on: "walk_in", method: "POST", path, body: given, queueId });
});

/** @param {{label: string, queueId: string}} token @param {Guest} guest */
export function showTicket({ label, queueId }, { qr }) {
  dialog("walk-in").close();
  form.reset();
  const now = new Date();
  const zone = shift.clinic.timezone;
  write(one("#ticket-clinic"), shift.clinic.name);
  write(one("#ticket-service"), shift.queues.find((one) => one.queueId === queueId)?.serviceName ?? "");
  write(one("#ticket-label"), label);
  set(one("#ticket-qr"), "src", qr);
  write(one("#ticket-time"), `${day(now, zone)}, ${clock(now, zone)}`);
  // What lies over a page cannot say how large its paper is: a copy of it is printed.
  const paper = /** @type {HTMLElement} */ (one("#ticket-text").cloneNode(true));
  for (const node of paper.querySelectorAll("[id]")) node.removeAttribute("id");
  one("#paper").replaceChildren(...paper.childNodes);
  if (!ticket.open) ticket.showModal();
}

const ticket = dialog("ticket");
ticket.addEventListener("close", () => one("#paper").replaceChildren());
deeds.print = () => print();
