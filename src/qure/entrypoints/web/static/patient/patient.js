/** `/t`: a patient's number, from the link's secret, or from the login. */

import "../core/language.js";
import "../core/connection.js";
import { guestClient, Refusal, sessionClient } from "../core/api.js";
import { DOOR, recall, remember, SECRET } from "../core/device.js";
import { one } from "../core/dom.js";
import { explain, t } from "../core/i18n.js";
import { entitle, offer, ring } from "./attention.js";
import { asked, passing } from "./dialogs.js";
import { draw, isBusy, say } from "./view.js";
import { isOpen, Visit } from "./visit.js";
import { plain, said } from "./words.js";

const STALE_MS = 60000;
const LOOK_MS = 5000;
const READ_MS = 15000;

/** @typedef {import("../../types/wire.d.ts").UserBody} User */

/** The link's, else the one that was opened here before: an icon on the home screen has none. */
function secretOf() {
  const given = location.hash.slice(1);
  if (given) remember(SECRET, given);
  return given || recall(SECRET);
}

function start() {
  const secret = secretOf();
  const client = secret ? guestClient(secret, known) : sessionClient("login", known);
  const visit = new Visit(client, secret || "login");
  let over = false;
  let readAt = Date.now();

  /** @param {User} user */
  function known(user) {
    visit.id = user.role === "PATIENT" ? user.id : "";
    one("#log-out").hidden = Boolean(secret) || !visit.id;
  }

  function look() {
    if (over) return;
    const { token } = visit.known;
    const now = Date.now();
    if (visit.known.at || visit.live.lostAt === null) show(visit, now);
    // Where no socket comes through, asking now and then does.
    if (visit.live.lostAt !== null && now - readAt > READ_MS) {
      readAt = now;
      visit.read();
    }
    if (token?.status === "CALLED") ring(token, spoken(token));
  }

  client.onended = visit.onended = () => {
    if (over) return;
    over = true;
    visit.live.stop();
    nobody(secret ? "dead" : "no_link", secret ? "dead_detail" : "how");
    if (secret && recall(SECRET) === secret) remember(SECRET, null);
  };
  visit.onchange = look;
  setInterval(look, LOOK_MS);
  /** @type {import("../core/connection.js").Connection} */
  (one("q-connection")).tellOf(visit.live, () => visit.known.clinic?.timezone);
  listen(visit, look);
  look();
  visit.start();
  offer();
}

/** Somebody of whom nothing is known. @param {string} headline @param {string} detail */
function nobody(headline, detail) {
  draw({ ...plain("none", headline, detail), moves: ["enter"] });
  entitle(t(`patient.${headline}`), false);
  one("#tell").hidden = true;
}

/** @param {Visit} visit @param {number} now */
function show(visit, now) {
  const { known } = visit;
  const { token, tokens, clinic, status } = known;
  const words = said(known, now);
  const finished = token !== null && !isOpen(token);
  const door = finished && recall(DOOR);
  const stale = visit.live.lostAt !== null && now - visit.at > STALE_MS;
  draw(words, { token, tokens, clinic, status, door, at: stale ? visit.at : null });
  const where = token?.status === "CALLED" && token.desk ? ` → ${token.desk.name}` : "";
  entitle(token ? `${token.label} · ${words.headline}${where}` : words.headline, words.state === "called");
}

/** @param {import("./visit.js").Token} token */
function spoken({ label, desk }) {
  return `${label}. ${desk ? `${t("patient.called_to")} ${desk.name}` : t("patient.called_in")}`;
}

/** @param {Visit} visit @param {() => void} look */
function listen(visit, look) {
  /** @param {string} name @param {object} [body] */
  const move = async (name, body) => {
    if (isBusy()) return;
    say({ busy: name, text: t("patient.sending") });
    let problem = "";
    try {
      await visit.move(name, body, () => say({ busy: name, text: t("patient.unsent") }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problem = name === "rejoin" ? t("patient.ask_desk") : explain(error);
      await visit.read();
    } finally {
      say({ problem });
      look();
    }
  };
  for (const name of ["rejoin", "resume", "hold"]) {
    one(`#${name}`).addEventListener("click", () => move(name));
  }
  one("#postpone").addEventListener("click", async () => {
    const pass = await passing(visit.known.token?.postponesLeft ?? 0);
    if (pass) await move("postpone", { pass });
  });
  one("#leave").addEventListener("click", async () => {
    if (await asked("#sure")) await move("cancel");
  });
  one("#numbers").addEventListener("click", ({ target }) => {
    const id = /** @type {HTMLElement} */ (target).closest("button")?.dataset.key;
    const token = visit.known.tokens.find((token) => token.id === id);
    if (token) visit.show(token);
  });
  one("#enter").addEventListener("click", async () => (await import("./account.js")).enter());
  one("#log-out").addEventListener("click", async () => (await import("./account.js")).leave());
  addEventListener("hashchange", () => location.reload());
}

start();
