"""``/media``: pictures on this machine's disk, and nothing else of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.http.pictures import jpeg
from tests.support.http_service import HttpService, refused


async def test_a_picture_may_be_kept_for_ever_by_anybody(service: HttpService) -> None:
    url = await service.container.media.put("users/abc-1", jpeg(), content_type="image/jpeg")
    response = await service.http.get(url)
    assert response.status_code == 200
    assert response.content == jpeg()
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "nothing.jpg",
        "../qure.db",
        "..%2fqure.db",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "....//qure.db",
        "%2fetc%2fpasswd",
        "a%00.jpg",
        ".drafts/x.jpg",
        "users/",
        "users/abc.jpg/",
        "users%5c..%5cqure.db",
        "~root/.bashrc",
        "",
    ],
)
async def test_no_path_leads_out_of_the_folder(service: HttpService, path: str) -> None:
    await service.container.media.put("users/abc-1", jpeg(), content_type="image/jpeg")
    response = await service.http.get(f"/media/{path}")
    refused(response, 404, "not_found")


async def test_a_picture_that_goes_in_the_last_moment_is_404(
    service: HttpService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def find(_self: object, _name: str) -> Path:
        return tmp_path / "gone.jpg"

    monkeypatch.setattr(type(service.container.media), "find", find)
    refused(await service.http.get("/media/gone.jpg"), 404, "not_found")
