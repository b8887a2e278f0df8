"""Every route there is: the API's, and the pages beside it."""

from __future__ import annotations

from litestar import Litestar

from qure.entrypoints.http.app import create_app
from qure.entrypoints.web import assets, door, installable, pages, start
from qure.settings import Settings

_PAGES = (start.router, pages.router, door.router, installable.router, assets.router)


def create_routes(settings: Settings) -> Litestar:
    """Those that these settings ask for; see ``create_app``."""
    return create_app(settings, pages=_PAGES)
