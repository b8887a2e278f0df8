/**
 * Says in words that the connection is lost, after some seconds, and since when; nothing while it
 * stands. `<q-connection>` is a region that is read aloud politely.
 */

import { write } from "./dom.js";
import { clock, t } from "./i18n.js";

const PATIENCE_MS = 5000;

export class Connection extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    this.role = "status";
    this.hidden = false;
    this.classList.add("connection");
  }

  /**
   * Tells of that connection from now on. The page gets the class `lost` as long as it is.
   * @param {import("./live.js").Live} live
   * @param {() => string | undefined} [zone] The clinic's.
   */
  tellOf(live, zone = () => undefined) {
    const look = () => {
      clearTimeout(this.#timer);
      const lost = live.lostAt;
      const since = lost === null ? 0 : Date.now() - lost;
      const tell = lost !== null && since >= PATIENCE_MS;
      document.body.classList.toggle("lost", tell);
      write(this, tell ? t("page.lost", { at: clock(lost, zone()) }) : "");
      if (lost !== null && !tell) this.#timer = setTimeout(look, PATIENCE_MS - since);
    };
    const before = live.onchange;
    live.onchange = () => {
      before();
      look();
    };
    look();
  }
}

customElements.define("q-connection", Connection);
