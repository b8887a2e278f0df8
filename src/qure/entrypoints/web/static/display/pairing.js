/** Being let in: the screen shows a code, staff enter it (after RFC 8628). */

import { ask, Refusal } from "../core/api.js";
import { one, set, write } from "../core/dom.js";
import { explain } from "../core/i18n.js";

/** @typedef {import("../../types/wire.d.ts").PairingBody} Pairing */
/** @typedef {import("../../types/wire.d.ts").DisplayGrantBody} Grant */

const SLOWER = 5;
const AFTER_TROUBLE = 10;
const PENDING = ["authorization_pending", "slow_down"];

/** The code of a pairing that was begun elsewhere: `/display#device=…`. */
const given = new URLSearchParams(location.hash.slice(1)).get("device");
if (given) history.replaceState(null, "", location.pathname + location.search);
addEventListener("hashchange", () => location.hash.startsWith("#device=") && location.reload());

/** @param {number} count */
const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

/**
 * What the screen holds that was opened with the code of a pairing.
 * @returns {Promise<Grant | null> | null} null without one, and when it is not valid any more.
 */
export function letInBefore() {
  const pairing = given && { deviceCode: given, interval: 3, expiresIn: 600 };
  return pairing ? granted(pairing, one("#problem")) : null;
}

/**
 * What the screen holds once it has been let in; shows one code after the other until then.
 * @returns {Promise<Grant>}
 */
export async function letIn() {
  for (;;) {
    try {
      const grant = await withOneCode(await ask("POST", "/displays"));
      if (grant) return grant;
    } catch (error) {
      write(one("#pair-problem"), explain(error));
      await seconds(error instanceof Refusal && error.after || AFTER_TROUBLE);
    }
  }
}

/**
 * @param {Pairing} pairing
 * @returns {Promise<Grant | null>} null when the code is not valid any more.
 */
async function withOneCode(pairing) {
  show(pairing);
  await seconds(pairing.interval);
  return granted(pairing, one("#pair-problem"));
}

/**
 * @param {Pick<Pairing, "deviceCode" | "interval" | "expiresIn">} pairing
 * @param {HTMLElement} problem Where it is said that nobody answers.
 * @returns {Promise<Grant | null>} null when the code is not valid any more.
 */
async function granted({ deviceCode, interval, expiresIn }, problem) {
  const end = Date.now() + expiresIn * 1000;
  for (; Date.now() < end; await seconds(interval)) {
    try {
      return await ask("POST", "/displays/token", { deviceCode }, { "Qure-Session": "display" });
    } catch (error) {
      const { code, status } = /** @type {Refusal} */ (error);
      const pending = PENDING.includes(code);
      if (status === 400 && !pending) return null;
      if (code === "slow_down") interval += SLOWER;
      write(problem, pending ? "" : explain(error));
    }
  }
  return null;
}

/** @param {Pairing} pairing */
function show({ userCode, verificationUri, qr }) {
  write(one("#code"), `${userCode.slice(0, 4)}-${userCode.slice(4)}`);
  const { host, pathname } = new URL(verificationUri);
  write(one("#address"), host + pathname);
  set(one("#qr"), "src", qr);
  one("#qr").hidden = false;
  write(one("#pair-problem"), "");
}
