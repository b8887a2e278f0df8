/** The staff console: from the login to the line. */

import "../core/connection.js";
import "../core/language.js";
import { pause } from "../core/api.js";
import { one, write } from "../core/dom.js";
import { explain } from "../core/i18n.js";
import { isStaff, loggedIn } from "../core/login.js";
import { look, watch, watching } from "./boards.js";
import { answered, tick } from "./console.js";
import { leaving, refused } from "./deeds.js";
import "./day.js";
import "./line.js";
import { isPassing, Outbox } from "./outbox.js";
import { ownDesk, redraw, shift } from "./shift.js";
import { chosenHere, knownClinic, readOffer, sit } from "./sitting.js";

const consoleNode = one("#console");

/** @param {boolean} shown */
function showConsole(shown) {
  consoleNode.hidden = one("#tools").hidden = !shown;
  document.body.classList.toggle("working", shown);
  one("#loading").hidden = true;
}

/** @param {unknown} [problem] Why another desk is to be chosen; none when that is wished. */
async function change(problem) {
  showConsole(false);
  shift.deskId = null;
  shift.serviceIds = [];
  await Promise.all([readOffer(), look()]);
  await askSeat(problem);
  begin();
}

/** @param {unknown} [problem] */
const askSeat = async (problem) => (await import("./choose.js")).askSeat(problem);

/** Sits down where they sat before, or asks. */
async function seat() {
  const before = chosenHere();
  if (!before?.open) return await askSeat();
  try {
    await sit(before.deskId, before.serviceIds);
  } catch (error) {
    if (isPassing(error)) throw error;
    await askSeat(error);
  }
}

function begin() {
  look();
  showConsole(true);
  one("#next").focus();
}

/** Opens the dialog when the address asks for it: `#pair`, `#pair=ABCDEFGH`. */
async function pairIfAsked() {
  const [, code] = location.hash.match(/^#pair(?:=(.*))?$/) ?? [null, null];
  if (code === null) return;
  history.replaceState(null, "", location.pathname);
  const { open } = await import("./pairing.js");
  open(decodeURIComponent(code ?? ""));
}

/**
 * @template Result
 * @param {() => Promise<Result>} work Done again as long as nobody answers.
 */
async function answeredTo(work) {
  while (true) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      write(one("#loading"), explain(error));
      await pause(2000);
    }
  }
}

Object.assign(shift, await answeredTo(() => loggedIn(isStaff)));
shift.outbox = new Outbox(shift.client, shift.user.id);
shift.clinic = await answeredTo(knownClinic) ?? await (await import("./clinics.js")).askClinic();
await answeredTo(readOffer);

shift.outbox.ondone = async (entry, data) => {
  answered(entry, data);
  if (data?.guest?.qr) (await import("./tickets.js")).showTicket(data.token, data.guest);
};
shift.outbox.onrefused = refused;
shift.outbox.onchange = redraw;
watching.onlook = () => {
  const seated = ownDesk()?.staff?.id === shift.user.id;
  if (shift.deskId && !seated && !consoleNode.hidden) change({ code: "desk_closed" });
};
leaving.onleave = () => change();

await pairIfAsked();
addEventListener("hashchange", pairIfAsked);
await answeredTo(seat);
const zone = () => shift.clinic.timezone;
/** @type {import("../core/connection.js").Connection} */ (one("q-connection")).tellOf(watch(), zone);
begin();
shift.outbox.resume();
setInterval(tick, 1000);

const keys = () => import("./keys.js");
/** @param {KeyboardEvent} event The first that asks for the list of keys. */
const listKeys = (event) => {
  if (event.key !== "?") return;
  removeEventListener("keydown", listKeys);
  keys().then(({ press }) => press(event));
};
if (localStorage.getItem("qure-keys") === "on") keys();
else addEventListener("keydown", listKeys);
