/** The clinic's services today: opening and closing their queues, and what is told to those who wait. */

import { el, keep, one, set, write } from "../core/dom.js";
import { clock, t } from "../core/i18n.js";
import { deeds, isSure, keyOf, send } from "./deeds.js";
import { clone, fill, showBusy } from "./moves.js";
import { draws, isNothingOpen, ownDesk, queueOf, shift } from "./shift.js";

/** @typedef {import("./shift.js").Service} Service */

/** @param {HTMLElement} button */
export const queueAt = (button) => /** @type {import("./shift.js").Queue} */ (queueOf(keyOf(button)));

deeds.open_queue = (button) => {
  const serviceId = keyOf(button);
  const path = `/queues/init/${shift.clinic.id}`;
  return send({ what: "open_queue", on: serviceId, method: "POST", path, body: { serviceId } });
};

/**
 * @param {HTMLElement} button
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 */
function sendAt(button, method, path, body) {
  const { queueId } = queueAt(button);
  return send({ what: path, on: queueId, method, path: `/queues/${queueId}/${path}`, body });
}

deeds.active = (box) => {
  const { checked } = /** @type {HTMLInputElement} */ (box);
  return sendAt(box, "PATCH", "status", { isActive: checked });
};

deeds.close_day = async (button) => {
  const { serviceName, waitingCount } = queueAt(button);
  const text = t("desk.sure_close", { service: serviceName, count: waitingCount });
  if (await isSure(text, t("desk.close_day"))) await sendAt(button, "POST", "close");
};

deeds.unnotice = (button) => sendAt(button, "DELETE", "notice");

draws.push(function drawServices() {
  keep(one("#services"), shift.services, ({ id }) => id, () => clone("service"), show);
  const closed = isNothingOpen() ? shift.services.filter(({ id }) => shift.serviceIds.includes(id)) : [];
  keep(
    one("#to-open"),
    closed,
    ({ id }) => id,
    ({ name }) => {
      const props = { type: "button", "data-do": "open_queue", class: "main-action" };
      return el("li", null, el("button", props, `${t("desk.open_queue")}: ${name}`));
    },
    (row, { id }) => showBusy(one("button", row), id),
  );
});

/** @param {HTMLElement} row @param {Service} service */
function show(row, service) {
  const queue = queueOf(service.id);
  const works = !!queue && !queue.isClosed;
  write(one(".service-name", row), service.name);
  const state = !queue
    ? t("desk.not_open")
    : queue.isClosed
    ? t("page.closed_now")
    : [t("page.waiting", { count: queue.waitingCount }), queue.isActive ? "" : t("desk.full_stop")]
      .filter(Boolean).join(" · ");
  write(one(".service-state", row), state);
  set(one("details", row), "hidden", !works);
  set(one("summary", row), "aria-label", `${t("desk.more")}: ${service.name}`);
  const open = one("[data-do=open_queue]", row);
  set(open, "hidden", !!queue);
  set(open, "aria-label", `${t("desk.open_queue")}: ${service.name}`);
  showBusy(open, service.id);
  const box = /** @type {HTMLInputElement} */ (one("input", row));
  if (queue && !shift.outbox.isBusy(queue.queueId)) box.checked = queue.isActive;
  const notice = works ? queue.notice : null;
  fill(one(".service-notice span", row), notice ? noticeText(notice) : "");
  set(one(".service-notice", row), "hidden", !notice);
}

/** @param {import("../../types/wire.d.ts").NoticeBody} notice */
function noticeText({ kind, minutes, until, text }) {
  if (kind === "NOTE") return text ?? "";
  if (kind === "DELAY") return t("desk.says_delay", { count: minutes ?? 0 });
  return until
    ? t("desk.says_pause_until", { at: clock(until, shift.clinic.timezone) })
    : t("desk.says_pause");
}

/** What is shown of a desk. @param {import("./shift.js").Desk} desk */
function deskState({ state, staff, pausedUntil }) {
  if (state === "CLOSED") return t("page.closed_now");
  if (state === "OPEN") return staff?.firstName ?? "";
  const said = pausedUntil
    ? t("desk.paused_until", { at: clock(pausedUntil, shift.clinic.timezone) })
    : t("desk.paused");
  return `${staff?.firstName} · ${said}`;
}

draws.push(function drawDesks() {
  keep(
    one("#desks"),
    shift.desks,
    ({ id }) => id,
    () => el("li", { class: "row" }, el("span", { class: "grow" }), el("span", { class: "quiet small" })),
    (row, desk) => {
      write(one(".grow", row), desk.name);
      write(one(".quiet", row), deskState(desk));
      set(row, "aria-current", desk.id === shift.deskId ? "true" : null);
    },
  );
  set(one("#no-desks"), "hidden", shift.desks.length > 0);
});

draws.push(function drawSeat() {
  const desk = ownDesk();
  write(one("#seat"), desk?.name ?? t("desk.without_desk"));
  write(one("#seat-state"), [shift.clinic.name, desk && deskState(desk)].filter(Boolean).join(" · "));
  set(one("[data-do=pause]"), "hidden", desk?.state !== "OPEN");
  set(one("[data-do=resume_desk]"), "hidden", desk?.state !== "PAUSED");
  set(one("[data-do=close_desk]"), "hidden", !desk);
});
