/**
 * What was asked for and not answered yet: sent one after the other, each under one key, until
 * somebody answers. It outlives the page, so nothing is lost, and nothing is done twice.
 */

import { newKey, Refusal, Unreachable } from "../core/api.js";

/**
 * @typedef {object} Entry
 * @property {string} what The deed.
 * @property {string} on What it is done to: it takes one at a time.
 * @property {string} method
 * @property {string} path
 * @property {any} [body]
 * @property {string} [queueId]
 * @property {string} [label]
 * @property {string} [key]
 */

const STORE = "qure-outbox";

/** @param {unknown} error Whether it may be another answer soon. */
export const isPassing = (error) =>
  error instanceof Unreachable || (error instanceof Refusal && (error.status === 429 || error.status > 500));

export class Outbox {
  /** @type {Entry[]} */
  #entries = [];
  /** @type {Map<string, {resolve: (data: any) => void, reject: (error: unknown) => void}>} */
  #asked = new Map();
  #client;
  #user;
  #sending = false;
  /** Whether nobody has answered the one that is being sent. */
  unanswered = false;

  /** Hears what was answered. @type {(entry: Entry, data: any) => void} */
  ondone = () => {};
  /** Hears of refusals of what a page before this one had asked for. @type {(error: unknown) => void} */
  onrefused = () => {};
  onchange = () => {};

  /** @param {import("../core/api.js").Client} client @param {string} user Whose moves they are. */
  constructor(client, user) {
    this.#client = client;
    this.#user = user;
  }

  /** Goes on with what the page before this one left. */
  resume() {
    const kept = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
    if (kept?.user === this.#user) this.#entries = kept.entries;
    this.#send();
  }

  /** The first one that waits for an answer. */
  get first() {
    return this.#entries.at(0);
  }

  /** @param {string} on */
  isBusy(on) {
    return this.#entries.some((entry) => entry.on === on);
  }

  /**
   * Sends it after those before it; what it is answered. Throws `Refusal`.
   * @param {Entry} entry
   * @returns {Promise<any>}
   */
  add(entry) {
    const key = newKey();
    const answer = new Promise((resolve, reject) => this.#asked.set(key, { resolve, reject }));
    this.#entries.push({ ...entry, key });
    this.#changed();
    this.#send();
    return answer;
  }

  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    for (let entry; (entry = this.first);) {
      const { key = "", method, path, body } = entry;
      let data, refused;
      try {
        data = await this.#client.move(method, path, body, { key, onwait: () => this.#unanswered() });
      } catch (error) {
        // Not logged in any more: it is sent after the next login.
        if (error instanceof Refusal && error.status === 401) break;
        refused = error;
      }
      this.#entries.shift();
      this.unanswered = false;
      this.#changed();
      const asked = this.#asked.get(key);
      this.#asked.delete(key);
      if (!refused) {
        this.ondone(entry, data);
        asked?.resolve(data);
      } else if (asked) asked.reject(refused);
      else this.onrefused(refused);
    }
    this.#sending = false;
  }

  #unanswered() {
    this.unanswered = true;
    this.onchange();
  }

  #changed() {
    sessionStorage.setItem(STORE, JSON.stringify({ user: this.#user, entries: this.#entries }));
    this.onchange();
  }
}
