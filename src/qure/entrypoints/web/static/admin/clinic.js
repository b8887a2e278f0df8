/** All that can be set about a clinic. */

import { pause, Refusal } from "../core/api.js";
import { el, one } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { birthBody, birthFields } from "./clinic_fields.js";
import { doing, field, form, number, part, sure } from "./parts.js";

/** @typedef {import("../../types/wire.d.ts").ClinicBody} Clinic */

/** @param {import("./admin.js").Place} place */
export function show(place) {
  const { clinic, root } = place;
  const about = [
    field(t("admin.phone"), {
      name: "phone",
      type: "tel",
      dir: "ltr",
      value: clinic.phone,
      maxlength: 10,
    }, { hint: t("admin.phone_hint") }),
    field(t("page.email"), { name: "email", type: "email", dir: "ltr", value: clinic.email }),
    field(t("admin.website"), { name: "website", type: "url", dir: "ltr", value: clinic.website }, {
      hint: "https://…",
    }),
    field(t("admin.description"), { name: "description", rows: 4, maxlength: 5000 }, {
      input: el("textarea", null, clinic.description),
    }),
  ];
  root.append(
    part(
      t("admin.about"),
      saving(place, [...birthFields(clinic), ...about], (given, sent) => ({
        ...birthBody(given, sent),
        phone: given.phone || null,
        email: given.email || null,
        website: given.website || null,
        description: given.description || null,
      })),
    ),
    part(t("admin.rules"), saving(place, rules(clinic), ruleBody)),
    part(t("admin.pictures"), pictures(place)),
    retirement(place),
  );
}

/**
 * @param {import("./admin.js").Place} place
 * @param {HTMLElement[]} fields
 * @param {(given: Record<string, string>, form: HTMLFormElement) => Record<string, unknown>} body
 */
function saving({ client, path, changed }, fields, body) {
  return form(fields, {
    action: t("page.save"),
    main: true,
    places: { clinic_exists: "name" },
    send: async (given, sent) => changed(await client.call("PUT", path, body(given, sent))),
  });
}

/** @param {Clinic} clinic */
function rules(clinic) {
  const whole = (/** @type {string} */ name, /** @type {number | null} */ value) =>
    field(t(`admin.${name}`), { name, inputmode: "numeric", dir: "ltr", value }, {
      hint: t(`admin.${name}_hint`),
    });
  return [
    whole("noShowMinutes", clinic.noShowMinutes),
    whole("rejoinMinutes", clinic.rejoinMinutes),
    whole("maxRejoins", clinic.maxRejoins),
    whole("rejoinAfter", clinic.rejoinAfter),
    field(t("admin.refuseBelow"), {
      name: "refuseBelow",
      inputmode: "numeric",
      dir: "ltr",
      value: Math.round(clinic.refuseBelow * 100),
    }, { hint: t("admin.refuseBelow_hint") }),
  ];
}

/** @param {Record<string, string>} given */
function ruleBody({ noShowMinutes, rejoinMinutes, maxRejoins, rejoinAfter, refuseBelow }) {
  const percent = number(refuseBelow);
  return {
    noShowMinutes: number(noShowMinutes),
    rejoinMinutes: number(rejoinMinutes),
    maxRejoins: number(maxRejoins),
    rejoinAfter: number(rejoinAfter),
    refuseBelow: typeof percent === "number" ? percent / 100 : percent,
  };
}

/** @param {import("./admin.js").Place} place */
function pictures({ client, path, clinic, changed, signal }) {
  const shown = el("div", { class: "row pictures" });
  let now = clinic;

  const taking = (/** @type {string} */ text, /** @type {Record<string, unknown>} */ body) =>
    doing(text, async () => {
      if (!(await sure(text, t("admin.for_good"), text))) return;
      draw(await client.call("PUT", path, body));
      one("input", sending).focus();
    }, { class: "danger" });
  const without = el(
    "div",
    { class: "row" },
    taking(t("admin.no_logo"), { logo: null }),
    taking(t("admin.no_images"), { images: [] }),
  );

  const draw = (/** @type {Clinic} */ is) => {
    now = is;
    changed(is);
    const logo = is.logo ? [el("img", { src: is.logo, alt: t("admin.logo") })] : [];
    const images = is.images.map((src, index) =>
      el("img", { src, alt: t("admin.picture", { number: index + 1 }) })
    );
    shown.replaceChildren(...logo, ...images);
    shown.hidden = !logo.length && !images.length;
    const [noLogo, noImages] = without.children;
    /** @type {HTMLElement} */ (noLogo).hidden = !logo.length;
    /** @type {HTMLElement} */ (noImages).hidden = !images.length;
  };

  /** Pictures are accepted at once, and there when they have been worked on. */
  const lookAgain = async () => {
    const before = JSON.stringify([now.logo, now.images]);
    for (let tries = 0; tries < 20 && !signal.aborted; tries++) {
      await pause(1000);
      const is = await client.get(path);
      if (JSON.stringify([is.logo, is.images]) !== before) return signal.aborted || draw(is);
    }
  };

  const files = (/** @type {string} */ name, /** @type {boolean} */ multiple) =>
    field(t(`admin.${name}`), { name, type: "file", multiple, accept: "image/*" }, {
      hint: t(`admin.${name}_hint`),
    });
  const sending = form([files("logo", false), files("images", true)], {
    action: t("admin.send_pictures"),
    send: async (_, sent) => {
      const given = new FormData(sent);
      for (const name of ["logo", "images"]) {
        const chosen = given.getAll(name).filter((one) => one instanceof File && one.size > 0);
        given.delete(name);
        for (const one of chosen) given.append(name, one);
      }
      if (![...given].length) return t("admin.no_picture");
      await client.call("PUT", path, given).catch(atItsField);
      sent.reset();
      lookAgain().catch(() => {}); // Whoever looks at the clinic next sees them.
      return t("admin.pictures_sent");
    },
  });
  draw(clinic);
  return el("div", { class: "stack" }, shown, sending, without);
}

/** A refusal names the picture, the form has one field for all. @param {unknown} error */
function atItsField(error) {
  if (error instanceof Refusal) {
    error.errors = error.errors.map(({ path, message }) => ({ path: path.split(".")[0], message }));
  }
  throw error;
}

/** @param {import("./admin.js").Place} place */
function retirement(place) {
  const { client, path, changed } = place;
  const title = el("p", { role: "status" });
  const row = el("div", { class: "row" });
  const draw = (/** @type {Clinic} */ clinic) => {
    title.textContent = t(clinic.isActive ? "admin.clinic_active" : "admin.clinic_retired");
    const text = t(clinic.isActive ? "admin.retire_clinic" : "admin.revive_clinic");
    row.replaceChildren(doing(text, async () => {
      if (clinic.isActive && !(await sure(text, t("admin.retire_clinic_what"), text))) return;
      const now = await client.call("PUT", path, { isActive: !clinic.isActive });
      changed(now);
      draw(now);
      one("button", row).focus();
    }, { class: clinic.isActive ? "danger" : null }));
  };
  draw(place.clinic);
  return part(t("admin.retirement"), title, row);
}
