/** The fields that a clinic is born with, and what the API is told of them. */

import { el, write } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { check, choice, field, number } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").ClinicBody} Clinic */

const TYPES = [
  "GENERAL_PRACTICE",
  "PEDIATRICS",
  "GYNECOLOGY",
  "DENTIST",
  "DERMATOLOGY",
  "ENT",
  "ORTHOPEDICS",
  "PSYCHIATRY",
];

/** @param {Partial<Clinic>} clinic */
export function birthFields(clinic) {
  const hours = clinic.openingHours ?? { start: "09:00", end: "17:00" };
  return [
    field(t("admin.name"), { name: "name", value: clinic.name, required: true, maxlength: 200 }),
    field(t("admin.address"), { name: "address", rows: 2, maxlength: 500 }, {
      hint: t("admin.address_hint"),
      input: el("textarea", null, clinic.address),
    }),
    position(clinic),
    el(
      "fieldset",
      null,
      el("legend", null, t("admin.opening_hours")),
      el(
        "div",
        { class: "pair" },
        field(t("admin.opens"), { name: "openingHours.start", type: "time", value: hours.start }),
        field(t("admin.closes"), { name: "openingHours.end", type: "time", value: hours.end }),
      ),
    ),
    choice(t("admin.timezone"), "timezone", zones(clinic.timezone), clinic.timezone ?? ownZone()),
    choice(
      t("admin.type"),
      "type",
      TYPES.map((type) => [type, t(`admin.type_${type}`)]),
      clinic.type ?? TYPES[0],
    ),
    languages(clinic.languages ?? []),
  ];
}

/**
 * What was filled in, as the API takes it.
 * @param {Record<string, string>} given
 * @param {HTMLFormElement} form
 */
export function birthBody(given, form) {
  return {
    name: given.name,
    address: given.address || null,
    latitude: number(given.latitude),
    longitude: number(given.longitude),
    openingHours: { start: given["openingHours.start"], end: given["openingHours.end"] },
    timezone: given.timezone,
    type: given.type,
    languages: chosen.get(form.querySelector(".languages") ?? form) ?? [],
  };
}

/** @param {Partial<Clinic>} clinic */
function position(clinic) {
  const [latitude, longitude] = ["latitude", "longitude"].map((name) =>
    field(t(`admin.${name}`), {
      name,
      inputmode: "text",
      dir: "ltr",
      required: true,
      value: /** @type {any} */ (clinic)[name],
    })
  );
  return el(
    "fieldset",
    null,
    el("legend", null, t("admin.position")),
    el("p", { class: "hint" }, t("admin.position_hint")),
    el("div", { class: "pair" }, latitude, longitude),
    "geolocation" in navigator && isSecureContext && whereIAm(latitude, longitude),
  );
}

/**
 * @param {HTMLElement} latitude
 * @param {HTMLElement} longitude
 */
function whereIAm(latitude, longitude) {
  const said = el("output", { class: "said" });
  const put = (/** @type {HTMLElement} */ within, /** @type {number} */ value) => {
    const input = within.querySelector("input");
    if (input) input.value = value.toFixed(5);
  };
  const find = () => {
    write(said, t("page.loading"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        put(latitude, coords.latitude);
        put(longitude, coords.longitude);
        write(said, t("admin.position_found"));
      },
      () => write(said, t("admin.position_unknown")),
      { timeout: 10_000 },
    );
  };
  return el(
    "div",
    { class: "row" },
    el("button", { type: "button", on: { click: find } }, t("admin.position_here")),
    said,
  );
}

const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * @param {string | undefined} current
 * @returns {[string, string][]}
 */
function zones(current) {
  const names = new Set([...Intl.supportedValuesOf("timeZone"), ownZone(), ...(current ? [current] : [])]);
  return [...names].sort().map((name) => [name, name.replaceAll("_", " ")]);
}

/** @type {WeakMap<Element, string[]>} The languages that were ticked, in that order. */
const chosen = new WeakMap();

/** @param {readonly string[]} current */
function languages(current) {
  const names = new Map(
    [.../** @type {NodeListOf<HTMLOptionElement>} */ (document.querySelectorAll("q-language option"))]
      .map((option) => [option.value, option.text]),
  );
  const order = el("p", { class: "hint", role: "status" });
  const tell = () => {
    const spoken = (chosen.get(all) ?? []).map((code) => names.get(code));
    write(
      order,
      spoken.length ? t("admin.languages_order", { names: spoken.join(", ") }) : t("admin.languages_any"),
    );
  };
  const boxes = [...names].map(([code, name]) => {
    const box = check(name, { name: "languages", value: code, checked: current.includes(code) });
    box.lang = code;
    return box;
  });
  const all = el(
    "fieldset",
    { class: "languages" },
    el("legend", null, t("admin.languages")),
    el("p", { class: "hint" }, t("admin.languages_hint")),
    el("div", { class: "boxes" }, ...boxes),
    order,
  );
  chosen.set(all, [...current]);
  all.addEventListener("change", (event) => {
    const { value, checked } = /** @type {HTMLInputElement} */ (event.target);
    const others = (chosen.get(all) ?? []).filter((code) => code !== value);
    chosen.set(all, checked ? [...others, value] : others);
    tell();
  });
  tell();
  return all;
}
