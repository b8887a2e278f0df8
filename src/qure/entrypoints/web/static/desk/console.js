/** Who is next, whom one has in hand, and what was done last. */

import { keep, one, set, write } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { inOrder, isInHand } from "./board.js";
import { look } from "./boards.js";
import { deeds, last, send, tellDone } from "./deeds.js";
import { clone, fill, showBusy, showMarks, showMoves, showWho } from "./moves.js";
import { draws, ownDesk, queueOf, redraw, shift, whyEmpty } from "./shift.js";

/** @typedef {import("./board.js").Token} Token */

const UNDO_MS = 60000;

/** @type {(token: Token) => boolean} Whether they called it without a desk. */
let isKnownOwn = findOut;

/** Most sit at a desk: what the others need comes when somebody was called without. */
function findOut() {
  isKnownOwn = () => false;
  import("./owners.js").then(({ isOwner }) => isKnownOwn = isOwner, () => isKnownOwn = findOut).then(redraw);
  return false;
}

/** @param {Token} token Whether they have it in hand themselves. */
function isOwn(token) {
  const at = token.desk?.id;
  if (at && at === shift.deskId) return true;
  return !shift.desks.some((desk) => desk.id === at && desk.staff) && isKnownOwn(token);
}

/** Everybody who is called or seen: those in one's own hands, and those in others'. */
export function inHands() {
  const all = [...shift.boards.values()].flatMap((board) => [...board.tokens.values()].filter(isInHand));
  const mine = new Set(all.filter(isOwn));
  return { mine: [...mine], others: all.filter((token) => !mine.has(token)) };
}

deeds.next = () => {
  const [first] = inOrder(shift.boards.values());
  const path = shift.deskId ? `/desks/${shift.deskId}` : first && `/queues/${first.queueId}`;
  if (path) return send({ what: "next", on: "next", method: "POST", path: `${path}/call-next` });
};

/** @param {import("./outbox.js").Entry} entry @param {any} data What was answered. */
export function answered({ what, queueId, label }, data) {
  if (what === "undo") tellDone({ what, label, at: 0 });
  else if (what === "walk_in") tellDone({ what, label: data.token.label, name: data.token.name, at: 0 });
  else if (data?.label && what !== "link") {
    tellDone({ what, label: data.label, name: data.name, queueId: data.queueId ?? queueId, at: Date.now() });
  } else {
    last.problem = "";
    look();
  }
}

draws.push(function drawNext() {
  const { mine } = inHands();
  const next = one("#next");
  const [first] = inOrder(shift.boards.values());
  const busy = shift.outbox.isBusy("next");
  set(next, "aria-disabled", busy || !first ? "true" : null);
  showWho(one("#next-who"), busy ? null : first, t(busy ? "desk.sending" : whyEmpty()));
  const ends = mine.filter((token) => shift.deskId || token.queueId === first?.queueId);
  const hints = [
    first && ends.length
      ? t("desk.finishes", { who: ends.map((token) => `\u2068${token.label}\u2069`).join(", ") })
      : "",
    first && ownDesk()?.state === "PAUSED" ? t("desk.ends_pause") : "",
  ];
  write(one("#next-hint"), hints.filter(Boolean).join(" "));
});

draws.push(function drawHand() {
  keep(
    one("#hand"),
    inHands().mine,
    (token) => token.id,
    () => {
      const card = clone("card");
      card.append(clone("moves"));
      return card;
    },
    (card, token) => {
      const service = shift.serviceIds.length > 1 ? queueOf(token.serviceId)?.serviceName : "";
      const state = t(token.status === "CALLED" ? "desk.is_called" : "desk.is_seen");
      write(one(".state", card), [state, service].filter(Boolean).join(" · "));
      set(card, "aria-label", token.label);
      write(one(".label", card), token.label);
      fill(one(".name", card), token.name ?? "");
      fill(one(".note", card), [token.note, token.phone].filter(Boolean).join(" · "));
      showMarks(one(".marks", card), token);
      card.dataset.since = token.startedAt ?? token.lastCalledAt ?? "";
      showMoves(one(".moves", card), token);
      // One main action a card: starting, then finishing.
      one("[data-do=complete]", card).classList.toggle("main-action", token.status === "IN_PROGRESS");
    },
  );
  tick();
});

draws.push(function drawLast() {
  const { deed, problem } = last;
  const waiting = shift.outbox.unanswered && shift.outbox.first;
  one("#last").classList.toggle("wrong", !!problem);
  const words = problem ||
    (waiting ? t("desk.sending") : deed ? t(`desk.did_${deed.what}`) : t("desk.nothing_yet"));
  write(one("#last-what"), words);
  /** @type {import("./deeds.js").Deed | null} */
  const named = problem ? null : waiting ? { ...waiting, at: 0 } : deed;
  showWho(one("#last-who"), named);
  showUndo();
});

function showUndo() {
  const { deed } = last;
  const can = !!deed?.queueId && Date.now() - deed.at < UNDO_MS;
  const undo = one("#undo");
  if (!can && document.activeElement === undo) one("#next").focus();
  set(undo, "hidden", !can);
  showBusy(undo, "undo");
}

/** The time that is running. */
export function tick() {
  for (const card of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".in-hand"))) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(card.dataset.since ?? "")) / 1000));
    const minutes = Math.floor(seconds / 60);
    write(one(".since", card), `${minutes}:${String(seconds % 60).padStart(2, "0")}`);
  }
  showUndo();
}
