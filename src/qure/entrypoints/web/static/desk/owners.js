/** Who called somebody without a desk: their history says it. */

import { redraw, shift } from "./shift.js";

/** @type {Map<string, boolean>} Whose calls they were, by token and call. */
const own = new Map();

/** @param {import("./board.js").Token} token Whether they called or started it last, as far as is known. */
export function isOwner({ id, calledAt, startedAt }) {
  const call = `${id} ${calledAt} ${startedAt}`;
  const known = own.get(call);
  if (known === undefined) {
    own.set(call, false);
    ask(id, call);
  }
  return known ?? false;
}

/** @param {string} id @param {string} call */
async function ask(id, call) {
  try {
    /** @type {import("../../types/wire.d.ts").HistoryEntryBody[]} */
    const history = await shift.client.get(`/tokens/${id}/history`);
    const taken = history.filter(({ action }) => action.startsWith("CALL") || action === "START").at(-1);
    own.set(call, taken?.by?.id === shift.user.id);
  } catch {
    own.delete(call); // Asked again with the next change.
  }
  redraw();
}
