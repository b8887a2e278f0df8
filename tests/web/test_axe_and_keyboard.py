"""How pages are judged for those who see little, or use no mouse: what is wrong is found."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, names_of, tab_to, tab_walk
from tests.support.browser.pages import opening_pages
from tests.web.tiny_pages import ORIGIN, show

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
