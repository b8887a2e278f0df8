"""``/docs``: the API's documentation, with every file of it served from here."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import msgspec
from litestar import Litestar, Router, get
from litestar.datastructures import CacheControlHeader
from litestar.response.base import ASGIResponse
from litestar.static_files import create_static_files_router
from litestar.types import Scope

from qure.entrypoints.http.bearer import PUBLIC
from qure.entrypoints.http.openapi import openapi_document

_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Qure API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_START = b"""window.ui = SwaggerUIBundle({
  url: "/docs/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  validatorUrl: null,
});
"""


@get("/", include_in_schema=False)
async def page() -> ASGIResponse:
    return ASGIResponse(body=_PAGE, media_type="text/html")


@get("/start.js", include_in_schema=False)
async def start_script() -> ASGIResponse:
    return ASGIResponse(body=_START, media_type="text/javascript")


@get("/openapi.json", include_in_schema=False)
async def openapi(scope: Scope) -> ASGIResponse:
    return ASGIResponse(body=_encoded(scope["litestar_app"]), media_type="application/json")


@lru_cache(maxsize=1)
def _encoded(app: Litestar) -> bytes:
    return msgspec.json.encode(openapi_document(app))


def docs_router() -> Router:
    """The routes under ``/docs``."""
    return Router(
        "/docs",
        route_handlers=[
            page,
            start_script,
            openapi,
            create_static_files_router(
                "/assets",
                directories=[_swagger_ui()],
                name="docs-assets",
                cache_control=CacheControlHeader(max_age=86400, public=True),
            ),
        ],
        opt={PUBLIC: True},
    )


def _swagger_ui() -> Path:
    """Where the package keeps the files of Swagger UI; its Python code is of no use here."""
    spec = find_spec("swagger_ui")
    if spec is None or spec.submodule_search_locations is None:
        raise RuntimeError("the package swagger-ui-py is not installed")
    return Path(spec.submodule_search_locations[0]) / "static"
