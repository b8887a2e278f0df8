/** The waiting room's television: is let in by staff once, and shows from then on who is called. */

import "../core/connection.js";
import "../core/language.js";
import { sessionClient } from "../core/api.js";
import { keepAwake } from "../core/awake.js";
import { one } from "../core/dom.js";
import { enable, isAudible } from "../core/sound.js";
import { letIn } from "./pairing.js";
import { Room } from "./room.js";

/** @typedef {import("../../types/wire.d.ts").DisplayBody} Display */

const KEPT = "qure-display";
const IDLE_MS = 4000;

async function run() {
  for (;;) {
    const client = sessionClient("display");
    const display = remembered() ?? await paired(client);
    see("room");
    await new Room(client, display).watch();
    localStorage.removeItem(KEPT);
    one("#ended").hidden = false;
  }
}

/**
 * @param {import("../core/api.js").Client} client
 * @returns {Promise<Display>}
 */
async function paired(client) {
  see("pairing");
  const { accessToken, display } = await letIn();
  client.jwt = accessToken;
  localStorage.setItem(KEPT, JSON.stringify(display));
  return display;
}

/** @returns {Display | null} What this screen is, since it was let in. */
function remembered() {
  return JSON.parse(localStorage.getItem(KEPT) ?? "null");
}

/** @param {"room" | "pairing"} shown */
function see(shown) {
  one("#room").hidden = shown !== "room";
  one("#pairing").hidden = shown !== "pairing";
}

/** The pointer, and what it is for, show only while somebody is there. */
function hidePointer() {
  let timer = 0;
  const used = () => {
    document.body.classList.add("in-use");
    clearTimeout(timer);
    timer = setTimeout(() => document.body.classList.remove("in-use"), IDLE_MS);
  };
  for (const event of ["pointermove", "pointerdown", "keydown"]) addEventListener(event, used);
}

one("#sound").addEventListener("click", async () => {
  await enable();
  one("#sound").hidden = isAudible();
});
hidePointer();
keepAwake();
run();
