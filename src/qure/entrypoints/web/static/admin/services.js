/** What patients stand in line for: services, in the order in which they are shown. */

import { el, keep, one, set, write } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { check, doing, field, form, number, part, sure, unfolding } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").ServiceBody} Service */

const PLACES = { service_exists: "name", prefix_taken: "prefix" };

/** @param {import("./admin.js").Place} place */
export async function show({ client, path, root }) {
  const list = el("ol", { class: "rows" });
  const said = el("p", { class: "hidden", role: "status" });
  /** @type {Service[]} */
  let services = [];

  const read = async () => {
    /** @type {Service[]} */
    const all = await client.get(`${path}/services`);
    services = [...all.filter((one) => one.isActive), ...all.filter((one) => !one.isActive)];
    keep(list, services, (one) => one.id, make, update);
  };

  /** @param {Service} service @param {Record<string, unknown>} body */
  const put = async (service, body) => {
    await client.call("PUT", `/services/${service.id}`, body);
    await read();
  };

  /** @param {Service} service @param {number} by @param {HTMLElement} button */
  const move = async (service, by, button) => {
    const order = services.filter((one) => one.isActive);
    const from = order.findIndex((one) => one.id === service.id);
    const to = from + by;
    if (!order[to]) return;
    order.splice(to, 0, ...order.splice(from, 1));
    for (const [position, one] of order.entries()) {
      if (one.position !== position) await client.call("PUT", `/services/${one.id}`, { position });
    }
    await read();
    button.focus();
    write(said, t("admin.moved", { name: service.name, place: to + 1 }));
  };

  /** @param {Service} service */
  const make = (service) => {
    const up = doing("↑", () => move(service, -1, up), { class: "up" });
    const down = doing("↓", () => move(service, 1, down), { class: "down" });
    const retire = doing("", async () => {
      const now = /** @type {Service} */ (services.find((one) => one.id === service.id));
      const text = t("admin.retire");
      if (
        now.isActive &&
        !(await sure(t("admin.retire_service", { name: now.name }), t("admin.retire_service_what"), text))
      ) return;
      await put(service, { isActive: !now.isActive });
      retire.focus();
    }, { class: "retire" });
    return el(
      "li",
      null,
      el(
        "div",
        { class: "head" },
        el("span", { class: "label badge" }),
        el("span", { class: "title" }),
        el("span", { class: "quiet state" }),
        el("span", { class: "row moves" }, up, down),
      ),
      unfolding(
        t("admin.change"),
        form(fields(service), {
          action: t("page.save"),
          places: PLACES,
          send: (given, sent) => put(service, body(given, sent)),
        }),
        el("div", { class: "row" }, retire),
      ),
    );
  };

  /** @param {HTMLElement} node @param {Service} service */
  const update = (node, service) => {
    const active = services.filter((one) => one.isActive);
    write(one(".label", node), service.prefix);
    one(".label", node).hidden = !service.prefix;
    write(one(".title", node), service.name);
    write(
      one(".state", node),
      service.isActive ? t("admin.minutes_each", { count: service.expectedMinutes }) : t("admin.retired"),
    );
    one(".moves", node).hidden = !service.isActive;
    for (const [name, end] of /** @type {const} */ ([["up", 0], ["down", active.length - 1]])) {
      const button = one(`.${name}`, node);
      set(button, "aria-label", t(`admin.move_${name}`, { name: service.name }));
      set(button, "aria-disabled", active[end]?.id === service.id ? "true" : null);
    }
    const retire = one(".retire", node);
    write(retire, t(service.isActive ? "admin.retire" : "admin.revive"));
    retire.hidden = service.isDefault;
  };

  await read();
  const adding = form(fields(), {
    action: t("admin.add_service"),
    empties: true,
    places: PLACES,
    send: async (given, sent) => {
      const service = await client.call("POST", `${path}/services`, body(given, sent));
      await read();
      return t("admin.added", { name: service.name });
    },
  });
  root.append(
    el("p", { class: "quiet" }, t("admin.services_what")),
    list,
    said,
    part(t("admin.add_service"), adding),
  );
}

/** @param {Partial<Service>} [service] */
function fields(service = {}) {
  const isNew = !service.id;
  return [
    field(t("admin.name"), { name: "name", value: service.name, maxlength: 60 }, {
      hint: isNew ? t("admin.service_name_hint") : null,
    }),
    el(
      "div",
      { class: "pair" },
      field(t("admin.prefix"), {
        name: "prefix",
        value: service.prefix,
        maxlength: 3,
        dir: "ltr",
        class: "prefix",
      }, {
        hint: t(isNew ? "admin.prefix_hint_new" : "admin.prefix_hint"),
      }),
      field(t("admin.expectedMinutes"), {
        name: "expectedMinutes",
        inputmode: "numeric",
        dir: "ltr",
        value: service.expectedMinutes ?? 10,
      }, { hint: t("admin.expectedMinutes_hint") }),
    ),
    !isNew && field(t("admin.maxQueueSize"), {
      name: "maxQueueSize",
      inputmode: "numeric",
      dir: "ltr",
      value: service.maxQueueSize,
    }),
    check(t("admin.autoOpenQueue"), { name: "autoOpenQueue", checked: service.autoOpenQueue ?? true }),
  ];
}

/** @param {Record<string, string>} given @param {HTMLFormElement} form */
function body(given, form) {
  const size = given.maxQueueSize === undefined ? {} : { maxQueueSize: number(given.maxQueueSize) };
  const isNew = !("maxQueueSize" in size);
  return {
    name: given.name,
    prefix: isNew && !given.prefix ? null : given.prefix.toUpperCase(),
    expectedMinutes: number(given.expectedMinutes),
    autoOpenQueue: /** @type {HTMLInputElement} */ (one("[name=autoOpenQueue]", form)).checked,
    ...size,
  };
}
