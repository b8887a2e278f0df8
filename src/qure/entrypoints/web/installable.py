"""What makes the patient's page one for the home screen: a manifest, and a service worker.

The worker is served at the root, as a browser gives it no addresses above its own. What it keeps is
put before its source, so a new version of any file is a new worker.
"""

from __future__ import annotations

import json

from litestar import Router, get
from litestar.response.base import ASGIResponse

from qure.entrypoints.http.bearer import PUBLIC
from qure.entrypoints.http.calls import PublicCall
from qure.entrypoints.web.assets import assets
from qure.entrypoints.web.languages import CODES, language
from qure.entrypoints.web.pages import PAGES, spoken_by

PATIENT = "/t"
_WORKER = "patient/service-worker.js"
_ICONS = (("icon.svg", "any"), ("icon-maskable.svg", "maskable"))
_COLOUR = "#f4f7f6"


@get("/sw.js", opt={PUBLIC: True})
async def read_worker() -> ASGIResponse:
    page = PAGES[PATIENT]
    icons = (name for name, _ in _ICONS)
    kept = [assets().address(path) for path in (*page.styles, *page.scripts, *icons)]
    shell = {"version": assets().digest, "page": PATIENT, "assets": kept}
    source = assets().files[_WORKER].decode()
    return ASGIResponse(
        body=f"self.shell = {json.dumps(shell)};\n{source}".encode(),
        media_type="text/javascript",
        headers={
            "Cache-Control": "no-cache",
            "Content-Security-Policy": "default-src 'none'; connect-src 'self'",
        },
    )


@get("/manifest.webmanifest", opt={PUBLIC: True})
async def read_manifest(request: PublicCall) -> ASGIResponse:
    # Browsers ask for it without cookies: the page's own language comes with its address.
    wanted = request.query_params.get("language", "")
    spoken = language(wanted) if wanted in CODES else spoken_by(request)
    manifest = {
        "id": PATIENT,
        "name": spoken.say("patient", "app_name"),
        "short_name": "Qure",
        "start_url": PATIENT,
        "scope": PATIENT,
        "display": "standalone",
        "lang": spoken.code,
        "dir": spoken.direction,
        "background_color": _COLOUR,
        "theme_color": _COLOUR,
        "icons": [
            {
                "src": assets().address(name),
                "type": "image/svg+xml",
                "sizes": "any",
                "purpose": purpose,
            }
            for name, purpose in _ICONS
        ],
    }
    return ASGIResponse(
        body=json.dumps(manifest, ensure_ascii=False).encode(),
        media_type="application/manifest+json",
        headers={"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"},
    )


router = Router("/", route_handlers=[read_worker, read_manifest])
