/** A clinic's day at a glance, as it goes. */

import { el, keep, one, set, write } from "../core/dom.js";
import { clock, day, t } from "../core/i18n.js";
import { Live } from "../core/live.js";
import { howLong } from "../core/waits.js";
import { doing, part, stateOf, sure, switching } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").QueueOfDayBody} Queue */
/** @typedef {import("../../types/wire.d.ts").StatusBody} Status */
/** @typedef {import("../../types/wire.d.ts").ServiceBody} Service */
/** @typedef {import("../../types/wire.d.ts").DeskBody} Desk */

const SOON_MS = 1000;
const EVERY_MS = 10_000;

/** @type {Live | null} */
let live = null;
/** @type {Day | null} */
let shown = null;

/** @param {import("./admin.js").Place} place */
export async function show(place) {
  const today = new Day(place);
  await today.read();
  place.root.append(...today.parts);
  if (place.signal.aborted) return;
  shown = today;
  place.signal.addEventListener("abort", () => today.leave());
  connect(place.client);
  today.join();
}

/** One connection for as long as the page is open. @param {import("../core/api.js").Client} client */
function connect(client) {
  if (live) return;
  live = new Live(client);
  live.on("queue:status_update", (status) => shown?.hear(status));
  live.onopen = () => shown?.comeBack();
  const connection = /** @type {import("../core/connection.js").Connection} */ (one("q-connection"));
  connection.tellOf(live, () => shown?.zone);
  live.start();
}

class Day {
  #place;
  /** @type {Service[]} */
  #services = [];
  /** @type {Map<string, Queue>} By service. */
  #queues = new Map();
  /** @type {Desk[]} */
  #desks = [];
  /** @type {Set<string>} */
  #joined = new Set();
  #soon = 0;
  #every;
  #list = el("ul", { class: "grid" });
  #seats = el("ul", { class: "rows" });
  #all = el("p", null);

  /** @param {import("./admin.js").Place} place */
  constructor(place) {
    this.#place = place;
    this.#every = setInterval(() => this.#again(), EVERY_MS);
  }

  get zone() {
    return this.#place.clinic.timezone;
  }

  get parts() {
    const { clinic } = this.#place;
    const { start, end } = clinic.openingHours;
    const hours = t("page.opening_hours", { from: start, to: end });
    return [
      el("p", { class: "quiet" }, `${day(Date.now(), this.zone)} · ${hours}`),
      this.#all,
      this.#list,
      part(t("admin.desks"), this.#seats),
    ];
  }

  leave() {
    clearInterval(this.#every);
    clearTimeout(this.#soon);
    if (shown === this) shown = null;
    for (const id of this.#joined) live?.ask("leave-queue", id).catch(() => {}); // It is left with the connection, then.
  }

  /** All anew; throws when nobody answers. */
  async read() {
    const { client, path } = this.#place;
    const [services, queues, desks] = await Promise.all(
      ["services", "queues", "desks"].map((what) => client.get(`${path}/${what}`)),
    );
    this.#services = services.filter((/** @type {Service} */ one) => one.isActive);
    this.#queues = new Map(queues.map((/** @type {Queue} */ one) => [one.serviceId, one]));
    this.#desks = desks.filter((/** @type {Desk} */ one) => one.isActive);
    this.#draw();
  }

  /** Hears of the queues that there are. */
  join() {
    if (live?.lostAt !== null) return;
    for (const { queueId } of this.#queues.values()) {
      if (this.#joined.has(queueId)) continue;
      this.#joined.add(queueId);
      live.ask("join-queue", queueId).catch(() => this.#joined.delete(queueId));
    }
  }

  /** The connection stands again: what happened meanwhile was not heard. */
  comeBack() {
    this.#joined.clear();
    this.#again();
  }

  /** @param {Status} status */
  hear(status) {
    const before = this.#queues.get(status.serviceId);
    if (before?.queueId !== status.queueId) return;
    this.#queues.set(status.serviceId, { ...before, ...status });
    this.#draw();
    // The wait and the desks come with none of the events.
    this.#soon ||= setTimeout(() => this.#again(), SOON_MS);
  }

  async #again() {
    clearTimeout(this.#soon);
    this.#soon = 0;
    try {
      await this.read();
      this.join();
    } catch (error) {
      // The banner says that nobody answers; what is seen stays until somebody does.
      if (!("code" in /** @type {object} */ (error))) throw error;
    }
  }

  #draw() {
    keep(
      this.#list,
      this.#services,
      (one) => one.id,
      (one) => this.#card(one),
      (node, one) => this.#update(node, one),
    );
    keep(this.#seats, this.#desks, (one) => one.id, makeSeat, (node, desk) => {
      write(one(".title", node), desk.name);
      write(one(".quiet", node), stateOf(desk));
    });
    if (!this.#desks.length) {
      const link = el("a", { href: `#${this.#place.clinic.id}/desks` }, t("admin.add_desk"));
      this.#seats.replaceChildren(el("li", null, t("admin.no_desk"), " ", link));
    }
    const unopened = this.#services.filter((one) => !this.#queues.has(one.id));
    const needsAll = unopened.length > 1;
    if (needsAll && !this.#all.firstChild) {
      this.#all.append(doing(t("admin.open_all"), () => this.#openAll(), { class: "main-action" }));
    } else if (!needsAll) this.#all.replaceChildren();
  }

  async #openAll() {
    for (const service of this.#services) {
      if (!this.#queues.has(service.id)) await this.#open(service.id);
    }
    await this.read();
    this.join();
    one("#heading").focus();
  }

  /** @param {string} serviceId */
  #open(serviceId) {
    return this.#place.client.call("POST", `/queues/init/${this.#place.clinic.id}`, { serviceId });
  }

  /** @param {Service} service */
  #card(service) {
    const { client } = this.#place;
    const queue = () => /** @type {Queue} */ (this.#queues.get(service.id));
    const then = (/** @type {() => Promise<unknown>} */ work) => async () => {
      await work();
      await this.read();
      this.join();
      one("h3", node).focus();
    };
    const open = doing(t("admin.open_queue"), then(() => this.#open(service.id)), { class: "open" });
    const pause = doing(
      "",
      then(() => client.call("PATCH", `/queues/${queue().queueId}/status`, { isActive: !queue().isActive })),
      { class: "pause" },
    );
    const close = doing(t("admin.close_queue"), async () => {
      const question = t("admin.close_queue_who", { name: service.name });
      if (!(await sure(question, t("admin.close_queue_what"), t("admin.close_queue")))) return;
      await then(() => client.call("POST", `/queues/${queue().queueId}/close`))();
    }, { class: "danger close" });
    const auto = switching(
      t("admin.autoOpenQueue"),
      service.autoOpenQueue,
      (autoOpenQueue) => client.call("PUT", `/services/${service.id}`, { autoOpenQueue }),
    );
    const node = el(
      "li",
      { class: "card stack queue" },
      el(
        "div",
        { class: "head" },
        el("span", { class: "label badge" }),
        el("h3", { class: "title", tabindex: -1 }),
      ),
      el("p", null, el("span", { class: "badge state" })),
      el("p", { class: "waiting" }, el("strong", { class: "number" }), el("span", { class: "quiet" })),
      el(
        "dl",
        { class: "facts" },
        ...["called", "next", "wait", "at"].map((key) =>
          el("div", null, el("dt", { class: "quiet" }, t(`admin.queue_${key}`)), el("dd", { class: key }))
        ),
      ),
      el("div", { class: "row" }, open, pause, close),
      auto,
    );
    return node;
  }

  /** @param {HTMLElement} node @param {Service} service */
  #update(node, service) {
    const queue = this.#queues.get(service.id);
    const say = (/** @type {string} */ part, /** @type {string} */ text) =>
      write(one(`.${part}`, node), text);
    say("label", service.prefix);
    one(".label", node).hidden = !service.prefix;
    say("title", service.name);
    const state = !queue ? "unopened" : queue.isClosed ? "closed" : queue.isActive ? "open" : "stopped";
    say("state", t(`admin.queue_${state}`));
    set(one(".state", node), "class", `badge state ${state === "open" ? "good" : "warn"}`);
    for (const part of [".waiting", ".facts"]) one(part, node).hidden = !queue || queue.isClosed;
    one(".open", node).hidden = Boolean(queue);
    one(".pause", node).hidden = one(".close", node).hidden = !queue || queue.isClosed;
    if (!queue) return;
    say("waiting strong", String(queue.waitingCount));
    say("waiting span", t("admin.queue_waiting", { count: queue.waitingCount }));
    const [call] = queue.calls;
    list(one(".called", node), call ? [label(call.label), call.desk?.name] : [], " · ");
    set(one(".called", node), "title", call ? clock(call.calledAt, this.zone) : null);
    list(one(".next", node), queue.next.slice(0, 3).map(label), ", ");
    say("wait", howLong(queue.wait?.ifJoinedNow));
    const seated = this.#desks.filter((desk) => desk.staff && desk.serviceIds.includes(service.id));
    say("at", seated.map((desk) => `${desk.name}: ${desk.staff?.firstName}`).join(", ") || t("admin.nobody"));
    say("pause", t(queue.isActive ? "admin.stop_queue" : "admin.resume_queue"));
  }
}

function makeSeat() {
  return el(
    "li",
    null,
    el("div", { class: "head" }, el("span", { class: "title" }), el("span", { class: "quiet" })),
  );
}

/** @param {string} text */
const label = (text) => el("span", { class: "label" }, text);

/**
 * What is written there, with something between; a dash when it is nothing.
 * @param {HTMLElement} node
 * @param {(HTMLElement | string | undefined)[]} items
 * @param {string} between
 */
function list(node, items, between) {
  const made = items.filter((one) => one !== undefined).flatMap((one, index) =>
    index ? [between, one] : [one]
  );
  const text = made.map((one) => typeof one === "string" ? one : one.textContent).join("");
  if (node.textContent !== (text || "–")) node.replaceChildren(...(text ? made : ["–"]));
}
