/** A wait in plain words. */

import { clock, has, t } from "./i18n.js";

/** @typedef {import("../../types/wire.d.ts").WaitBody} Wait */

/** From so many minutes on, nobody counts in minutes. */
const LONG = 120;

/**
 * When somebody will be called: "between 10:40 and 11:05", or why nobody knows.
 * @param {Wait | null | undefined} wait
 * @param {string} [zone]
 */
export function when(wait, zone) {
  if (!wait) return t("wait.not_yet");
  if (wait.state === "next") return t("wait.next");
  if (!wait.low || !wait.high) return unknown(wait);
  const [from, to] = [clock(wait.low, zone), clock(wait.high, zone)];
  return from === to ? t("wait.about", { at: from }) : t("wait.between", { from, to });
}

/**
 * How long from now, for whoever has no number yet: "20–35 minutes", "2–3 hours".
 * @param {Wait | null | undefined} wait
 * @param {number} [now]
 */
export function howLong(wait, now = Date.now()) {
  if (!wait) return t("wait.not_yet");
  if (wait.state === "next") return t("wait.no_wait");
  if (!wait.low || !wait.high) return unknown(wait);
  const [from, to] = [wait.low, wait.high].map((at) => minutesUntil(at, now));
  if (to === 0) return t("wait.no_wait");
  if (from >= LONG) return t("wait.hours", { from: Math.floor(from / 60), count: Math.floor(to / 60) + 1 });
  return from === to ? t("wait.minutes", { count: to }) : t("wait.range", { from, count: to });
}

/** @param {Wait} wait */
function unknown(wait) {
  return has(`wait.unknown_${wait.reason}`) ? t(`wait.unknown_${wait.reason}`) : t("wait.not_yet");
}

/**
 * Why it moves, one sentence each.
 * @param {Wait | null | undefined} wait
 */
export function reasons(wait) {
  return (wait?.reasons ?? []).filter((one) => has(`wait.reason_${one}`)).map((one) =>
    t(`wait.reason_${one}`)
  );
}

/**
 * Whole minutes, never below 0.
 * @param {string} instant
 * @param {number} [now]
 */
export function minutesUntil(instant, now = Date.now()) {
  return Math.max(0, Math.round((Date.parse(instant) - now) / 60000));
}
