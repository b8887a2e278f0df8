"""``/t`` without a network, asleep, in the background, and in browsers that can do little."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Route, WebSocketRoute, expect

from tests.support.browser.accessibility import axe
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, data_of
from tests.web.patient_page import call_next, headline

AWAY = ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_TIMED_OUT", "WebSocket"]

KEPT = """async () => {
  const names = await caches.keys();
  const kept = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
  return [names, kept.flat().map(({ url }) => new URL(url).pathname)];
}"""

IN_THE_BACKGROUND = """() => {
  Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
}"""

LITTLE = """
for (const name of ["serviceWorker", "wakeLock", "locks", "clipboard", "userActivation"]) {
  Object.defineProperty(Navigator.prototype, name, { get: () => undefined });
}
delete Navigator.prototype.serviceWorker;
Navigator.prototype.vibrate = undefined;
delete window.Notification;
delete window.AudioContext;
"""

NOTHING_KEPT = """
Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("no"); } });
"""


async def actions_of(clinic: OpenClinic, token_id: str) -> list[str]:
    """What was done with the token, in order."""
    history = data_of(await clinic.staff[0].get(f"/tokens/{token_id}/history"))
    return [entry["action"] for entry in history]


async def kept_by_the_worker(page: Page) -> None:
    """Waits until the page would open without a network."""
    await page.wait_for_function("navigator.serviceWorker.ready.then(() => caches.match('/t'))")


async def test_a_lost_connection_is_said_greys_after_a_minute_and_ends_in_the_true_state(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    visitor, _ = await site.walk_ins(clinic, 2)
    page = await open_page(permit=AWAY)
    await page.clock.install()
    await page.goto(visitor["guest"]["url"])
    await expect(headline(page)).to_have_text("You are next")
    await page.context.set_offline(True)
    await page.clock.fast_forward("00:06")
    await expect(page.locator("q-connection")).to_contain_text("No connection since")
    await expect(page.locator("body")).not_to_have_class(re.compile("stale"))
    await axe(page)
    await page.clock.fast_forward("01:00")
    await expect(page.locator("body")).to_have_class(re.compile("stale"))
    await expect(page.locator("#as-of")).to_have_text(re.compile(r"^As of \d+:\d\d"))
    await expect(headline(page)).to_have_text("You are next")
    await axe(page)
    await call_next(clinic)
    await page.context.set_offline(False)
    await page.clock.resume()
    await expect(page.locator(".desk")).to_have_text("Room 1")
    await expect(page.locator("q-connection")).to_have_text("")
    await expect(page.locator("#as-of")).to_have_text("")


async def test_the_page_opens_in_aeroplane_mode_with_the_last_it_knew(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page(visitor["guest"]["url"], permit=AWAY)
    await expect(headline(page)).to_have_text("You are next")
    await kept_by_the_worker(page)
    await page.context.set_offline(True)
    await page.goto("/t")
    await expect(page.locator("#label")).to_have_text("1")
    await expect(headline(page)).to_have_text("You are next")
    await call_next(clinic)
    await page.context.set_offline(False)
    await expect(page.locator(".turn")).to_have_text("It is your turn")


async def test_the_worker_keeps_the_page_alone_and_nothing_of_versions_before(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page("/health")
    await page.evaluate(
        "caches.open('qure-of-before').then((old) => old.put('/t', new Response()))"
    )
    await page.goto(visitor["guest"]["url"])
    await kept_by_the_worker(page)
    await page.wait_for_function("caches.keys().then((names) => names.length === 1)")
    await page.reload()
    await expect(headline(page)).to_have_text("You are next")
    [name], paths = await page.evaluate(KEPT)
    digest = name.removeprefix("qure-")
    assert "/t" in paths
    assert [
        path for path in paths if path != "/t" and not path.startswith(f"/assets/{digest}/")
    ] == []


async def test_a_move_without_a_network_is_made_once_when_there_is_one_again(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page(visitor["guest"]["url"], permit=AWAY)
    await expect(headline(page)).to_have_text("You are next")
    await page.context.set_offline(True)
    button = page.get_by_role("button", name="Step out for a while")
    await button.click()
    await expect(page.locator("#sending")).to_have_text(re.compile("Not sent yet"))
    await button.click(force=True)
    await page.context.set_offline(False)
    await expect(headline(page)).to_have_text("You have stepped out")
    await expect(page.locator("#sending")).to_have_text("")
    assert await actions_of(clinic, visitor["token"]["id"]) == ["WALK_IN", "HOLD"]


@pytest.mark.parametrize(("button", "move", "action"), [("Step out", "hold", "HOLD")])
async def test_a_move_whose_answer_is_lost_is_not_made_twice(
    site: Site, admin: Person, open_page: PageOpener, button: str, move: str, action: str
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page(visitor["guest"]["url"], permit=AWAY)
    answered: list[int] = []

    async def lose_the_first(route: Route) -> None:
        answer = await route.fetch()
        answered.append(answer.status)
        if len(answered) == 1:
            await route.abort()
        else:
            await route.fulfill(response=answer)

    await page.route(f"**/{move}", lose_the_first)
    await page.get_by_role("button", name=button).click()
    await expect(page.locator("#sending")).to_have_text("")
    await expect(headline(page)).to_have_text("You have stepped out")
    assert answered == [200, 200]
    assert await actions_of(clinic, visitor["token"]["id"]) == ["WALK_IN", action]


async def test_where_no_socket_comes_through_the_call_is_still_heard_of(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page(permit=AWAY)

    async def refuse(socket: WebSocketRoute) -> None:
        await socket.close()

    await page.route_web_socket("**/ws", refuse)
    await page.clock.install()
    await page.goto(visitor["guest"]["url"])
    await expect(headline(page)).to_have_text("You are next")
    await call_next(clinic)
    await page.clock.fast_forward("00:25")
    await expect(page.locator(".turn")).to_have_text("It is your turn")


async def test_a_call_while_the_page_is_in_the_background_is_a_notification_if_they_agreed(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page(visitor["guest"]["url"])
    await page.context.grant_permissions(["notifications"], origin=site.url)
    switch = page.get_by_role("button", name="Tell me outside this page")
    await expect(switch).to_have_attribute("aria-pressed", "false")
    await switch.click()
    await expect(switch).to_have_accessible_name("Tell me outside this page On")
    await page.evaluate(IN_THE_BACKGROUND)
    await call_next(clinic)
    await expect(page.locator(".turn")).to_have_text("It is your turn")
    shown = await page.wait_for_function(
        """async () => {
          const worker = await navigator.serviceWorker.ready;
          const all = await worker.getNotifications();
          return all.length > 0 && all.map(({ title, body }) => [title, body]);
        }"""
    )
    assert await shown.json_value() == [["It is your turn", "1. Please go to Room 1"]]


async def test_sound_is_switched_on_by_a_tap_and_says_whether_it_is_on(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page(visitor["guest"]["url"])
    for said in ("On", "Off"):
        await page.locator("#sound").click()
        await expect(page.locator("#sound")).to_have_accessible_name(f"Tell me with sound {said}")


@pytest.mark.parametrize("missing", [LITTLE, NOTHING_KEPT], ids=["plain http", "nothing kept"])
async def test_the_page_works_in_a_browser_that_can_do_little(
    site: Site, admin: Person, open_page: PageOpener, missing: str
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page()
    await page.add_init_script(missing)
    await page.goto(visitor["guest"]["url"])
    await expect(headline(page)).to_have_text("You are next")
    await call_next(clinic)
    await expect(page.locator(".desk")).to_have_text("Room 1")


async def test_the_page_can_be_put_on_the_home_screen_in_its_language(site: Site) -> None:
    page = await site.http.get("/t", headers={"Accept-Language": "ar"})
    address = re.search(r'rel="manifest" href="([^"]+)"', page.text)
    assert address
    answer = await site.http.get(address[1])
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert (manifest["lang"], manifest["dir"], manifest["start_url"]) == ("ar", "rtl", "/t")
    assert (manifest["display"], manifest["scope"]) == ("standalone", "/t")
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        drawn = await site.http.get(icon["src"])
        assert drawn.headers["content-type"] == "image/svg+xml"
