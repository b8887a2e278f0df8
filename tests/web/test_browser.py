"""What every test of pages relies on: the browser, and what it is watched for."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser.chromium import find_browser
from tests.support.browser.pages import opening_pages
from tests.support.servers.process import ServerError
from tests.web.tiny_pages import ORIGIN, show


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
    late = """const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        for (let turn = 0; turn < 3e8; turn++);
        throw new Error("oh no");
      };
      onclick = () => port2.postMessage(0);"""
    with pytest.raises(AssertionError, match="oh no"):
        async with opening_pages(browser, ORIGIN) as open_page:
            page = await open_page()
            await page.clock.install()
            await page.clock.pause_at("2030-01-01")
            await show(page, "<button>Go", script=late)
            await page.evaluate("document.querySelector('button').click()")


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


def test_the_browser_is_the_one_that_is_named_or_else_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QURE_TEST_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match=r"^chromium is missing: `scripts/install-servers`"):
        find_browser()
    for name in ("google-chrome", "chromium", "another one"):
        (tmp_path / name).touch(mode=0o755)
    assert find_browser() == str(tmp_path / "chromium")
    (tmp_path / "chromium").unlink()
    assert find_browser() == str(tmp_path / "google-chrome")
    monkeypatch.setenv("QURE_TEST_CHROMIUM", str(tmp_path / "another one"))
    assert find_browser() == str(tmp_path / "another one")
    monkeypatch.setenv("QURE_TEST_CHROMIUM", "/nowhere")
    with pytest.raises(ServerError, match=r"^/nowhere is missing: "):
        find_browser()


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
