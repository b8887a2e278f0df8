/** What is seen of the room. Every part is drawn anew as often as you like: only changes are touched. */

import { el, keep, one, set, write } from "../core/dom.js";
import { clock, day, t } from "../core/i18n.js";
import { howLong } from "../core/waits.js";

/** @typedef {import("./room.js").Room} Room */
/** @typedef {import("./turns.js").Shown} Shown */
/** @typedef {import("../../types/wire.d.ts").QueueOfDayBody} Queue */

const MOST_CALLS = 8;
const MOST_NEXT = 3;
const LONG_LABEL = 3.4;
const LONG_DESK = 16;
const LONG_SERVICE = 24;
const LONG_CLINIC = 36;
const LONG_NOTICE = 110;
const MOST_WIDTHS = 500;

const portrait = matchMedia("(orientation: portrait)");

/** @param {Room} room */
export function draw(room) {
  const { clinic } = room;
  if (!clinic) return;
  const queues = [...room.queues.values()];
  const classes = document.body.classList;
  classes.toggle("stale", room.staleSince !== null);
  classes.toggle("single", queues.length === 1);
  classes.toggle("long-labels", queues.some(({ prefix }) => prefix.length > 1));
  write(one("#clinic"), clinic.name);
  set(one("#clinic"), "class", clinic.name.length > LONG_CLINIC && "long");
  document.title = clinic.name;
  drawCalls(room, queues.every(({ isClosed }) => isClosed));
  drawNotice(room, queues);
  drawStrip(room, queues);
}

/** @param {Room} room */
export function drawTime({ clinic }) {
  const now = Date.now();
  write(one("#time"), clock(now, clinic?.timezone));
  write(one("#date"), day(now, clinic?.timezone));
}

/**
 * @param {Room} room
 * @param {boolean} isClosed
 */
function drawCalls(room, isClosed) {
  const { turns, staleSince, clinic } = room;
  const calls = isClosed ? [] : room.calls;
  const hero = calls.find(({ id }) => id === turns.hero?.id) ?? calls[0];
  const title = staleSince === null
    ? t("display.calling")
    : t("display.as_of", { at: clock(staleSince, clinic?.timezone) });
  write(one("#hero-title"), title);
  one("#hero-title").hidden = !hero && staleSince === null;
  set(one("#hero"), "class", hero && turns.isHot(hero.id) && "hot");
  keep(
    one("#call"),
    [hero ?? { key: isClosed ? "closed" : "none" }],
    ({ key }) => key,
    () => hero ? heroOf(hero) : nobody(room, isClosed),
    () => {},
  );
  const several = room.queues.size > 1;
  const past = calls.filter((call) => call !== hero).slice(0, MOST_CALLS);
  one("#past").hidden = past.length === 0;
  keep(one("#calls"), past, ({ key }) => key, (call) => rowOf(call, several), (row, { id }) => {
    const hot = turns.isHot(id);
    set(row, "class", hot && "hot");
    one(".now", row).hidden = !hot;
  });
  const widest = Math.max(2, ...past.map(({ label }) => widthInEm(label)));
  one("#calls").style.setProperty("--em", String(widest));
}

/** @param {Shown} call */
function heroOf({ label, desk }) {
  const width = widthInEm(label);
  const number = el("p", { class: "label" }, el("span", { class: width > LONG_LABEL && "narrow" }, label));
  number.style.setProperty("--em", String(width));
  const place = desk
    ? el(
      "p",
      { class: deskClass(desk) },
      el("span", null, t("display.go_to"), " "),
      el("bdi", null, desk),
    )
    : el("p", { class: "desk" }, el("bdi", null, t("display.your_turn")));
  return el("div", { class: "called" }, number, place);
}

/** @param {string} desk */
const deskClass = (desk) => desk.length > LONG_DESK ? "desk long" : "desk";

/**
 * @param {Room} room
 * @param {boolean} isClosed
 */
function nobody({ clinic }, isClosed) {
  const [from, to] = [clinic?.openingHours.start, clinic?.openingHours.end].map((time) =>
    clock(`1970-01-01T${time}:00Z`, "UTC")
  );
  const hours = t("page.opening_hours", { from, to });
  if (isClosed) {
    return el("div", { class: "none" }, el("p", null, t("page.closed_now")), el("p", null, hours));
  }
  return el("div", { class: "none" }, el("p", null, t("display.nobody_yet")), el("p", null, hours));
}

/**
 * @param {Shown} call
 * @param {boolean} several Whether it has to be said of which service.
 */
function rowOf({ label, desk, service }, several) {
  return el(
    "li",
    null,
    el("span", { class: "label" }, label),
    el(
      "span",
      { class: "where" },
      el("bdi", { class: deskClass(desk ?? "") }, desk ?? t("display.your_turn")),
      several && el("bdi", { class: "service" }, service),
    ),
    el("span", { class: "badge now", hidden: true }, t("display.now")),
  );
}

/**
 * What several services tell takes turns, in a place as high as the highest of it: nothing moves.
 * @param {Room} room
 * @param {Queue[]} queues
 */
function drawNotice({ clinic, page }, queues) {
  const now = Date.now();
  const standing = queues.filter(({ notice }) =>
    notice && !(notice.until && Date.parse(notice.until) <= now)
  );
  const said = standing.map((queue) => {
    const name = queues.length > 1 ? `${queue.serviceName}:` : "";
    return [name, sentence(queue, clinic?.timezone), queue.notice?.text ?? ""].filter(Boolean);
  });
  one("#notice").hidden = said.length === 0;
  keep(one("#told"), said, (words) => words.join(" "), noticeOf, (node, words) => {
    const turn = isTurn(said.indexOf(words), said.length, page) ? "shown" : "";
    set(node, "class", words.join(" ").length > LONG_NOTICE ? `long ${turn}` : turn);
  });
}

/** @param {string[]} words */
const noticeOf = (words) => el("p", null, ...words.flatMap((word) => [el("bdi", null, word), " "]));

/**
 * @param {Queue} queue
 * @param {string | undefined} zone
 */
function sentence({ notice }, zone) {
  if (notice?.kind === "DELAY") return t("display.delay", { count: notice.minutes ?? 0 });
  if (notice?.kind !== "PAUSE") return "";
  return notice.until ? t("display.pause_until", { at: clock(notice.until, zone) }) : t("display.pause");
}

/**
 * @param {number} index
 * @param {number} count
 * @param {number} page
 */
const isTurn = (index, count, page) => index === page % count;

/**
 * @param {Room} room
 * @param {Queue[]} queues
 */
function drawStrip({ page }, queues) {
  const most = portrait.matches ? 4 : 6;
  const count = Math.ceil(queues.length / most);
  const size = portrait.matches && count > 1 ? most : Math.ceil(queues.length / count);
  const pages = Array.from({ length: count }, (_, at) => queues.slice(at * size, (at + 1) * size));
  const strip = one("#strip");
  strip.style.setProperty("--columns", String(size));
  document.body.classList.toggle("many", size > 4);
  keep(strip, pages, ([first]) => first.queueId, () => el("ul", null), (list, cards) => {
    set(list, "class", isTurn(pages.indexOf(cards), count, page) && "shown");
    keep(list, cards, ({ queueId }) => queueId, cardOf, fill);
  });
  one("#services").hidden = count === 0;
  one("#pages").hidden = count < 2;
  if (count > 1) write(one("#pages"), t("display.page_of", { page: page % count + 1, pages: count }));
}

/** @param {Queue} queue */
function cardOf({ serviceName }) {
  const part = (/** @type {string} */ name, /** @type {string} */ title) =>
    el("div", { class: name }, el("dt", null, title), el("dd", null));
  return el(
    "li",
    null,
    el("h3", { dir: "auto", class: serviceName.length > LONG_SERVICE && "long" }, serviceName),
    el("p", { class: "state" }),
    el(
      "dl",
      null,
      part("waiting", t("display.waiting")),
      part("wait", t("display.wait")),
      part("next", t("display.next")),
    ),
  );
}

/**
 * @param {HTMLElement} card
 * @param {Queue} queue
 */
function fill(card, { isClosed, isActive, waitingCount, wait, next }) {
  const state = isClosed ? t("page.closed_now") : isActive ? "" : t("display.no_numbers");
  write(one(".state", card), state);
  one(".state", card).hidden = !state;
  one("dl", card).hidden = isClosed;
  write(one(".waiting dd", card), waitingCount);
  write(one(".wait dd", card), howLong(wait?.ifJoinedNow));
  one(".next", card).hidden = next.length === 0;
  const nearest = document.body.matches(".single:not(.long-labels)") ? next : next.slice(0, MOST_NEXT);
  keep(
    one(".next dd", card),
    nearest,
    (label) => label,
    (label) => el("span", { class: "label" }, label),
    () => {},
  );
}

const pen = document.createElement("canvas").getContext("2d");
/** @type {Map<string, number>} */
const widths = new Map();

/**
 * How wide a label is, of the letters that the hero has, for a size of 1: they are as big as fits.
 * @param {string} text
 */
function widthInEm(text) {
  let width = widths.get(text);
  if (width === undefined) {
    if (widths.size >= MOST_WIDTHS) widths.clear();
    widths.set(text, width = measured(text));
  }
  return width;
}

/** @param {string} text */
function measured(text) {
  if (!pen) return text.length * 0.7;
  pen.font = `800 100px ${getComputedStyle(document.body).fontFamily}`;
  return Math.ceil(pen.measureText(text).width * 1.04) / 100;
}
