/**
 * `<q-health>`: whether the service is well, backend by backend, asked again and again. Its
 * contents are in `templates/health.html`; the page needs the section "health".
 */

import { one, set, write } from "./dom.js";
import { clock, t } from "./i18n.js";

const EVERY_MS = 10_000;
/** @type {Record<string, string>} */
const WORDS = { up: "up", down: "down", "not used": "not_used" };

/** @typedef {import("../../types/wire.d.ts").Readiness} Readiness */

/** @returns {Promise<Readiness | null>} null when nobody answers. */
async function readiness() {
  try {
    return await (await fetch("/health/ready", { cache: "no-store" })).json();
  } catch {
    return null;
  }
}

customElements.define(
  "q-health",
  class extends HTMLElement {
    #timer = 0;

    connectedCallback() {
      this.#look();
      this.#timer = setInterval(() => document.visibilityState === "visible" && this.#look(), EVERY_MS);
    }

    disconnectedCallback() {
      clearInterval(this.#timer);
    }

    async #look() {
      const answer = await readiness();
      const state = !answer ? "away" : answer.health === "ok" ? "well" : "unwell";
      const word = one(".health-word", this);
      set(this, "data-state", state);
      write(word, t(`health.${state}`));
      for (const node of this.querySelectorAll("[data-backend]")) {
        const { backend } = /** @type {HTMLElement} */ (node).dataset;
        const known = String(answer?.backends[backend ?? ""] ?? "");
        set(node, "data-state", known || "unknown");
        write(node, t(`health.${WORDS[known] ?? "unknown"}`));
      }
      const failed = answer?.failedImages ?? 0;
      const at = t("health.at", { at: clock(Date.now()) });
      write(
        one(".health-at", this),
        failed ? `${at} ${t("health.failed_images", { count: failed })}` : at,
      );
    }
  },
);
