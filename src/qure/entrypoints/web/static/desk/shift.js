/** What the console works with from the login on, and how it is drawn when something has changed. */

import { one } from "../core/dom.js";

/** @typedef {import("../../types/wire.d.ts").DeskBody} Desk */
/** @typedef {import("../../types/wire.d.ts").ServiceBody} Service */
/** @typedef {import("../../types/wire.d.ts").QueueOfDayBody} Queue */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./board.js").Token} Token */

/**
 * @typedef {object} Shift
 * @property {import("../core/api.js").Client} client
 * @property {import("../../types/wire.d.ts").UserBody} user
 * @property {import("../../types/wire.d.ts").ClinicBody} clinic
 * @property {import("./outbox.js").Outbox} outbox
 * @property {Service[]} services The clinic's.
 * @property {Desk[]} desks The clinic's.
 * @property {Queue[]} queues The clinic's, of today.
 * @property {boolean} looked Whether they are known.
 * @property {string | null} deskId Where they sit, null without a desk.
 * @property {string[]} serviceIds Those that are called for here.
 * @property {Map<string, Board>} boards Those of their queues.
 */

/** @type {Shift} */
export const shift = /** @type {any} */ ({
  services: [],
  desks: [],
  queues: [],
  looked: false,
  deskId: null,
  serviceIds: [],
  boards: new Map(),
});

/** The desk at which they sit, if any. */
export const ownDesk = () => shift.desks.find((desk) => desk.id === shift.deskId);

/** @param {string} serviceId Its queue of today, as it is known now. @returns {Queue | undefined} */
export function queueOf(serviceId) {
  const queue = shift.queues.find((one) => one.serviceId === serviceId);
  const board = queue && shift.boards.get(queue.queueId);
  return board ? { ...queue, ...board.status } : queue;
}

/** Whether none of the services that are called for here has a queue today. */
export const isNothingOpen = () => shift.looked && !shift.serviceIds.some(queueOf);

/** The message for a line without anybody. */
export const whyEmpty = () =>
  shift.boards.size ? "desk.nobody" : isNothingOpen() ? "desk.no_line" : "page.loading";

/** @param {string} id @returns {Token | undefined} */
export function tokenOf(id) {
  for (const { tokens } of shift.boards.values()) if (tokens.has(id)) return tokens.get(id);
}

/** @type {(() => void)[]} Each draws its part anew. */
export const draws = [];
let asked = 0;

export function redraw() {
  asked ||= requestAnimationFrame(() => {
    asked = 0;
    const focused = document.activeElement;
    const key = /** @type {HTMLElement | null} */ (focused?.closest("[data-key]"))?.dataset.key;
    for (const draw of draws) draw();
    // What had the focus is gone: it goes on where the work does.
    if (focused !== document.body && !isSeen(focused)) {
      const now = key && document.querySelector(`[data-key="${key}"] button:not([hidden])`);
      (now ? /** @type {HTMLElement} */ (now) : one("#next")).focus();
    }
  });
}

/** @param {Element | null} node */
const isSeen = (node) => !!node?.isConnected && node.checkVisibility();
