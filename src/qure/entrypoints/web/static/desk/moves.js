/** What can be done with somebody's number: which moves are shown, and what each one asks for. */

import { el, keep, one, set, write } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { deeds, isSure, keyOf, last, send } from "./deeds.js";
import { queueOf, shift, tokenOf } from "./shift.js";

/** @typedef {import("./board.js").Token} Token */

/** @type {Record<string, string>} */
const LAWFUL = {
  WAITING: "call skip hold resume priority transfer cancel link",
  CALLED: "start complete recall skip return transfer cancel link",
  IN_PROGRESS: "complete return transfer link",
  SKIPPED: "rejoin",
};

/** Where acting on what has changed meanwhile would hurt. */
const ONLY_AS_SEEN = ["cancel", "transfer", "skip"];

/** @param {Token} token @param {string} what */
function isLawful(token, what) {
  if (what === "hold") return token.status === "WAITING" && !token.onHold;
  if (what === "resume") return token.status === "WAITING" && token.onHold;
  if (what === "link" && !token.guest) return false;
  return LAWFUL[token.status].split(" ").includes(what);
}

/** @param {string} id What a template with that id is of. */
export function clone(id) {
  const { content } = /** @type {HTMLTemplateElement} */ (one(`#${id}`));
  return /** @type {HTMLElement} */ (content.firstElementChild?.cloneNode(true));
}

/** @param {HTMLElement} button @param {string} on What it is about: pressed again it does nothing. */
export const showBusy = (button, on) => set(button, "aria-disabled", shift.outbox.isBusy(on) ? "true" : null);

/**
 * @param {HTMLElement} panel
 * @param {Token} token Whose moves are shown.
 */
export function showMoves(panel, token) {
  keep(
    one(".transfers", panel),
    shift.services.filter((one) => one.id !== token.serviceId && isOpen(one.id)),
    (service) => service.id,
    (service) =>
      el(
        "li",
        { class: "row" },
        el("span", { class: "grow" }, service.name),
        ...["LAST", "FIRST"].map((to) => {
          const named = `${service.name}: ${t(`desk.${to}`)}`;
          const props = { type: "button", "data-do": "transfer", "data-to": to, "data-service": service.id };
          return el("button", { ...props, "aria-label": named }, t(`desk.${to}`));
        }),
      ),
    () => {},
  );
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll("[data-do]"))) {
    const { do: what = "", to } = button.dataset;
    set(button, "hidden", !isLawful(token, what));
    showBusy(button, token.id);
    if (what === "priority") set(button, "aria-pressed", String(token.priority === to));
  }
  for (const group of /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll("[data-set]"))) {
    const what = group.dataset.set ?? "";
    set(group, "hidden", !isLawful(token, what) || !group.querySelector("[data-do]"));
  }
  const more = panel.querySelectorAll(".more [data-do]:not([hidden])");
  set(one(".more", panel), "hidden", !more.length);
}

/** @param {string} serviceId Whether it goes on with people today. */
function isOpen(serviceId) {
  const queue = queueOf(serviceId);
  return !!queue && !queue.isClosed;
}

/**
 * @param {Token} token
 * @param {string} what
 * @param {HTMLElement} button
 */
function bodyOf(token, what, button) {
  const { to, service } = button.dataset;
  /** @type {Record<string, unknown>} */
  const body = {};
  if (ONLY_AS_SEEN.includes(what)) body.expectedVersion = token.version;
  if (what === "priority") body.priority = to;
  else if (to) body.to = to;
  if (service) body.serviceId = service;
  if (to === "AFTER") {
    const field = /** @type {HTMLInputElement} */ (one(".after", button.parentElement ?? button));
    body.after = field.valueAsNumber || 0;
  }
  return body;
}

/** @param {HTMLElement} button */
async function move(button) {
  const token = tokenOf(keyOf(button));
  const what = button.dataset.do ?? "";
  if (!token || button.ariaPressed === "true") return;
  const body = bodyOf(token, what, button);
  const { label, queueId, id } = token;
  if (what === "cancel" && !await isSure(t("desk.sure_cancel", { label }), t("desk.cancel_token"))) return;
  const path = `/tokens/${id}/${what === "link" ? "guest-link" : what}`;
  const method = what === "priority" ? "PUT" : "POST";
  await send({ what, on: id, method, path, body, queueId, label });
}

for (
  const what of new Set(Object.values(LAWFUL).join(" ").split(" "))
) deeds[what] = move;

deeds.undo = async () => {
  const { queueId, label } = last.deed ?? {};
  if (queueId) {
    await send({ what: "undo", on: "undo", method: "POST", path: `/queues/${queueId}/undo`, queueId, label });
  }
};

/**
 * @param {HTMLElement} node
 * @param {{label?: string, name?: string | null} | null | undefined} token Who is named there.
 * @param {string} [nobody] What is said without anybody.
 */
export function showWho(node, token, nobody = "") {
  const { label = "", name } = token ?? {};
  const text = label ? ` ${name ?? ""}` : nobody;
  if (node.dataset.shown === label + text) return;
  node.dataset.shown = label + text;
  node.replaceChildren(el("span", { class: "label" }, label), text);
}

/** @param {Element} node @param {Token} token What stands out about it: nothing of most. */
export function showMarks(node, token) {
  /** @type {[string, string][]} */
  const marks = [];
  if (token.priority !== "NORMAL") marks.push([token.priority, token.priority === "URGENT" ? "bad" : "warn"]);
  if (token.onHold) marks.push(["on_hold", ""]);
  if (token.status === "SKIPPED") {
    marks.push([token.skipReason === "NO_SHOW" ? "no_show" : "passed_over", ""]);
  }
  if (shift.outbox.isBusy(token.id)) marks.push(["sending", ""]);
  keep(
    node,
    marks,
    ([word]) => word,
    ([word, kind]) => el("span", { class: `badge ${kind}` }, t(`desk.${word}`)),
    () => {},
  );
}

/** @param {Element} node @param {string} text A part that is there only when it says something. */
export function fill(node, text) {
  write(node, text);
  set(node, "hidden", !text);
}
