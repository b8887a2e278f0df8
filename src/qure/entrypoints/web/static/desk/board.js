/** A queue as its staff see it, carried on from change to change: pure functions. */

/** @typedef {import("../../types/wire.d.ts").BoardTokenBody} Token */
/** @typedef {import("../../types/wire.d.ts").BoardBody} BoardBody */
/** @typedef {import("../../types/wire.d.ts").BoardUpdateBody} Update */
/** @typedef {import("../../types/wire.d.ts").BoardWaitsBody} Waits */
/** @typedef {Omit<BoardBody, "tokens"> & {tokens: Map<string, Token>}} Board */

/** @type {Record<string, number>} */
const RANK = { URGENT: 0, PRIORITY: 1, NORMAL: 2 };

/** @param {BoardBody} body @returns {Board} */
export function joined(body) {
  return { ...body, tokens: new Map(body.tokens.map((token) => [token.id, token])) };
}

/**
 * The board after the update; null when one before it is missing.
 * @param {Board} board
 * @param {Update} update
 * @returns {Board | null}
 */
export function updated(board, { version, status, changed, order }) {
  if (version <= board.version) return board;
  if (version !== board.version + 1) return null;
  const known = new Map([...board.tokens, ...changed.map((one) => /** @type {const} */ ([one.id, one]))]);
  const tokens = new Map();
  let before = 0;
  for (const id of order) {
    const token = known.get(id);
    if (!token) return null;
    const ahead = waits(token) ? before++ : null;
    tokens.set(id, token.ahead === ahead ? token : { ...token, ahead });
  }
  return { ...board, version, status, tokens };
}

/**
 * @param {Board} board
 * @param {Waits} update
 * @returns {Board}
 */
export function waited(board, update) {
  const tokens = new Map(board.tokens);
  for (const { tokenId, wait } of update.waits) {
    const token = tokens.get(tokenId);
    if (token) tokens.set(tokenId, { ...token, wait });
  }
  return { ...board, tokens };
}

/** @param {Token} token Whether it is called when its turn comes. */
export const waits = (token) => token.status === "WAITING" && !token.onHold;
/** @param {Token} token Whether somebody has it in hand. */
export const isInHand = (token) => token.status === "CALLED" || token.status === "IN_PROGRESS";

/**
 * Those who wait in all these queues, in the order in which a desk that serves them all calls: each
 * queue names its next; of these the best class goes first, then who has waited longest.
 * @param {Iterable<Board>} boards
 */
export function inOrder(boards) {
  const lines = Array.from(boards, (board) => [...board.tokens.values()].filter(waits).reverse());
  const order = [];
  while (true) {
    let first;
    for (const line of lines) if (line.length && (!first || goesBefore(line, first))) first = line;
    if (!first) return order;
    order.push(/** @type {Token} */ (first.pop()));
  }
}

/** @param {Token[]} one @param {Token[]} other Lines whose next stands last. */
function goesBefore(one, other) {
  const [a, b] = /** @type {Token[]} */ ([one.at(-1), other.at(-1)]);
  if (a.priority !== b.priority) return RANK[a.priority] < RANK[b.priority];
  return a.createdAt === b.createdAt ? a.id < b.id : a.createdAt < b.createdAt;
}
