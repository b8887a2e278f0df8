/** Being let in: the screen shows a code, staff enter it (after RFC 8628). */

import { ask, Refusal } from "../core/api.js";
import { one, set, write } from "../core/dom.js";
import { explain } from "../core/i18n.js";

/** @typedef {import("../../types/wire.d.ts").PairingBody} Pairing */
/** @typedef {import("../../types/wire.d.ts").DisplayGrantBody} Grant */

const SLOWER = 5;
const AFTER_TROUBLE = 10;

/** @param {number} count */
const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

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
  const end = Date.now() + pairing.expiresIn * 1000;
  for (let interval = pairing.interval; Date.now() < end;) {
    await seconds(interval);
    try {
      const asked = { deviceCode: pairing.deviceCode };
      return await ask("POST", "/displays/token", asked, { "Qure-Session": "display" });
    } catch (error) {
      const { code } = /** @type {{code?: string}} */ (error);
      if (code === "expired_token") return null;
      if (code === "slow_down") interval += SLOWER;
      const told = code === "authorization_pending" || code === "slow_down" ? "" : explain(error);
      write(one("#pair-problem"), told);
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
