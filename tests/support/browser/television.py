"""A television in a waiting room: a page that staff have let in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, data_of

TELEVISION = {"width": 1920, "height": 1080}

# A clock that is turned by hand and a server within the page: with `page.clock` and real sockets a
# day takes minutes. After each timer all that was promised is done.
OWN_WORLD = """
const timers = new Map();
let [now, ids] = [Date.now(), 0];
Date.now = () => now;
const later = (every) => (work, ms = 0) => {
  timers.set(++ids, { at: now + ms, work, every: every ? ms : 0 });
  return ids;
};
[window.setTimeout, window.setInterval] = [later(false), later(true)];
window.clearTimeout = window.clearInterval = (id) => timers.delete(id);
async function pass(ms) {
  for (const end = now + ms;;) {
    let first = null;
    for (const [id, { at }] of timers) {
      if (at <= end && (first === null || at < timers.get(first).at)) first = id;
    }
    if (first === null) return now = end;
    const timer = timers.get(first);
    now = timer.at;
    if (timer.every) timer.at += timer.every;
    else timers.delete(first);
    timer.work();
    for (let turn = 0; turn < 20; turn++) await null;
  }
}
let socket = null;
window.WebSocket = class {
  constructor() { socket = this; queueMicrotask(() => this.onopen()); }
  send(text) {
    const { event, id } = JSON.parse(text);
    const answer = event === "auth" ? { event } : { ack: id, data: [{ ok: true, data: null }] };
    queueMicrotask(() => this.tell(answer));
  }
  tell(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
  close() {}
};
const [clinic, queue] = GIVEN;
window.queues = [queue];
const elsewhere = window.fetch;
window.fetch = async (path, options) => {
  if (!path.startsWith("/api/clinic/")) return elsewhere(path, options);
  const data = path.endsWith("/queues") ? structuredClone(queues) : clinic;
  return { ok: true, json: async () => ({ data }) };
};
window.play = async (from, to, seconds) => {
  for (let number = from; number < to; number++) {
    const tokenNumber = number % 999 + 1;
    const label = `B${String(tokenNumber).padStart(3, "0")}`;
    const desk = { id: "d", name: `Room ${number % 7}` };
    const calledAt = new Date(now).toISOString();
    const call = { label, tokenNumber, desk, calledAt, recallCount: 0 };
    queue.calls = [call, ...queue.calls].slice(0, 6);
    queue.next = [1, 2, 3, 4, 5].map((ahead) => `B${(tokenNumber + ahead) % 999}`);
    queue.waitingCount = number % 40;
    queue.version++;
    socket.tell({ event: "queue:status_update", data: [queue] });
    await pass(seconds * 1000);
  }
};
window.pass = pass;
"""

CALLED = "#call .label"
BEFORE = "#calls li"

AUDIBLE = """Object.defineProperty(AudioContext.prototype, "state", { get: () => "running" });
AudioContext.prototype.resume = async () => {};"""
"""A browser that makes sounds without a click, as kiosks do."""

# A device that has voices for three languages, and says nothing to its end until it is told to.
VOICES = """
window.said = [];
Object.defineProperty(AudioContext.prototype, "state", { get: () => "running" });
AudioContext.prototype.resume = async () => {};
AudioContext.prototype.createOscillator = new Proxy(AudioContext.prototype.createOscillator, {
  apply(target, self, args) { said.push("chime"); return Reflect.apply(target, self, args); },
});
const device = {
  getVoices: () => ["en-GB", "de-DE", "ar"].map((lang) => ({ lang })),
  speak: (utterance) => { said.push(`${utterance.lang}: ${utterance.text}`); now = utterance; },
  cancel: () => spoken(),
};
let now = null;
window.spoken = () => { const last = now; now = null; last.onend(); };
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
Object.defineProperty(window, "speechSynthesis", { value: device });
"""

SILENT = """AudioContext.prototype.resume = () => new Promise(() => {});
Object.defineProperty(AudioContext.prototype, "state", {
  configurable: true, get: () => "suspended" });"""
"""A browser that wants a click before it makes a sound."""


async def television(
    open_page: PageOpener,
    site: Site,
    clinic: OpenClinic,
    *,
    service_ids: list[str] | None = None,
    init: str = "",
    **context_options: Any,
) -> Page:
    """Shows that clinic's room; its timers go by ``page.clock`` too. ``init`` runs first."""
    page = await prepared(
        open_page, site, clinic, service_ids=service_ids, init=init, **context_options
    )
    await page.goto("/display")
    await expect(page.locator("#strip li").first).to_be_attached()
    return page


async def prepared(
    open_page: PageOpener,
    site: Site,
    clinic: OpenClinic,
    *,
    service_ids: list[str] | None = None,
    init: str = "",
    own_clock: bool = False,
    behind: timedelta = timedelta(),
    **context_options: Any,
) -> Page:
    """The same before it goes to its page: what it asks for can still be routed.

    Its clock is ``behind`` the server's. With a clock of its own (which ``init`` makes) it has no
    ``page.clock``.
    """
    [staff, *_] = clinic.staff
    display = await site.display(staff, clinic.id, serviceIds=service_ids)
    page = await open_page(**{"viewport": TELEVISION, **context_options})
    await page.context.add_cookies(
        [
            {
                "name": "qure_display",
                "value": display.refresh_token,
                "domain": urlsplit(site.url).hostname or "",
                "path": "/api/auth/refresh-token",
                "httpOnly": True,
                "sameSite": "Strict",
            }
        ]
    )
    kept = {"id": display.id, "clinicId": clinic.id, "serviceIds": service_ids, "name": "TV"}
    once = f"""if (!sessionStorage.begun) {{
      sessionStorage.begun = 1;
      localStorage.setItem("qure-display", {json.dumps(json.dumps(kept))});
    }}"""
    await page.add_init_script(f"{once}\n{init}")
    if not own_clock:
        await page.clock.install(time=datetime.now(UTC) - behind)
    return page


async def labelled_clinic(site: Site, admin: Person, prefix: str, *, desks: int = 1) -> OpenClinic:
    """A clinic with a service whose labels begin with these letters; desks serve it."""
    clinic = await site.open_clinic(admin, desks=desks, staff=desks)
    service = await site.add_service(admin, clinic.id, "Blood tests", prefix=prefix)
    clinic.services = [service]
    clinic.queues = [await site.queue(admin, clinic.id, service_id=service["id"])]
    for person, desk in zip(clinic.staff, clinic.desks, strict=True):
        data_of(await person.post(f"/desks/{desk['id']}/open"))
    return clinic


async def call(site: Site, clinic: OpenClinic, *, queue: int = 0, staff: int = 0) -> str:
    """Somebody comes and is called at once; the label."""
    await site.walk_ins(clinic, 1, queue=queue)
    path = f"/queues/{clinic.queues[queue]['id']}/call-next"
    return str(data_of(await clinic.staff[staff].post(path))["label"])


async def in_a_world_of_its_own(
    open_page: PageOpener, site: Site, clinic: OpenClinic, **context_options: Any
) -> Page:
    """A television with ``OWN_WORLD``: ``play(from, to, seconds)``, ``pass(ms)``, ``queues``."""
    [queue] = data_of(await clinic.staff[0].get(f"/clinic/{clinic.id}/queues"))
    init = OWN_WORLD.replace("GIVEN", json.dumps([clinic.clinic, queue]))
    page = await prepared(open_page, site, clinic, init=init, own_clock=True, **context_options)
    await page.goto("/display")
    await expect(page.locator("#strip li")).to_be_visible()
    return page
