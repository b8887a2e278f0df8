/** Shows what is said. What has not changed is not touched: nothing is read aloud twice. */

import { el, keep, one, set, write } from "../core/dom.js";
import { clock, t } from "../core/i18n.js";

const MOVES = ["rejoin", "resume", "hold", "postpone", "leave", "enter"];
const OPEN = ["waiting", "held", "skipped"];
const MAIN = ["rejoin", "resume"];
const MOST_DOTS = 12;
const CALLS = 3;

/** @typedef {import("./visit.js").Token} Token */

let busy = "";

/** Whether a move is under way. */
export const isBusy = () => busy !== "";

/** @param {{busy?: string, text?: string, problem?: string}} now How a move goes. */
export function say({ busy: name = "", text = "", problem = "" }) {
  busy = name;
  for (const move of MOVES) set(one(`#${move}`), "aria-disabled", busy ? "true" : null);
  write(one("#sending"), text);
  write(one("#problem"), problem);
}

/**
 * @param {import("./words.js").Said} words
 * @param {{token?: Token | null, tokens?: Token[], clinic?: import("./visit.js").Clinic | null,
 *   status?: import("./visit.js").Status | null, door?: string | null, at?: number | null}} [known]
 *   `at`: until when it is known to be so, if that is long ago.
 */
export function draw(words, { token, tokens = [], clinic, status, door, at } = {}) {
  const zone = clinic?.timezone;
  document.body.dataset.state = words.state;
  document.body.classList.toggle("stale", Boolean(at));
  write(one("#clinic"), clinic?.name ?? "");
  write(one("#service"), status?.serviceName ?? "");
  write(one("#caption"), token ? t("patient.title") : words.headline);
  const label = token?.label ?? "";
  write(one("#label"), label);
  if (label) fit(one("#label"), label);
  const called = words.state === "called" ? token : null;
  drawCall(called, words.headline);
  const calledAt = called?.lastCalledAt;
  write(one("#called-at"), calledAt ? t("patient.called_at", { at: clock(calledAt, zone) }) : "");
  drawPlace(words, Boolean(token) && !called);
  drawLine(words.ahead);
  keep(one("#notes"), words.notes, String, (note) => el("li", { dir: "auto" }, note), () => {});
  write(one("#as-of"), at ? t("patient.as_of", { at: clock(at, zone) }) : "");
  drawMoves(words.moves, door);
  const goesOn = OPEN.includes(words.state);
  drawCalls(goesOn ? status?.calls ?? [] : []);
  drawNumbers(tokens, token);
  one("#tell").hidden = !goesOn;
}

/** The alert: changed for a call, and for nothing else. @param {Token | null | undefined} token @param {string} headline */
function drawCall(token, headline) {
  const region = one("#call");
  const key = token ? `${token.id} ${token.lastCalledAt} ${token.recallCount} ${token.desk?.name}` : "";
  if ((region.dataset.call ?? "") === key) return;
  region.dataset.call = key;
  region.replaceChildren();
  if (!token) return;
  region.append(
    el("p", { class: "turn" }, headline),
    el("p", { class: "go" }, t(token.desk ? "patient.called_to" : "patient.called_in")),
    el("p", { class: "desk" }, token.desk?.name),
  );
  if (token.desk) fit(one(".desk", region), token.desk.name);
}

/** As large as its longest word has room. @param {HTMLElement} node @param {string} text */
function fit(node, text) {
  const longest = Math.max(
    ...text.split(/\s/).map((word) => word.length + 0.5 * (word.match(/[MW]/g)?.length ?? 0)),
  );
  node.style.setProperty("--letters", String(Math.max(longest, 1)));
}

/** @param {import("./words.js").Said} words @param {boolean} told Whether the headline is here. */
function drawPlace({ state, headline, when = "", beHere = "", detail = "" }, told) {
  one("#place").hidden = state === "called";
  const texts = { headline: told ? headline : "", when, "be-here": beHere, detail };
  for (const [id, text] of Object.entries(texts)) write(one(`#${id}`), text);
}

/** Everybody before, and who looks at it: for the eye alone. @param {number | null} [ahead] */
function drawLine(ahead) {
  const line = one("#line");
  line.hidden = !ahead;
  const shown = Math.min(ahead ?? 0, MOST_DOTS);
  line.classList.toggle("longer", (ahead ?? 0) > MOST_DOTS);
  while (line.childElementCount > shown) line.lastElementChild?.remove();
  while (line.childElementCount < shown) line.append(el("span"));
}

/** @param {string[]} moves @param {string | null} [door] */
function drawMoves(moves, door) {
  for (const name of MOVES) {
    const button = one(`#${name}`);
    button.hidden = !moves.includes(name);
    button.classList.toggle("main-action", MAIN.includes(name));
  }
  const another = one("#another");
  another.hidden = !door;
  if (door) set(another, "href", `/join/${encodeURIComponent(door)}`);
}

/** @param {import("../../types/wire.d.ts").CallBody[]} calls */
function drawCalls(calls) {
  one("#calls").hidden = calls.length === 0;
  keep(
    one("#calls ol"),
    calls.slice(0, CALLS),
    ({ label, calledAt }) => label + calledAt,
    () => el("li", null, el("span", { class: "label" }), " ", el("span", { class: "quiet" })),
    (node, { label, desk }) => {
      write(one(".label", node), label);
      write(one(".quiet", node), desk?.name ?? "");
    },
  );
}

/** @param {Token[]} tokens @param {Token | null} [shown] */
function drawNumbers(tokens, shown) {
  const nav = one("#numbers");
  nav.hidden = tokens.filter(({ id }) => id !== shown?.id).length === 0;
  keep(
    nav,
    nav.hidden ? [] : tokens,
    ({ id }) => id,
    () => el("button", { type: "button", class: "label" }),
    (node, token) => {
      write(node, token.label);
      set(node, "aria-current", token.id === shown?.id ? "true" : null);
    },
  );
}
