/** From what is known of a visit to what is said of it: nothing else, and nothing remembered. */

import { clock, t } from "../core/i18n.js";
import { minutesUntil, reasons, when } from "../core/waits.js";

/** @typedef {import("./visit.js").Known} Known */
/**
 * `state` is the page's look, `moves` are what the patient may do, the main one first.
 * @typedef {{state: string, headline: string, when?: string, beHere?: string, detail?: string,
 *   notes: string[], moves: string[], ahead?: number | null}} Said
 */

const WORTH_TELLING = 10 * 60000;
const TOLD_FOR = 15 * 60000;

/**
 * @param {Known} known
 * @param {number} now
 * @returns {Said}
 */
export function said(known, now) {
  const { token } = known;
  if (!token) return plain("none", "none", "how");
  if (token.status === "WAITING") return token.onHold ? held(known) : waiting(known, now);
  if (token.status === "CALLED") return plain("called", token.recallCount ? "called_again" : "called");
  if (token.status === "IN_PROGRESS") return { ...plain("seen", "in_progress"), detail: token.desk?.name };
  if (token.status === "SKIPPED") return skipped(known, now);
  if (token.transferredTo || token.cancelReason === "TRANSFERRED") return plain("over", "moving_on");
  if (token.status === "COMPLETED") return plain("over", "completed", "completed_detail");
  if (token.cancelReason === "DAY_ENDED") return plain("over", "day_over", "day_over_detail");
  return token.cancelReason === "PATIENT" ? plain("over", "left") : plain("over", "cancelled", "ask_desk");
}

/**
 * @param {string} state
 * @param {string} headline
 * @param {string} [detail]
 * @returns {Said}
 */
export function plain(state, headline, detail) {
  return {
    state,
    headline: t(`patient.${headline}`),
    detail: detail && t(`patient.${detail}`),
    notes: [],
    moves: [],
  };
}

/** @param {Known} known @param {number} now @returns {Said} */
function waiting({ token, place, status, clinic, told }, now) {
  const { ahead, wait } = place ?? { ahead: null, wait: null };
  const zone = clinic?.timezone;
  const notes = reasons(wait);
  if (told?.moved && now - told.at < TOLD_FOR) {
    const way = told.moved > 0 ? "later" : "sooner";
    notes.unshift(t(`patient.moved_${way}`, { count: Math.abs(told.moved) }));
  }
  if (token?.transferredFrom && status) {
    notes.unshift(t("patient.transferred", { service: status.serviceName }));
  }
  return {
    state: "waiting",
    headline: ahead ? t("patient.ahead", { count: ahead }) : ahead === 0 ? t("wait.next") : "",
    when: comes(wait, zone),
    beHere: beHere(wait, zone, now),
    notes: [...notes, ...noticed(status?.notice, zone)],
    moves: ["hold", ...(token?.postponesLeft ? ["postpone"] : []), "leave"],
    ahead,
  };
}

/** @param {import("../core/waits.js").Wait | null} wait @param {string | undefined} zone */
function comes(wait, zone) {
  if (wait?.state === "next") return t("patient.any_moment");
  const said = when(wait, zone);
  return wait?.state === "estimated" ? t("patient.your_turn", { when: said }) : said;
}

/**
 * @param {import("../core/waits.js").Wait | null} wait
 * @param {string | undefined} zone
 * @param {number} now
 */
function beHere(wait, zone, now) {
  if (!wait?.leaveBy) return "";
  const soon = wait.state === "next" || minutesUntil(wait.leaveBy, now) < 1;
  return soon ? t("patient.stay_near") : t("patient.be_here", { at: clock(wait.leaveBy, zone) });
}

/** @param {Known} known @returns {Said} */
function held({ status, clinic }) {
  const said = plain("held", "held", "held_detail");
  return { ...said, notes: noticed(status?.notice, clinic?.timezone), moves: ["resume", "leave"] };
}

/** @param {Known} known @param {number} now @returns {Said} */
function skipped({ token, status, clinic }, now) {
  const said = plain("skipped", token?.skipReason === "NO_SHOW" ? "skipped_no_show" : "skipped", "ask_desk");
  const until = token?.rejoinUntil;
  if (!until || Date.parse(until) <= now || status?.isClosed) return said;
  return {
    ...said,
    detail: t("patient.skipped_until", { at: clock(until, clinic?.timezone) }),
    moves: ["rejoin"],
  };
}

/**
 * What staff tell everybody, in words.
 * @param {import("../../types/wire.d.ts").NoticeBody | null | undefined} notice
 * @param {string | undefined} zone
 */
function noticed(notice, zone) {
  if (!notice) return [];
  const { kind, minutes, until, text } = notice;
  const said = text ? [text] : [];
  if (kind === "DELAY" && minutes) said.unshift(t("patient.notice_delay", { count: minutes }));
  if (kind === "PAUSE") {
    said.unshift(
      until ? t("patient.notice_pause_until", { at: clock(until, zone) }) : t("patient.notice_pause"),
    );
  }
  return said;
}

/**
 * By how many minutes the call has moved since that was told last. Small steps add up; what a move
 * of the token itself changes is no surprise.
 * @param {Known["told"]} told
 * @param {import("./visit.js").Place} place
 * @param {import("./visit.js").Token} token
 * @param {number} now
 * @returns {Known["told"]}
 */
export function movedBy(told, { wait }, { version }, now) {
  if (!wait?.likely || wait.state !== "estimated") return told;
  const likely = Date.parse(wait.likely);
  if (told?.version !== version) return { version, likely, at: now, moved: 0 };
  if (Math.abs(likely - told.likely) < WORTH_TELLING) return told;
  return { version, likely, at: now, moved: Math.round((likely - told.likely) / 300000) * 5 };
}
