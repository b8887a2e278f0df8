/** What is said, in the page's language. The server reads the same catalogues. */

/** @typedef {string | Record<string, string>} Message */

const root = document.documentElement;

/** @type {Record<string, Record<string, Message>>} */
const catalogue = JSON.parse(document.getElementById("messages")?.textContent ?? "{}");

/** The page's language: one of those there is a catalogue for. */
export const language = root.lang;

/** The visitor's own kind of it (en-GB), with the digits that tickets have. */
export const locale = new Intl.Locale(
  navigator.languages.find((one) => one.split("-")[0] === language) ?? language,
  { numberingSystem: "latn" },
).toString();

const plurals = new Intl.PluralRules(language);

/**
 * The message `section.key` with its arguments; `count` chooses the plural form.
 * @param {string} name
 * @param {Record<string, string | number>} [args]
 */
export function t(name, args = {}) {
  const [section, key] = name.split(".", 2);
  const message = catalogue[section]?.[key];
  if (message === undefined) throw new Error(`there is no message ${name}`);
  const text = typeof message === "string" ? message : message[plurals.select(Number(args.count))];
  return text.replace(/\{(\w+)\}/g, (_, arg) => String(args[arg]));
}

/** @param {string} name Whether there is such a message. */
export function has(name) {
  const [section, key] = name.split(".", 2);
  return catalogue[section]?.[key] !== undefined;
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {string | number | Date} instant
 * @param {string | undefined} zone IANA name; without one, the device's.
 * @param {Intl.DateTimeFormatOptions} options
 */
function formatted(instant, zone, options) {
  const key = JSON.stringify([zone, options]);
  let format = formats.get(key);
  if (!format) formats.set(key, format = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }));
  return format.format(new Date(instant));
}

/**
 * The time of day, such as 10:42.
 * @param {string | number | Date} instant
 * @param {string} [zone]
 */
export function clock(instant, zone) {
  return formatted(instant, zone, { hour: "numeric", minute: "2-digit" });
}

/**
 * The day, such as Tuesday, 30 December.
 * @param {string | number | Date} instant
 * @param {string} [zone]
 */
export function day(instant, zone) {
  return formatted(instant, zone, { weekday: "long", day: "numeric", month: "long" });
}

/**
 * What went wrong, for a person: by its code if there are words for it in their language.
 * @param {unknown} error
 */
export function explain(error) {
  const { code, message } = /** @type {{code?: string, message?: string}} */ (error ?? {});
  if (code && has(`errors.${code}`)) return t(`errors.${code}`);
  return code && message ? message : t("errors.unexpected");
}
