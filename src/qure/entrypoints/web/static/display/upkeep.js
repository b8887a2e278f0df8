/** What a screen needs that nobody touches for weeks. */

import { one } from "../core/dom.js";
import { language } from "../core/i18n.js";

const IDLE_MS = 4000;
const YEAR_S = 365 * 24 * 3600;
const WAY = [[0, 0], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]];

/** The pointer, and what it is for, show only while somebody is there. */
export function hidePointer() {
  let timer = 0;
  const used = () => {
    document.body.classList.add("in-use");
    clearTimeout(timer);
    timer = setTimeout(() => document.body.classList.remove("in-use"), IDLE_MS);
  };
  for (const event of ["pointermove", "pointerdown", "keydown"]) addEventListener(event, used);
}

/**
 * Everything stands a little elsewhere: nothing is burnt into the screen. It goes so slowly that
 * nobody sees it.
 * @param {number} step
 */
export function shift(step) {
  const [right, down] = WAY[step % WAY.length];
  const { style } = one("main");
  style.setProperty("--right", String(right));
  style.setProperty("--down", String(down));
}

/**
 * A screen is for everybody in the room: where nobody has chosen, it speaks a language of the
 * clinic, whatever its browser was set to.
 * @param {readonly string[]} languages The clinic's; none: as the browser wishes.
 */
export function speak(languages) {
  const isChosen = () => document.cookie.includes("qure_language=");
  if (!languages.length || languages.includes(language) || isChosen()) return;
  document.cookie = `qure_language=${languages[0]}; path=/display; max-age=${YEAR_S}; samesite=strict`;
  if (isChosen()) location.reload();
}

/** Loads the page anew when the server has another version of it. */
export async function renewPage() {
  const [, version] = import.meta.url.match(/(\/assets\/\w+\/)/) ?? [];
  try {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (answer.ok && !(await answer.text()).includes(version)) location.reload();
  } catch {
    // The connection is lost again, and asked after again when it stands.
  }
}
