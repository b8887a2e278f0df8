"""``/``: whoever comes to the server's address learns what it is and where to go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qure.entrypoints.version import VERSION
from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, data_of, running_service


async def test_the_root_says_what_this_is_and_where_to_go(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.container.storage), "read", None)
    data = data_of(await service.http.get("/"))
    assert (data["name"], data["version"]) == ("Qure", VERSION)
    assert data["links"] == {
        "api": "/api",
        "docs": "/docs",
        "health": "/health",
        "socketIo": "/socket.io",
        "webSocket": "/ws",
    }


async def test_what_the_root_links_to_is_there(service: HttpService) -> None:
    links = data_of(await service.http.get("/"))["links"]
    for name in ("docs", "health"):
        assert (await service.http.get(links[name])).status_code == 200
    for name in ("socketIo", "webSocket"):
        assert service.container.sockets.is_at(links[name])
    assert any(route.path.startswith(links["api"] + "/") for route in service.routes.routes)


async def test_the_root_links_to_no_docs_that_are_switched_off(
    settings: Settings, clock: FixedClock
) -> None:
    async with running_service(replace(settings, docs=False), clock) as service:
        assert data_of(await service.http.get("/"))["links"]["docs"] is None


async def test_the_root_knows_its_methods(service: HttpService) -> None:
    head = await service.http.head("/")
    assert (head.status_code, head.content) == (200, b"")
    options = await service.http.options("/")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    refused = await service.http.post("/")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_the_root_does_not_take_the_place_of_what_is_nowhere(service: HttpService) -> None:
    for path in ("/nothing", "/index.html", "/api"):
        response = await service.http.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
