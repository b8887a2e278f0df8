/** The line in the order of calls, those on hold, those who are away, and those at other desks. */

import { keep, one, set, write } from "../core/dom.js";
import { clock, t } from "../core/i18n.js";
import { inOrder } from "./board.js";
import { inHands } from "./console.js";
import { deeds, keyOf } from "./deeds.js";
import { clone, showMarks, showMoves } from "./moves.js";
import { draws, redraw, shift, whyEmpty } from "./shift.js";

/** @typedef {import("./board.js").Token} Token */

/** @type {string | null} Whose moves are shown. */
let opened = null;
const panel = clone("moves");
one("details", panel).setAttribute("open", "");
panel.id = "person-moves";

const search = /** @type {HTMLInputElement} */ (one("#search"));
search.addEventListener("input", redraw);

deeds.open = (button) => {
  const id = keyOf(button);
  opened = opened === id ? null : id;
  redraw();
};

const lists = one("#lists");
lists.addEventListener("keydown", (event) => {
  const at = /** @type {HTMLElement} */ (event.target).closest(".person");
  if (!at) return;
  if (event.key === "Escape" && opened) {
    opened = null;
    one(".who", at).focus();
    redraw();
  }
  const rows = /** @type {HTMLElement[]} */ ([...lists.querySelectorAll(".who")]);
  const here = rows.indexOf(/** @type {HTMLElement} */ (event.target));
  /** @type {Record<string, number>} */
  const steps = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1 };
  const to = here >= 0 ? rows[steps[event.key]] : undefined;
  if (!to) return;
  event.preventDefault();
  to.focus();
});
// The line is one stop of the Tab key; arrows go from one to the other.
lists.addEventListener("focusin", ({ target }) => {
  if (/** @type {Element} */ (target).classList.contains("who")) {
    makeStop(/** @type {HTMLElement} */ (target));
  }
});

/** @param {Element | null} row */
function makeStop(row) {
  for (const stop of lists.querySelectorAll(".who[tabindex='0']")) {
    if (stop !== row) set(stop, "tabindex", -1);
  }
  if (row) set(row, "tabindex", 0);
}

/** What was typed is found in the number or the name, whatever its accents. @param {string} text */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

draws.push(function drawLine() {
  const sought = plain(search.value.trim());
  /** @param {Token[]} tokens */
  const found = (tokens) =>
    sought ? tokens.filter((one) => plain(`${one.label} ${one.name ?? ""}`).includes(sought)) : tokens;
  const all = [...shift.boards.values()].flatMap((board) => [...board.tokens.values()]);
  const waiting = inOrder(shift.boards.values());
  const shown = found(waiting);
  const count = shift.boards.size ? waiting.length : "";
  write(one("#line-count"), sought ? `${shown.length} / ${count}` : count);
  const empty = shown.length ? "" : t(sought ? "desk.not_found" : whyEmpty());
  write(one("#line-empty p"), empty);
  set(one("#line-empty"), "hidden", !empty);
  draw("waiting", shown);
  draw("held", found(all.filter((one) => one.status === "WAITING" && one.onHold)));
  draw("away", found(all.filter((one) => one.status === "SKIPPED")));
  draw("elsewhere", found(inHands().others));
  if (!lists.querySelector(".who[tabindex='0']")) makeStop(lists.querySelector(".who"));
});

/** @param {string} group @param {Token[]} tokens */
function draw(group, tokens) {
  const section = document.getElementById(`group-${group}`);
  if (section) {
    set(section, "hidden", !tokens.length);
    write(one(".badge", section), tokens.length);
  }
  keep(one(`#list-${group}`), tokens, (token) => token.id, () => clone("person"), showRow);
}

/** @type {WeakMap<HTMLElement, {token: Token, state: string}>} What a row shows. */
const drawn = new WeakMap();

/** @param {HTMLElement} row @param {Token} token */
function showRow(row, token) {
  const isOpen = opened === token.id;
  const state = `${isOpen} ${shift.outbox.isBusy(token.id)}`;
  const before = drawn.get(row);
  if (isOpen || before?.token !== token || before.state !== state) {
    drawn.set(row, { token, state });
    write(one(".label", row), token.label);
    write(one(".name", row), [token.name, token.note].filter(Boolean).join(" · "));
    showMarks(one(".marks", row), token);
    write(one(".ahead", row), token.ahead === null ? "" : t("desk.ahead", { count: token.ahead }));
    write(one(".wait", row), waitOf(token));
    set(one(".who", row), "aria-expanded", String(isOpen));
    set(one(".who", row), "aria-controls", isOpen ? panel.id : null);
  }
  if (isOpen) {
    if (panel.parentElement !== row) row.append(panel);
    showMoves(panel, token);
  } else if (panel.parentElement === row) panel.remove();
}

/** @param {Token} token Where they are, or when they will be called. */
function waitOf({ status, desk, wait }) {
  if (status !== "WAITING") return status === "SKIPPED" ? "" : desk?.name ?? "";
  if (!wait?.low || !wait.high || wait.state === "next") return "";
  const [from, to] = [wait.low, wait.high].map((at) => clock(at, shift.clinic.timezone));
  return t("wait.between", { from, to });
}
