"""One browser and one service for all tests of pages; each test makes a clinic of its own.

They outlive a test, so everything here runs on the session's event loop: tests do by themselves,
an asynchronous fixture says ``@pytest_asyncio.fixture(loop_scope="session")``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.browser.chromium import running_browser
from tests.support.browser.pages import SECONDS, PageOpener, opening_pages
from tests.support.browser.site import Site, running_site
from tests.support.http_service import Person

HERE = Path(__file__).parent

expect.set_options(timeout=SECONDS * 1000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder runs on the session's loop, as its browser does."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.timeout(300))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, for all tests of this worker."""
    async with running_browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """The service, for all tests of this worker: stopping it is for ``fresh_site``."""
    async with running_site() as site:
        yield site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def admin(site: Site) -> Person:
    """The site's admin, logged in."""
    return await site.admin()


@pytest_asyncio.fixture(loop_scope="session")
async def fresh_site() -> AsyncIterator[Site]:
    """A new installation of this test alone, without an admin: it may be stopped and started."""
    async with running_site() as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, site: Site) -> AsyncIterator[PageOpener]:
    """Opens watched pages of ``site``, or with ``base_url=fresh_site.url`` of that one."""
    async with opening_pages(browser, site.url) as open_page:
        yield open_page
