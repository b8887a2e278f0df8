/** What happens in the waiting room: reads it, hears of each change, and has it shown. */

import { Refusal } from "../core/api.js";
import { one, write } from "../core/dom.js";
import { explain } from "../core/i18n.js";
import { Live } from "../core/live.js";
import { isAudible, tryEnable } from "../core/sound.js";
import { carried, unheard } from "./calls.js";
import { Turns } from "./turns.js";
import { renewPage, shift, speak } from "./upkeep.js";
import { draw, drawTime } from "./view.js";
import { say } from "./voice.js";

/** @typedef {import("../../types/wire.d.ts").ClinicBody} Clinic */
/** @typedef {import("../../types/wire.d.ts").DisplayBody} Display */
/** @typedef {import("../../types/wire.d.ts").QueueOfDayBody} Queue */
/** @typedef {import("../../types/wire.d.ts").StatusBody} Status */
/** @typedef {import("./turns.js").Shown} Shown */

const READ_MS = 30000;
const STALE_MS = 60000;
/** A call that was missed is of use so long. */
const OF_USE_MS = 120000;
const PAGE_SECONDS = 10;
const SHIFT_SECONDS = 180;

export class Room {
  /** @type {Clinic | null} */
  clinic = null;
  /** @type {Map<string, Queue>} In the order of the services. */
  queues = new Map();
  turns = new Turns((call) => say(call, this.clinic?.languages ?? []), () => this.#draw());
  /** Since when nothing new is known; null while it is. @type {number | null} */
  staleSince = null;
  /** Grows while what does not fit takes turns. */
  page = 0;
  #client;
  #display;
  #live;
  /** @type {Set<string>} */
  #joined = new Set();
  /** When the connection was lost whose gap has not been read yet. @type {number | null} */
  #gap = null;
  #ticks = 0;

  /**
   * @param {import("../core/api.js").Client} client
   * @param {Display} display
   */
  constructor(client, display) {
    this.#client = client;
    this.#display = display;
    this.#live = new Live(client);
  }

  /** Shows the room until the display is ended. */
  async watch() {
    const live = this.#live;
    live.on("queue:status_update", (status) => this.#hear(status));
    live.onopen = () => {
      this.#joined.clear();
      this.#read();
      if (this.clinic) renewPage();
    };
    live.onchange = () => this.#gap = live.lostAt ?? this.#gap;
    /** @type {import("../core/connection.js").Connection} */ (one("q-connection"))
      .tellOf(live, () => this.clinic?.timezone);
    const timers = [setInterval(() => this.#read(), READ_MS), setInterval(() => this.#tick(), 1000)];
    tryEnable().then(() => this.#tick());
    await live.start();
    for (const timer of timers) clearInterval(timer);
  }

  /** @returns {Shown[]} The newest first. */
  get calls() {
    const calls = [...this.queues.values()].flatMap((queue) => queue.calls.map((call) => shown(queue, call)));
    return calls.sort((one, other) => other.calledAt.localeCompare(one.calledAt));
  }

  async #read() {
    if (this.#live.lostAt !== null) return;
    const path = `/clinic/${this.#display.clinicId}`;
    try {
      const answers = [this.#client.get(path), this.#client.get(`${path}/queues`)];
      const [clinic, queues] = await Promise.all(answers);
      this.#take(clinic, queues);
      await Promise.all(queues.map((/** @type {Queue} */ queue) => this.#join(queue.queueId)));
      write(one("#problem"), "");
    } catch (error) {
      // Without an answer the connection is lost as well, which is told where it stands.
      if (error instanceof Refusal && error.status !== 401) write(one("#problem"), explain(error));
    }
  }

  /**
   * @param {Clinic} clinic
   * @param {Queue[]} queues
   */
  #take(clinic, queues) {
    const first = this.clinic === null;
    this.clinic = clinic;
    speak(clinic.languages);
    const wanted = this.#display.serviceIds;
    const ours = queues.filter(({ serviceId }) => !wanted || wanted.includes(serviceId));
    const before = this.queues;
    this.queues = new Map(ours.map((queue) => [queue.queueId, before.get(queue.queueId) ?? none(queue)]));
    const news = ours.flatMap((queue) => this.#put(queue));
    const ofUse = first ? [] : news.filter((call) => this.#isOfUse(call));
    if (news.length && !ofUse.length) this.turns.hero = null;
    this.turns.add(ofUse);
    if (this.#live.lostAt === null) this.#gap = null;
    this.#draw();
  }

  /** @param {Status} status */
  #hear(status) {
    if (!this.queues.has(status.queueId)) return;
    this.turns.add(this.#put(status));
    this.#draw();
  }

  /**
   * @param {Status | Queue} status
   * @returns {Shown[]} What is called in it for the first time, the oldest first.
   */
  #put(status) {
    const before = /** @type {Queue} */ (this.queues.get(status.queueId));
    if (status.version < before.version) return [];
    const queue = { ...before, ...status, calls: carried(before.calls, status.calls) };
    this.queues.set(status.queueId, queue);
    return unheard(before.calls, status.calls).map((call) => shown(queue, call));
  }

  /** @param {string} queueId */
  async #join(queueId) {
    if (this.#joined.has(queueId) || !this.queues.has(queueId)) return;
    this.#joined.add(queueId);
    await this.#live.ask("join-queue", queueId).catch(() => this.#joined.delete(queueId));
  }

  /** Whether it should still be announced. @param {Shown} call */
  #isOfUse(call) {
    const now = Date.now();
    return now - (this.#gap ?? now) < OF_USE_MS || Math.abs(now - Date.parse(call.calledAt)) < OF_USE_MS;
  }

  #tick() {
    const seconds = ++this.#ticks;
    const [{ lostAt }, before, now] = [this.#live, this.staleSince, Date.now()];
    this.staleSince = lostAt !== null && now - lostAt >= STALE_MS ? lostAt : null;
    const isTurn = seconds % PAGE_SECONDS === 0 && !document.body.classList.contains("in-use");
    if (isTurn) this.page++;
    if (seconds % SHIFT_SECONDS === 0 && !this.turns.busy) shift(seconds / SHIFT_SECONDS);
    one("#sound").hidden = isAudible();
    drawTime(this);
    if (isTurn || this.staleSince !== before) this.#draw();
  }

  #draw() {
    this.turns.keepOnly(new Set(this.calls.map(({ id }) => id)));
    draw(this);
    drawTime(this);
  }
}

/** @param {Queue} queue Of which nothing is known yet. */
const none = (queue) => ({ ...queue, version: 0, calls: [] });

/**
 * @param {Queue} queue
 * @param {import("./calls.js").Call} call
 * @returns {Shown}
 */
function shown({ queueId, serviceName }, { label, tokenNumber, desk, calledAt, recallCount }) {
  const id = `${queueId}/${tokenNumber}`;
  const key = `${id}/${calledAt}/${recallCount}`;
  return { id, key, label, desk: desk?.name ?? null, service: serviceName, calledAt };
}
