/** The waiting room's television: is let in by staff once, and shows from then on who is called. */

import "../core/connection.js";
import "../core/language.js";
import { sessionClient } from "../core/api.js";
import { keepAwake } from "../core/awake.js";
import { one } from "../core/dom.js";
import { enable, isAudible } from "../core/sound.js";
import { letIn, letInBefore } from "./pairing.js";
import { Room } from "./room.js";
import { hidePointer } from "./upkeep.js";

/** @typedef {import("../../types/wire.d.ts").DisplayBody} Display */

const KEPT = "qure-display";

async function run() {
  let grant = await letInBefore();
  for (;;) {
    const client = sessionClient("display");
    const display = grant ? held(client, grant) : remembered() ?? await paired(client);
    grant = null;
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
  return held(client, await letIn());
}

/**
 * @param {import("../core/api.js").Client} client
 * @param {import("./pairing.js").Grant} grant
 */
function held(client, { accessToken, display }) {
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

one("#sound").addEventListener("click", async () => {
  await enable();
  one("#sound").hidden = isAudible();
});
hidePointer();
keepAwake();
run();
