/** `/join/<code>`: takes one number, however often it is tapped and whatever is lost on the way. */

import "../core/language.js";
import { ask, Client, guestClient, newKey, Refusal } from "../core/api.js";
import { DOOR, recall, remember, SECRET } from "../core/device.js";
import { given, one, write } from "../core/dom.js";
import { clock, explain, t } from "../core/i18n.js";

/** @typedef {{key: string, code: string, body: {serviceId: string, name?: string}}} Wish */

const WISH = "qure-join";
const OLD_MS = 60000;

/** @returns {Wish | null} */
const wished = () => recall(WISH, "sessionStorage");
/** @param {Wish | null} wish */
const keepWish = (wish) => remember(WISH, wish, "sessionStorage");

/** Nobody yet: the API lets strangers in here. */
class Stranger extends Client {
  /** @override @param {string} method @param {string} path @param {unknown} body @param {{key?: string}} options */
  call(method, path, body, { key = newKey() }) {
    return ask(method, path, body, { "Idempotency-Key": key });
  }
}
const stranger = new Stranger(() => Promise.resolve(null));

/** @type {{code: string, zone: string, queues: string[]} | null} */
const door = given();
if (door) start(door);

/** @param {{code: string, zone: string, queues: string[]}} door */
function start({ code, zone, queues }) {
  for (const time of document.querySelectorAll("time")) write(time, clock(time.dateTime, zone));
  freshen();
  const known = alreadyHere(queues);
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("#take"));
  if (!form) return;
  let taking = false;
  /** @param {Wish} wish */
  const take = async (wish) => {
    if (taking) return;
    taking = true;
    form.ariaBusy = "true";
    write(one(".problem", form), "");
    write(one("#taking"), t("page.loading"));
    keepWish(wish);
    try {
      const secret = await known ?? await taken(wish);
      remember(SECRET, secret);
      remember(DOOR, code);
      keepWish(null);
      location.replace(`/t#${secret}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      keepWish(null);
      taking = false;
      form.ariaBusy = null;
      write(one("#taking"), "");
      write(one(".problem", form), explain(error));
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const serviceId = /** @type {HTMLButtonElement | null} */ (event.submitter)?.value ||
      one("button[name=service]", form).getAttribute("value") || "";
    const name = /** @type {HTMLInputElement} */ (one("input[name=name]", form)).value.trim();
    take({ key: newKey(), code, body: { serviceId, ...(name ? { name } : {}) } });
  });
  // Tapped before, and then loaded anew, or closed by the phone: it goes on.
  const before = wished();
  if (before?.code === code) take(before);
}

/** The secret of the number. Throws `Refusal`. @param {Wish} wish */
async function taken({ key, code, body }) {
  const onwait = () => write(one("#taking"), t("join.trying"));
  return (await stranger.move("POST", `/join/${code}`, body, { key, onwait })).guest.secret;
}

/**
 * The secret that was opened here before, if its number still stands in one of these lines: then
 * the page is that one.
 * @param {string[]} queues
 */
async function alreadyHere(queues) {
  const secret = recall(SECRET);
  if (!secret) return null;
  let id = "";
  const client = guestClient(secret, (user) => id = user.id);
  try {
    if (!(await client.token())) return null;
    /** @type {import("../../types/wire.d.ts").TokenBody[]} */
    const tokens = await client.get(`/tokens/${id}/today`);
    if (!tokens.some(({ queueId, status }) => status !== "SKIPPED" && queues.includes(queueId))) return null;
    location.replace(`/t#${secret}`);
    return secret;
  } catch {
    return null; // Nobody answers: what is tapped then is tried until somebody does.
  }
}

/** A page that lay in a pocket shows the waits of then: anew, unless somebody is at it. */
function freshen() {
  const made = Date.now();
  document.addEventListener("visibilitychange", () => {
    const old = Date.now() - made > OLD_MS;
    if (document.visibilityState === "visible" && old && !wished()) location.reload();
  });
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}
