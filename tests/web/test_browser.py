"""What every test of pages relies on: the browser, what it is watched for, and the service."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, names_of, tab_to, tab_walk
from tests.support.browser.pages import PageOpener, opening_pages
from tests.support.browser.site import Site
from tests.support.browser.slow_phone import first_paint, slow_down
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


GOOD = "<h1>Waiting</h1><p>You are <a href=/>third</a>"


async def test_what_breaks_wcag_is_found_and_told_with_its_place(browser: Browser) -> None:
    async with opening_pages(browser, ORIGIN) as open_page:
        page = await open_page()
        await show(page, GOOD)
        await axe(page)
        await show(page, GOOD + "<button id=nameless></button>")
        with pytest.raises(AssertionError, match=r"button-name: .*\n  #nameless  <button"):
            await axe(page)


async def test_wcag_is_judged_where_the_clock_stands_still(browser: Browser) -> None:
    async with opening_pages(browser, ORIGIN) as open_page:
        page = await open_page()
        await page.clock.install()
        await page.clock.pause_at("2030-01-01")
        await show(page, GOOD)
        await axe(page)


async def test_every_look_is_judged_and_then_the_page_is_as_before(browser: Browser) -> None:
    style = """@media (min-resolution: 2x) { p { color: #ddd; width: 700px } }
      @media (max-width: 320px) { p { color: #ddd; width: 400px } }
      @media (prefers-color-scheme: dark) { p { color: #ddd } }
      @media (prefers-contrast: more) { p { color: #ddd } }
      @media (forced-colors: active) { p { forced-color-adjust: none; color: #ddd } }
      :dir(rtl) p { color: #ddd }"""
    async with opening_pages(browser, ORIGIN) as open_page:
        page = await open_page()
        await show(page, f"{GOOD}<style>{style}</style>", policy="style-src 'unsafe-inline'")
        await axe(page)
        with pytest.raises(AssertionError) as failure:
            await axe_everywhere(page, right_to_left=True)
        found = re.findall(r"^(\S.+): (color-contrast|\d+ px)", str(failure.value), re.MULTILINE)
        assert found == [
            ("at 200 % zoom", "color-contrast"),
            ("at 200 % zoom", "68 px"),
            ("320 px wide", "color-contrast"),
            ("320 px wide", "88 px"),
            ("320 px wide, right to left", "color-contrast"),
            ("320 px wide, right to left", "88 px"),
            ("right to left", "color-contrast"),
            ("dark", "color-contrast"),
            ("high contrast", "color-contrast"),
            ("forced colours", "color-contrast"),
        ]
        now = await page.evaluate("[innerWidth, innerHeight, devicePixelRatio, document.dir]")
        assert now == [1280, 720, 1, ""]
        await axe(page)
        await page.locator("style").evaluate("(style) => style.remove()")
        await axe_everywhere(page, right_to_left=True)


async def test_the_tab_key_leads_through_the_page_and_shows_where_it_is(browser: Browser) -> None:
    body = """<style>#bare:focus { outline: none } label:has(:focus) { outline: 1px solid }
      label input { position: absolute; opacity: 0; outline: none } .over { position: fixed;
      inset: auto 0 0; height: 90px; background: #fff } #under { position: fixed; bottom: 9px }
      </style><button>One</button><a href=/ id=bare>Two</a><button aria-label=Three></button>
      <label><input type=checkbox>Four</label><input id=nameless><button disabled>No</button>
      <button id=under>Five</button><div class=over></div>"""
    async with opening_pages(browser, ORIGIN) as open_page:
        page = await open_page()
        await show(page, body, policy="style-src 'unsafe-inline'")
        stops = await tab_walk(page)
        assert names_of(stops) == [
            "button 'One'",
            "link 'Two'",
            "button 'Three'",
            "checkbox 'Four'",
            "textbox ''",
            "button 'Five'",
        ]
        assert faults_of(stops) == [
            'link \'Two\' does not show its focus: <a href="/" id="bare"></a>',
            "textbox '' has no name: <input id=\"nameless\">",
            "button 'Five' is covered: <button id=\"under\"></button>",
        ]


async def test_the_tab_key_is_pressed_until_a_name_has_the_focus(browser: Browser) -> None:
    async with opening_pages(browser, ORIGIN) as open_page:
        page = await open_page()
        await show(page, "<a href=/>Next</a><button>Back</button><button autofocus>Next</button>")
        assert (await tab_to(page, "Next", role="button")).role == "button"
        assert await page.evaluate("document.activeElement.tagName") == "BUTTON"
        with pytest.raises(AssertionError, match=r"come to 'Gone' .*'Back'"):
            await tab_to(page, "Gone", most=5)


async def test_a_tab_key_that_comes_to_no_end_fails_the_walk(browser: Browser) -> None:
    script = """onkeydown = () => {
      const next = document.createElement("button");
      next.textContent = "More";
      document.activeElement.after(next);
    };"""
    async with opening_pages(browser, ORIGIN) as open_page:
        page = await open_page()
        await show(page, "<button>First</button>", script=script)
        with pytest.raises(AssertionError, match=r"no end .*'First'.*'More'"):
            await tab_walk(page, most=20)


async def test_a_slow_phone_is_slow_from_page_to_page(site: Site, open_page: PageOpener) -> None:
    page = await open_page("/health")
    assert await first_paint(page) < 560
    await slow_down(page)
    for _ in range(2):
        await page.goto("/health")
        assert await first_paint(page) > 560


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
