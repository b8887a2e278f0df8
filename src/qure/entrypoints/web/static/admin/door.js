/** The door: whether strangers may take a number, and the code on the poster that lets them. */

import { el, one, write } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { doing, part, sure, switching } from "./parts.js";

/** @param {import("./admin.js").Place} place */
export async function show({ client, path, root, clinic, changed }) {
  const said = el("p", { role: "status" });
  const code = el("div", { class: "stack" });
  let isOpen = clinic.guestJoin;

  const draw = async () => {
    write(said, t(isOpen ? "admin.door_open" : "admin.door_shut"));
    code.hidden = !isOpen;
    if (!isOpen) return code.replaceChildren();
    /** @type {{url: string, qr: string}} */
    const { url, qr } = await client.get(`${path}/join-code`);
    const renew = doing(t("admin.renew_code"), async () => {
      if (!(await sure(t("admin.renew_code"), t("admin.renew_code_what"), t("admin.renew_code")))) return;
      await client.call("POST", `${path}/join-code`);
      await draw();
      one("a", code).focus();
    }, { class: "danger" });
    code.replaceChildren(
      part(
        t("admin.poster"),
        el("p", { class: "quiet" }, t("admin.poster_what")),
        el("img", { class: "qr", src: qr, alt: t("admin.qr", { address: url }) }),
        el("p", { class: "address", dir: "ltr" }, url),
        el(
          "div",
          { class: "row" },
          el("a", { class: "button main-action", href: `/poster#${clinic.id}` }, t("admin.to_poster")),
          renew,
        ),
      ),
    );
  };

  const box = switching(t("admin.guestJoin"), isOpen, async (guestJoin) => {
    const now = await client.call("PUT", path, { guestJoin });
    isOpen = now.guestJoin;
    changed(now);
    await draw();
  });
  await draw();
  root.append(
    el("p", { class: "quiet" }, t("admin.door_what")),
    el("div", { class: "card stack" }, box, said),
    code,
  );
}
