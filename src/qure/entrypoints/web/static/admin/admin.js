/** The admin's page: a screen for each section, chosen by the address's fragment. */

import "../core/connection.js";
import "../core/language.js";
import { el, one, set, write } from "../core/dom.js";
import { explain, t } from "../core/i18n.js";
import { isAdmin, loggedIn, logOut } from "../core/login.js";
import { showGuide } from "./guide.js";

/** @typedef {import("../../types/wire.d.ts").ClinicBody} Clinic */
/**
 * What a section is shown with.
 * @typedef {object} Place
 * @property {import("../core/api.js").Client} client
 * @property {import("../../types/wire.d.ts").UserBody} user
 * @property {HTMLElement} root Empty, to be filled.
 * @property {Clinic} clinic The clinic that is looked at.
 * @property {string} path The API's path of that clinic.
 * @property {AbortSignal} signal Aborted when another section is shown.
 * @property {(clinic: Clinic) => void} changed To be told what the clinic has become.
 */

/** @type {Record<string, () => Promise<{show: (place: Place) => unknown}>>} */
const SECTIONS = {
  today: () => import("./today.js"),
  services: () => import("./services.js"),
  desks: () => import("./desks.js"),
  staff: () => import("./staff.js"),
  displays: () => import("./displays.js"),
  door: () => import("./door.js"),
  clinic: () => import("./clinic.js"),
  forecasts: () => import("./forecasts.js"),
};
/** @type {typeof SECTIONS} */
const OF_ALL = {
  new: () => import("./new.js"),
  clinics: () => import("./clinics.js"),
  people: () => import("./people.js"),
  installation: () => import("./installation.js"),
};
const LAST = "qure-clinic";

const { client, user } = await loggedIn(isAdmin);
const screen = one("#screen");
/** @type {Clinic | null} */
let clinic = null;
let leaving = new AbortController();

write(one("#who"), `${user.firstName} ${user.lastName}`);
one("#log-out").addEventListener("click", () => logOut(client));
const menu = one("#menu");
menu.addEventListener("click", () => openMenu(menu.ariaExpanded !== "true"));
addEventListener("hashchange", () => route(true));
await route(false);

/** @param {boolean} open On a small screen. */
function openMenu(open) {
  menu.ariaExpanded = String(open);
}

/** @param {boolean} moved Whether somebody went there: the focus goes along. */
async function route(moved) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  openMenu(false);
  set(screen, "aria-busy", true);
  try {
    const [first, second] = location.hash.slice(1).split("/");
    const found = first in OF_ALL ? { name: first, module: OF_ALL[first] } : await ofClinic(first, second);
    if (!found || signal.aborted) return;
    await open(found, moved, signal);
  } catch (error) {
    if (!signal.aborted) failed(error);
    // Neither a refusal nor an answer that did not come: our own mistake.
    if (!("code" in /** @type {object} */ (error))) throw error;
  } finally {
    if (!signal.aborted) set(screen, "aria-busy", false);
  }
}

/**
 * @param {{name: string, module: () => Promise<{show: (place: Place) => unknown}>}} found
 * @param {boolean} moved
 * @param {AbortSignal} signal
 */
async function open({ name, module }, moved, signal) {
  showNavigation(name);
  const title = t(name === "new" && !clinic ? "admin.first_clinic" : `admin.${name}`);
  document.title = `${title} – ${clinic && name in SECTIONS ? clinic.name : "Qure"}`;
  write(one("#heading"), title);
  screen.replaceChildren(el("p", { class: "quiet" }, t("page.loading")));
  showGuide(name, clinic);
  if (moved) one("#heading").focus();
  const root = el("div", { class: "stack" });
  const path = `/clinic/${clinic?.id}`;
  const place = { client, user, root, path, signal, changed, clinic: /** @type {Clinic} */ (clinic) };
  await (await module()).show(place);
  if (!signal.aborted) screen.replaceChildren(root);
}

/**
 * The section of a clinic: of that one, of the one that was last looked at, or of the newest.
 * Leads on, and gives null, where the address does not say.
 * @param {string} id
 * @param {string | undefined} name
 */
async function ofClinic(id, name = "today") {
  if (!id) {
    const { clinics } = await client.get("/clinic?limit=100");
    const last = localStorage.getItem(LAST);
    const chosen = clinics.find((/** @type {Clinic} */ one) => one.id === last) ?? clinics[0];
    location.replace(chosen ? `#${chosen.id}/today` : "#new");
    return null;
  }
  if (clinic?.id !== id) changed(await client.get(`/clinic/${encodeURIComponent(id)}`));
  localStorage.setItem(LAST, id);
  return { name: name in SECTIONS ? name : "today", module: SECTIONS[name] ?? SECTIONS.today };
}

/** @param {Clinic} now */
function changed(now) {
  clinic = now;
  write(one("#clinic-name"), now.name);
}

/** @param {string} current */
function showNavigation(current) {
  one("#clinic-nav").hidden = !clinic;
  for (const link of document.querySelectorAll("[data-section]")) {
    const name = String(/** @type {HTMLElement} */ (link).dataset.section);
    set(link, "href", name in OF_ALL ? `#${name}` : `#${clinic?.id}/${name}`);
    set(link, "aria-current", name === current ? "page" : null);
  }
}

/** @param {unknown} error */
function failed(error) {
  showNavigation("");
  const again = el("button", { type: "button", on: { click: () => route(true) } }, t("admin.try_again"));
  screen.replaceChildren(el("p", { class: "problem", role: "alert" }, explain(error)), el("p", null, again));
}
