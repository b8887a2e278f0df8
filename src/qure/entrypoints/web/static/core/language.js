/** The choice of a language: a click on it holds for every page. */

const COOKIE = "qure_language";
const YEAR = 365 * 24 * 3600;

customElements.define(
  "q-language",
  class extends HTMLElement {
    connectedCallback() {
      this.addEventListener("change", (event) => {
        const { value } = /** @type {HTMLSelectElement} */ (event.target);
        document.cookie = `${COOKIE}=${value}; path=/; max-age=${YEAR}; samesite=strict`;
        location.reload();
      });
    }
  },
);
