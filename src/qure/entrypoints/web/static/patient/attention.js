/** What makes a call unmistakable: title, icon, vibration, sound, a notification. */

import { keepAwake } from "../core/awake.js";
import { recall, remember } from "../core/device.js";
import { one, set, write } from "../core/dom.js";
import { language, t } from "../core/i18n.js";
import { announce, enable, isAudible } from "../core/sound.js";
import { registered } from "../core/worker.js";

const RUNG = "qure-rung";
const PATTERN = [400, 200, 400, 200, 800];
const ICON = new URL("../icon-call.svg", import.meta.url).href;
const usual = /** @type {HTMLLinkElement} */ (one("link[rel=icon]")).href;

/** @type {(() => void) | null} The sound is wanted; lets the screen go off. */
let awake = null;
/** @type {ServiceWorkerRegistration | null} */
let worker = null;

/** @param {string} text @param {boolean} isCall */
export function entitle(text, isCall) {
  if (document.title !== text) document.title = text;
  set(one("link[rel=icon]"), "href", isCall ? ICON : usual);
}

/**
 * Rings once for each call, whoever tells of it how often.
 * @param {import("./visit.js").Token} token
 * @param {string} text
 */
export function ring({ id, lastCalledAt, recallCount }, text) {
  const call = `${id} ${lastCalledAt} ${recallCount}`;
  if (recall(RUNG) === call) return;
  remember(RUNG, call);
  // Without a touch on the page before, browsers refuse to vibrate, and complain.
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(PATTERN);
  if (awake) { for (let times = 0; times < 2; times++) announce([{ language, text }]); }
  if (document.visibilityState !== "visible" && notifies()) {
    /** @type {any} `vibrate` and `renotify` are not in every browser. */
    const options = { body: text, tag: "call", renotify: true, requireInteraction: true, lang: language };
    worker?.showNotification(t("patient.called"), { ...options, icon: ICON, vibrate: PATTERN });
  }
}

const notifies = () => worker !== null && Notification.permission === "granted" && recall("qure-notify");

/** Offers what this browser can do. */
export async function offer() {
  const [sound, notify] = [one("#sound"), one("#notify")];
  sound.hidden = !("AudioContext" in globalThis);
  one("#tell").hidden = false;
  const show = () => {
    state(sound, Boolean(awake) && isAudible());
    if (notify.hidden) return;
    state(notify, Boolean(notifies()), Notification.permission === "denied");
  };
  sound.addEventListener("click", async () => {
    if (awake) {
      awake();
      awake = null;
    } else if (await enable()) {
      awake = keepAwake();
      announce([]);
    }
    show();
  });
  // A phone that slept may have taken the sound away.
  document.addEventListener("visibilitychange", async () => {
    if (awake && document.visibilityState === "visible") await enable();
    show();
  });
  notify.addEventListener("click", async () => {
    const asked = await Notification.requestPermission();
    remember("qure-notify", asked === "granted" && !recall("qure-notify") ? true : null);
    show();
  });
  worker = await registered();
  notify.hidden = !worker || !("Notification" in globalThis);
  show();
}

/**
 * A switch says in words whether it is on.
 * @param {HTMLElement} button
 * @param {boolean} on
 * @param {boolean} [blocked]
 */
function state(button, on, blocked = false) {
  set(button, "aria-pressed", String(on));
  write(one(".state", button), t(`patient.${blocked ? "blocked" : on ? "on" : "off"}`));
}
