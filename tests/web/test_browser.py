"""What every test of pages relies on: the browser, what it is watched for, and the service."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.support.browser.pages import PageOpener, opening_pages
from tests.support.browser.site import Site
from tests.support.http_service import PASSWORD, Person, data_of

POLICY = "default-src 'self'; require-trusted-types-for 'script'"
ORIGIN = "http://pages.example"


async def show(page: Page, body: str, *, script: str = "", policy: str = POLICY) -> None:
    """The page goes to one with this body and script."""

    async def answer(route: Route) -> None:
        if route.request.url.endswith(".js"):
            await route.fulfill(content_type="text/javascript", body=script)
        else:
            await route.fulfill(
                content_type="text/html",
                headers={"Content-Security-Policy": policy},
                body=f"<!doctype html><html lang=en><title>A page</title><link rel=icon href=/i>"
                f"<main>{body}</main><script src=/script.js></script>",
            )

    await page.route(f"{ORIGIN}/**", answer)
    await page.goto("/")


async def complaints(browser: Browser, script: str, body: str = "", *permit: str) -> str:
    """What the test of a page with this script fails with; nothing if it does not."""
    try:
        async with opening_pages(browser, ORIGIN) as open_page:
            await show(await open_page(permit=permit), body, script=script)
    except AssertionError as failure:
        return str(failure)
    return ""


async def test_a_page_that_nothing_is_wrong_with_passes(browser: Browser) -> None:
    assert await complaints(browser, "console.log('fine'); console.warn('fine')", "<p>Hello") == ""


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("throw new Error('oh no')", "uncaught in http://pages.example/: Error: oh no"),
        ("Promise.reject(new Error('oh no'))", "Error: oh no"),
        ("console.error('oh no')", "console error: oh no"),
        ("console.assert(false, 'oh no')", "console assert: oh no"),
        ("fetch('/gone').then(() => fetch('http://127.0.0.1:9/'))", "policy connect-src"),
        ("document.body.innerHTML = '<p>'", "policy require-trusted-types-for"),
        ("document.body.setAttribute('style', 'color: red')", "policy style-src-attr"),
        ("eval('1')", "policy require-trusted-types-for"),
    ],
)
async def test_a_page_fails_that_a_browser_complains_of(
    browser: Browser, script: str, complaint: str
) -> None:
    assert complaint in await complaints(browser, script)


@pytest.mark.parametrize(
    "script",
    [
        "fetch('http://elsewhere.example/picture.png', {mode: 'no-cors'}).catch(() => 0)",
        "fetch('http://127.0.0.1:9/picture.png', {mode: 'no-cors'}).catch(() => 0)",
        "new WebSocket('ws://elsewhere.example/ws')",
    ],
)
async def test_a_page_fails_that_asks_another_server(browser: Browser, script: str) -> None:
    with pytest.raises(AssertionError, match=r"asked another server: .*(elsewhere|127)"):
        async with opening_pages(browser, ORIGIN) as open_page:
            page = await open_page(permit=["console error: .*"])
            await show(page, "", script=script, policy="")


async def test_an_error_in_the_last_moment_fails_as_well(browser: Browser) -> None:
    with pytest.raises(AssertionError, match="oh no"):
        async with opening_pages(browser, ORIGIN) as open_page:
            page = await open_page()
            await page.clock.install()
            await page.clock.pause_at("2030-01-01")
            await show(page, "<button>Go", script="onclick = () => { throw new Error('oh no') }")
            await page.get_by_role("button").click()


async def test_what_a_test_permits_it_may_permit_before_and_after_and_nothing_else(
    browser: Browser,
) -> None:
    async with opening_pages(browser, ORIGIN) as open_page:
        page = await open_page(permit=["first"])
        await show(page, "", script="console.error('the first'); console.error('second')")
        open_page.permit(page, "sec.nd")
    assert "third" in await complaints(browser, "console.error('third')", "", "first", "second")


async def test_each_page_is_a_device_that_nobody_used_before(browser: Browser) -> None:
    async with opening_pages(browser, ORIGIN) as open_page:
        for _ in range(2):
            page = await open_page(locale="ar", viewport={"width": 320, "height": 640})
            await show(page, "<p id=seen>", script="seen.textContent = localStorage.length + '!'")
            await expect(page.locator("#seen")).to_have_text("0!")
            await page.evaluate("localStorage.setItem('seen', '1')")
            assert await page.evaluate("[navigator.language, innerWidth]") == ["ar", 320]


@pytest.mark.parametrize("letters", ["ae", "بح", "कख"])
async def test_the_browser_has_letters_to_write_english_arabic_and_hindi_with(
    browser: Browser, letters: str
) -> None:
    draw = """(letter) => {
      const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
      pen.font = "40px sans-serif";
      pen.fillText(letter, 50, 50);
      return canvas.toDataURL();
    }"""
    async with opening_pages(browser, ORIGIN) as open_page:
        page = await open_page()
        drawn = {await page.evaluate(draw, letter) for letter in (*letters, "\U0010fffd")}
    assert len(drawn) == 3, "what has no letter looks the same: see scripts/install-servers"


async def test_a_site_has_a_clinic_at_work_where_it_is_noon(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=3, desks=2, staff=2)
    assert len(clinic.queues) == len(clinic.services) == 3
    visitors = await site.walk_ins(clinic, 2, queue=1)
    assert [visitor["token"]["tokenNumber"] for visitor in visitors] == [1, 2]
    assert visitors[0]["guest"]["url"].startswith(f"{site.url}/t#")
    called = data_of(await clinic.staff[1].post(f"/desks/{clinic.desks[1]['id']}/call-next"))
    assert called["desk"]["name"] == "Room 2"
    display = await site.display(clinic.staff[0], clinic.id)
    statuses = data_of(await display.get(f"/clinic/{clinic.id}/queues"))
    assert [status["waitingCount"] for status in statuses] == [0, 1, 0]
    page = await open_page("/health")
    await expect(page.locator("body")).to_contain_text('"ok"')


async def test_a_crowd_of_devices_from_one_machine_meets_no_limit_of_an_address(
    site: Site, admin: Person
) -> None:
    for _ in range(40):
        data_of(await site.http.post("/api/displays"))


async def test_a_fresh_site_has_nobody_and_comes_back_where_it_was(
    fresh_site: Site, open_page: PageOpener
) -> None:
    page = await open_page("/health", base_url=fresh_site.url)
    admin = await fresh_site.admin()
    people = data_of(await admin.get("/users"))
    assert [person["email"] for person in people["users"]] == [admin.email]
    await fresh_site.restart()
    await page.reload()
    await fresh_site.kill()
    await fresh_site.start()
    await page.reload()
    assert (await fresh_site.log_in(admin.email, PASSWORD)).id == admin.id
