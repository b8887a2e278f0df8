"""What a page may do in the browser: nothing that did not come from here."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from qure.entrypoints.web.pages import PAGES
from qure.entrypoints.web.policy import page_policy
from qure.settings import Settings
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site

ADDRESSES = ["/", *PAGES]
POLICY = {
    "default-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "qure-worker",
    "img-src": "'self' data:",
}
HTML = {"Accept": "text/html"}

FOREIGN = "http://127.0.0.1:1/anything"
"""Nobody is there, and nobody must be asked."""


def rules(header: str) -> dict[str, str]:
    split = (rule.strip().partition(" ") for rule in header.split(";"))
    return {name: value for name, _, value in split}


@pytest.mark.parametrize("address", ADDRESSES)
async def test_every_page_says_what_it_may_do(site: Site, address: str) -> None:
    answer = await site.http.get(address, headers=HTML)
    assert answer.status_code == 200
    assert rules(answer.headers["content-security-policy"]) == POLICY
    assert answer.headers.get_list("content-security-policy") == [
        answer.headers["content-security-policy"]
    ]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert "Accept-Language" in answer.headers["vary"]


def test_pictures_may_come_from_where_the_settings_keep_them() -> None:
    here = rules(page_policy(Settings()))["img-src"]
    named = rules(page_policy(Settings(public_url="https://qure.example/x")))["img-src"]
    cloud = rules(page_policy(Settings(cloudinary_url="cloudinary://a:b@c")))["img-src"]
    assert here == "'self' data:"
    assert named == "'self' data: https://qure.example"
    assert cloud == "'self' data: https://res.cloudinary.com"


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        ("const s = document.createElement('script'); s.text = 'window.got = 1';"
         " document.head.append(s)", "require-trusted-types-for"),
        ("document.body.innerHTML = '<p>text</p>'", "require-trusted-types-for"),
        ("trustedTypes.createPolicy('mine', {})", "trusted-types"),
        ("document.body.setAttribute('style', 'color: red')", "style-src-attr"),
        ("document.head.append(Object.assign(document.createElement('style'),"
         " {textContent: 'p {color: red}'}))", "style-src-elem"),
        (f"new Image().src = '{FOREIGN}'", "img-src"),
        (f"fetch('{FOREIGN}').catch(() => {{}})", "connect-src"),
        ("document.head.append(Object.assign(document.createElement('base'), {href: '/x/'}))",
         "base-uri"),
    ],
)  # fmt: skip
async def test_the_browser_refuses_what_the_policy_does_not_allow(
    open_page: PageOpener, attempt: str, directive: str
) -> None:
    page = await open_page(
        "/", permit=["the policy", "Content Security", "Trusted", "violates", FOREIGN]
    )
    broken = await page.evaluate(
        """([attempt]) => new Promise((done) => {
          addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
          const run = document.querySelector("#attempt");
          try { ATTEMPT } catch {}
        })""".replace("ATTEMPT", attempt),
        [attempt],
    )
    assert broken == directive


async def test_no_other_page_can_put_a_page_into_a_frame(open_page: PageOpener, site: Site) -> None:
    page = await open_page("/", permit=["frame-ancestors", "chrome-error", "X-Frame-Options"])
    await page.evaluate(
        "document.body.append(Object.assign(document.createElement('iframe'), {src: '/desk'}))"
    )
    frame = page.frame_locator("iframe")
    await expect(page.locator("iframe")).to_be_attached()
    await expect(frame.locator("main")).to_have_count(0)
    assert [each.url for each in page.frames][1:] != [f"{site.url}/desk"]
