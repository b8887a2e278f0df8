/** Watches the boards of the queues that are called for here, and what else is in the clinic. */

import { Live, Refused } from "../core/live.js";
import { joined, updated, waited } from "./board.js";
import { redraw, shift } from "./shift.js";

const REFRESH_MS = 20000;
const AGAIN_MS = 2000;

/** Hears of each look at the clinic. */
export const watching = { onlook: () => {} };

/** @type {Set<string>} Queues whose board is asked for: updates that come before it are in it. */
const asked = new Set();
let again = 0;
/** @type {Live} */
let live;

/** Connects. @returns {Live} */
export function watch() {
  live = new Live(shift.client);
  live.onopen = () => {
    asked.clear();
    look();
    joinAll();
  };
  live.on("queue:board_update", (update) => {
    const board = shift.boards.get(update.queueId);
    if (!board || asked.has(update.queueId)) return;
    const now = updated(board, update);
    if (!now) return join(update.queueId);
    shift.boards.set(update.queueId, now);
    if (now.status.openDesks !== board.status.openDesks) look();
    redraw();
  });
  live.on("queue:board_waits", (update) => {
    const board = shift.boards.get(update.queueId);
    if (!board) return;
    shift.boards.set(update.queueId, waited(board, update));
    redraw();
  });
  // Nobody knows who lost the right: whoever still has it is let in again.
  live.on("join-desk-error", () => {
    clearTimeout(again);
    again = setTimeout(joinAll, AGAIN_MS);
  });
  live.start();
  setInterval(() => document.visibilityState === "visible" && look(), REFRESH_MS);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
  return live;
}

/** Reads the clinic's desks and queues anew, and watches the boards that are wanted now. */
export async function look() {
  try {
    const of = `/clinic/${shift.clinic.id}`;
    const [desks, queues] = await Promise.all([
      shift.client.get(`${of}/desks`),
      shift.client.get(`${of}/queues`),
    ]);
    shift.desks = desks.filter((/** @type {import("./shift.js").Desk} */ one) => one.isActive);
    shift.queues = queues;
    shift.looked = true;
  } catch {
    return; // The page says that there is no connection; it is tried again.
  }
  watching.onlook();
  watchWanted();
  redraw();
}

/** Watches the boards of the services that are called for, and no others. */
export function watchWanted() {
  const wanted = new Set(
    shift.queues.filter((one) => shift.serviceIds.includes(one.serviceId)).map((one) => one.queueId),
  );
  for (const id of shift.boards.keys()) {
    if (wanted.has(id)) continue;
    shift.boards.delete(id);
    live.ask("leave-desk", id).catch(() => {}); // Without a connection it is left already.
  }
  for (const id of wanted) if (!shift.boards.has(id)) join(id);
}

/** All boards anew: something may have been missed. */
export function joinAll() {
  for (const id of shift.boards.keys()) join(id);
}

/** @param {string} queueId */
async function join(queueId) {
  if (asked.has(queueId) || live.lostAt !== null) return;
  asked.add(queueId);
  try {
    const board = joined(await live.ask("join-desk", queueId));
    shift.boards.set(queueId, board);
  } catch (error) {
    // Else the connection was lost: all are joined when it is back.
    if (error instanceof Refused && error.code === "forbidden") location.reload();
  } finally {
    asked.delete(queueId);
    redraw();
  }
}
