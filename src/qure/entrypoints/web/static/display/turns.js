/** Calls that come at one moment take turns: each is the big one for a while, and is said aloud. */

/**
 * @typedef {object} Shown A call, as the room sees it.
 * @property {string} id Of the token: the same when it is called again.
 * @property {string} key Of the call: another when it is called again.
 * @property {string} label
 * @property {string | null} desk
 * @property {string} service
 * @property {string} calledAt
 */

const TURN_MS = 5000;
const HIGHLIGHT_MS = 10000;
const SPEECH_MS = 20000;
const LATE_MS = 45000;

/** @param {number} ms */
const passed = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Turns {
  /** @type {Shown | null} The one whose turn it is, or was last. */
  hero = null;
  /** @type {{call: Shown, since: number}[]} */
  #waiting = [];
  /** @type {Map<string, number>} Highlighted until then. */
  #hot = new Map();
  #turning = false;
  #say;
  #changed;

  /**
   * @param {(call: Shown) => Promise<unknown>} say
   * @param {() => void} changed Called when there is something else to show.
   */
  constructor(say, changed) {
    this.#say = say;
    this.#changed = changed;
  }

  /** @param {string} id Whether that token is highlighted. */
  isHot(id) {
    return (this.#hot.get(id) ?? 0) > Date.now();
  }

  /** Whether anything is highlighted. */
  get busy() {
    return this.#turning || this.#hot.size > 0;
  }

  /** @param {readonly Shown[]} calls The oldest first. */
  add(calls) {
    for (const call of calls) {
      this.#hot.set(call.id, Infinity);
      this.#waiting.push({ call, since: Date.now() });
    }
    if (!this.#turning && this.#waiting.length) this.#turn();
  }

  /** @param {ReadonlySet<string>} ids What is not among them was taken back. */
  keepOnly(ids) {
    this.#waiting = this.#waiting.filter(({ call }) => ids.has(call.id));
    for (const id of this.#hot.keys()) if (!ids.has(id)) this.#hot.delete(id);
    if (this.hero && !ids.has(this.hero.id)) this.hero = null;
  }

  async #turn() {
    this.#turning = true;
    for (let next; (next = this.#waiting.shift());) {
      const { call, since } = next;
      this.#highlight(call.id);
      // What would be said too late to be of use is in the list alone.
      if (Date.now() - since > LATE_MS && this.#waiting.length) continue;
      this.hero = call;
      this.#changed();
      await Promise.all([passed(TURN_MS), Promise.race([this.#say(call), passed(SPEECH_MS)])]);
    }
    this.#turning = false;
  }

  /** @param {string} id */
  async #highlight(id) {
    this.#hot.set(id, Date.now() + HIGHLIGHT_MS);
    await passed(HIGHLIGHT_MS);
    if (!this.isHot(id)) this.#hot.delete(id);
    this.#changed();
  }
}
