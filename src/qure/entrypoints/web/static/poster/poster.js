/** A clinic's poster: whoever scans it takes a number. The fragment names the clinic. */

import "../core/language.js";
import { el, one, set, write } from "../core/dom.js";
import { explain, t } from "../core/i18n.js";
import { isStaff, loggedIn } from "../core/login.js";

const RIGHT_TO_LEFT = ["ar"];

const { client, user } = await loggedIn(isStaff);
addEventListener("hashchange", () => location.reload());
one("#print").addEventListener("click", () => print());

try {
  await show(location.hash.slice(1) || user.clinicId);
} catch (error) {
  write(one("#problem"), explain(error));
  if (!("code" in /** @type {object} */ (error))) throw error;
}
one("#waits").hidden = true;

/** @param {string | null} id */
async function show(id) {
  /** @type {import("../../types/wire.d.ts").ClinicBody} */
  const clinic = await client.get(`/clinic/${encodeURIComponent(id ?? "")}`);
  one("#shut").hidden = clinic.guestJoin;
  set(one("#shut a"), "href", `/admin#${clinic.id}/door`);
  if (!clinic.guestJoin) return;
  const { url, qr } = await client.get(`/clinic/${clinic.id}/join-code`);
  document.title = `${clinic.name} – ${t("poster.title")}`;
  write(one("#name"), clinic.name);
  one("#name").classList.toggle("long", clinic.name.length > 60);
  write(one("#address"), clinic.address ?? "");
  write(one("#url"), url.replace(/^https?:\/\//, ""));
  set(one("#qr"), "src", qr);
  set(one("#logo"), "src", clinic.logo);
  one("#logo").hidden = !clinic.logo;
  one("#lines").replaceChildren(...spoken(clinic.languages).map(line));
  one("#sheet").hidden = one("#tools").hidden = false;
}

/** A clinic that names no language speaks all of ours. @param {string[]} chosen */
function spoken(chosen) {
  const all = [
    .../** @type {NodeListOf<HTMLOptionElement>} */ (document.querySelectorAll("q-language option")),
  ];
  return chosen.length ? chosen : all.map((option) => option.value);
}

/** @param {string} code */
function line(code) {
  return el(
    "li",
    { lang: code, dir: RIGHT_TO_LEFT.includes(code) ? "rtl" : "ltr" },
    t(`poster_lines.${code}`),
  );
}
