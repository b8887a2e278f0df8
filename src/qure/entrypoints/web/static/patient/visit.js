/**
 * What is known of a patient's visit, from the HTTP API and `/ws`: the newest always wins, and the
 * last of it is kept on the device.
 */

import { Unreachable } from "../core/api.js";
import { recall, remember, VISIT } from "../core/device.js";
import { Live } from "../core/live.js";
import { movedBy } from "./words.js";

/** @typedef {import("../../types/wire.d.ts").TokenBody} Token */
/** @typedef {import("../../types/wire.d.ts").PlaceBody} Place */
/** @typedef {import("../../types/wire.d.ts").StatusBody} Status */
/** @typedef {import("../../types/wire.d.ts").ClinicBody} Clinic */
/** @typedef {import("../../types/wire.d.ts").HistoryEntryBody} Entry */
/**
 * `at`: until when it is known to be so. `told`: the call that was likely when it last moved.
 * @typedef {{who: string, token: Token | null, tokens: Token[], place: Place | null,
 *   status: Status | null, clinic: Clinic | null, at: number,
 *   told: {version: number, likely: number, at: number, moved: number} | null}} Known
 */

const ACTIVE = ["WAITING", "CALLED", "IN_PROGRESS"];
const EVENTS = ["called", "started", "skipped", "completed", "changed"];
const DAY_MS = 24 * 3600 * 1000;

/** @param {Token | null} token */
export const isActive = (token) => token !== null && ACTIVE.includes(token.status);

/** @param {Token} token Whether it goes on, or may. */
export const isOpen = (token) => isActive(token) || token.status === "SKIPPED";

export class Visit {
  #client;
  #joined = "";
  /** @type {Known} */
  known;
  /** Called when anything is other than before. */
  onchange = () => {};
  /** Called once, when the link or the login is over. */
  onended = () => {};
  /** The user's id; the server says it with the access JWT. */
  id = "";

  /**
   * @param {import("../core/api.js").Client} client
   * @param {string} who A name for whose visit it is, as the device remembers only theirs.
   */
  constructor(client, who) {
    this.#client = client;
    this.live = new Live(client);
    const nothing = {
      who,
      token: null,
      tokens: [],
      place: null,
      status: null,
      clinic: null,
      at: 0,
      told: null,
    };
    const before = recall(VISIT);
    const lately = before?.who === who && Date.now() - before.at < DAY_MS;
    this.known = lately ? { ...nothing, ...before } : nothing;
  }

  start() {
    const { live } = this;
    for (const name of EVENTS) live.on(`queue:your_token_${name}`, (token) => this.#hear(token));
    live.on("queue:your_place", (place) => this.#hearPlace(place));
    live.on("queue:status_update", (status) => this.#hearStatus(status));
    live.onopen = () => {
      this.#joined = "";
      this.read();
    };
    document.addEventListener(
      "visibilitychange",
      () => document.visibilityState === "visible" && this.read(),
    );
    this.read();
    return live.start();
  }

  /** Until when it is known to be so: now, while the connection stands. */
  get at() {
    return this.live.lostAt === null ? Date.now() : this.known.at;
  }

  /** Everything anew. Without a network what was known stays. */
  async read() {
    try {
      // Staff who are logged in here have no number to show.
      if (!(await this.#client.token()) || !this.id) return this.onended();
      const tokens = await this.#client.get(`/tokens/${this.id}/today`);
      await this.#choose(tokens);
      await this.#readAround();
      this.#keep();
    } catch (error) {
      if (!(error instanceof Unreachable) && /** @type {any} */ (error).status !== 503) throw error;
    }
  }

  /** Another one of the patient's numbers. @param {Token} token */
  async show(token) {
    this.#turnTo(token);
    await this.#readAround();
  }

  /**
   * A move of the patient's own: neither lost nor made twice.
   * @param {string} name
   * @param {object} [body]
   * @param {() => void} [onwait] Nobody answers; it is tried again.
   */
  async move(name, body, onwait) {
    const path = `/tokens/${this.known.token?.id}/${name}`;
    this.#hear(await this.#client.move("POST", path, body, { onwait }));
  }

  /** @param {Token[]} tokens Those that are active, and skipped ones. */
  async #choose(tokens) {
    const { token } = this.known;
    this.known.tokens = tokens.filter(isActive);
    const next = tokens.find(({ id }) => id === token?.id) ??
      tokens.find(({ transferredFrom }) => transferredFrom === token?.id);
    const [active] = this.known.tokens;
    if (next && (isActive(next) || !active)) this.#turnTo(next);
    else if (active) this.#turnTo(active);
    else if (token && isOpen(token)) this.#turnTo(await this.#fate(token));
    else if (!token && tokens.length) this.#turnTo(tokens[tokens.length - 1]);
  }

  /**
   * What became of a token that is over.
   * @param {Token} token
   * @returns {Promise<Token>}
   */
  async #fate(token) {
    /** @type {Entry[]} */
    const history = await this.#client.get(`/tokens/${token.id}/history`);
    const { to, reason, by } = /** @type {Entry} */ (history.at(-1));
    const known = { ...token, status: to ?? token.status, version: token.version + 1, onHold: false };
    const said = reason === "DAY_ENDED" || reason === "TRANSFERRED";
    return { ...known, cancelReason: said ? reason : by?.role === "PATIENT" ? "PATIENT" : "STAFF" };
  }

  /** Its place, its queue and its clinic. */
  async #readAround() {
    const { token, clinic } = this.known;
    if (!token) return;
    const [place, status] = await Promise.all([
      this.#client.get(`/tokens/${token.id}/place`),
      this.#client.get(`/queues/${token.queueId}/status`),
      this.#join(token.queueId),
    ]);
    if (clinic?.id !== status.clinicId) {
      this.known.clinic = await this.#client.get(`/clinic/${status.clinicId}`);
    }
    this.#hearPlace(place);
    this.#hearStatus(status);
  }

  /** @param {string} queueId */
  async #join(queueId) {
    if (this.live.lostAt !== null || this.#joined === queueId) return;
    const left = this.#joined;
    this.#joined = queueId;
    // A connection that ends meanwhile comes again, and joins anew.
    await this.live.ask("join-queue", queueId).catch(() => this.#joined = "");
    if (left) await this.live.ask("leave-queue", left).catch(() => {});
  }

  /** @param {Token} token */
  #turnTo(token) {
    const { token: before } = this.known;
    if (before?.id === token.id && before.version > token.version) return;
    if (before?.id !== token.id) this.known.place = this.known.told = null;
    if (before?.queueId !== token.queueId) this.known.status = null;
    this.known.token = token;
  }

  /** @param {Token} token */
  #hear(token) {
    const { token: shown, tokens } = this.known;
    if (token.id === shown?.id) this.#turnTo(token);
    this.known.tokens = tokens.map((one) => one.id === token.id ? token : one).filter(isActive);
    // Another one: it is new, or what is shown is over.
    if (token.id !== shown?.id) this.read();
    this.#keep();
  }

  /** @param {Place} place */
  #hearPlace(place) {
    const { place: before, token } = this.known;
    if (place.tokenId !== token?.id) return;
    if (before && order(place) < order(before)) return;
    this.known.place = place;
    this.known.told = movedBy(this.known.told, place, token, Date.now());
    this.#keep();
  }

  /** @param {Status} status */
  #hearStatus(status) {
    const { status: before, token } = this.known;
    if (status.queueId !== token?.queueId || (before && status.version < before.version)) return;
    this.known.status = status;
    this.#keep();
  }

  #keep() {
    this.known.at = Date.now();
    remember(VISIT, this.known);
    this.onchange();
  }
}

/** Places by age: those of one version by when they were forecast. @param {Place} place */
const order = ({ version, wait }) => version + Date.parse(wait?.asOf ?? new Date(0).toISOString()) / 1e14;
