/** What is known of calls, and which of them are new. Knows no clock and no document. */

/** @typedef {import("../../types/wire.d.ts").CallBody} Call */

const KEPT = 12;

/**
 * A queue tells its last calls, the newest first: those, and the ones before that they have pushed
 * out. A call that was taken back is in neither.
 * @param {readonly Call[]} before
 * @param {readonly Call[]} told
 * @param {number} most How many a queue tells at most.
 */
export function carried(before, told, most = 6) {
  if (told.length < most) return [...told];
  const oldest = told.reduce((least, { calledAt }) => calledAt < least ? calledAt : least, "~");
  const older = before.filter(({ calledAt, tokenNumber }) =>
    calledAt < oldest && told.every((one) => one.tokenNumber !== tokenNumber)
  );
  return [...told, ...older].slice(0, KEPT);
}

/**
 * Calls and repeats that were not known before, the oldest first.
 * @param {readonly Call[]} before
 * @param {readonly Call[]} told
 */
export function unheard(before, told) {
  const known = new Map(before.map((call) => [call.tokenNumber, call]));
  const last = before.at(-1);
  const isNew = (/** @type {Call} */ call, /** @type {number} */ at) => {
    const same = known.get(call.tokenNumber);
    if (same?.calledAt === call.calledAt) return call.recallCount > same.recallCount;
    // One that comes back at the end, because a later call was taken back, is old.
    return !(last && at === told.length - 1 && call.calledAt < last.calledAt);
  };
  return told.filter(isNew).reverse();
}
