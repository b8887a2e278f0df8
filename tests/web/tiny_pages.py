"""Pages that no service serves, to see what tests of pages notice."""

from __future__ import annotations

from playwright.async_api import Page, Route

ORIGIN = "http://pages.example"
POLICY = "default-src 'self'; require-trusted-types-for 'script'"


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
