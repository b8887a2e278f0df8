"""Cloudinary through its real SDK, against a local API that checks every signature."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from qure.adapters.media.cloudinary import CloudinaryRefused, CloudinaryStore
from qure.domain.errors import Unavailable
from tests.support.servers.cloudinary import CloudinaryServer, running_cloudinary

JPEG = "image/jpeg"


@pytest.fixture
def server() -> Iterator[CloudinaryServer]:
    with running_cloudinary() as server:
        yield server


@pytest.fixture
async def store(server: CloudinaryServer) -> AsyncIterator[CloudinaryStore]:
    store = CloudinaryStore(server.url, timeout=5)
    yield store
    await store.close()


async def test_an_upload_is_signed_and_lands_in_the_folder_under_its_key(
    store: CloudinaryStore, server: CloudinaryServer
) -> None:
    content = b"\xff\xd8\r\n--picture\x00&=\r\n"
    url = await store.put("picture-1", content, content_type=JPEG)
    assert url.startswith("https://res.cloudinary.com/Clinic-Cloud/image/upload/v")
    assert {id: asset.content for id, asset in server.assets.items()} == {"qure/picture-1": content}
    ((path, parameters),) = server.calls
    assert path == "/v1_1/Clinic-Cloud/image/upload"
    assert parameters["overwrite"] == parameters["invalidate"] == "1"
    assert "api_secret" not in parameters


async def test_the_folder_is_the_operators_choice(server: CloudinaryServer) -> None:
    store = CloudinaryStore(server.url, folder="clinics/east")
    url = await store.put("picture-1", b"x", content_type=JPEG)
    assert list(server.assets) == ["clinics/east/picture-1"]
    await CloudinaryStore(server.url, folder="other").delete(url)
    assert list(server.assets) == ["clinics/east/picture-1"]
    await store.delete(url)
    assert not server.assets


async def test_a_delete_reaches_the_caches_too(
    store: CloudinaryStore, server: CloudinaryServer
) -> None:
    await store.delete(await store.put("picture-1", b"x", content_type=JPEG))
    path, parameters = server.calls[-1]
    assert path == "/v1_1/Clinic-Cloud/image/destroy"
    assert parameters["public_id"] == "qure/picture-1"
    assert parameters["invalidate"] == "1"


async def test_a_url_of_another_cloud_is_not_even_asked_about(
    store: CloudinaryStore, server: CloudinaryServer
) -> None:
    url = await store.put("picture-1", b"x", content_type=JPEG)
    for foreign in (
        url.replace("Clinic-Cloud", "other-cloud"),
        url.replace("res.cloudinary.com", "res.cloudinary.com.evil.test"),
        url.replace("/image/", "/video/"),
        url.replace("/qure/", "/qure/../"),
        f"{url}?x=1",
    ):
        await store.delete(foreign)
    assert len(server.calls) == 1


@pytest.mark.parametrize("fault", [420, 429, 500, 502, 503, 504, "nonsense", "nothing"])
async def test_what_may_pass_is_unavailable_and_the_store_itself_tries_once(
    store: CloudinaryStore, server: CloudinaryServer, fault: int | str
) -> None:
    url = await store.put("picture-1", b"old", content_type=JPEG)
    for call in (
        lambda: store.put("picture-1", b"x", content_type=JPEG),
        lambda: store.delete(url),
    ):
        before = len(server.calls)
        server.fail(fault)
        with pytest.raises(Unavailable):
            await call()
        assert len(server.calls) == before + 1
    assert server.shown_at(url) == b"old"
    assert server.shown_at(await store.put("picture-1", b"new", content_type=JPEG)) == b"new"


@pytest.mark.parametrize("fault", [400, 401, 403, 404, 409])
async def test_what_will_not_pass_is_a_refusal(
    store: CloudinaryStore, server: CloudinaryServer, fault: int
) -> None:
    server.fail(fault)
    with pytest.raises(CloudinaryRefused, match=f"planned {fault}"):
        await store.put("picture-1", b"x", content_type=JPEG)


@pytest.mark.parametrize("part", ["s3cret", "123456789"])
async def test_a_wrong_secret_or_key_is_a_refusal_that_does_not_tell_it(
    server: CloudinaryServer, part: str
) -> None:
    store = CloudinaryStore(server.url.replace(part, "77777"))
    with pytest.raises(CloudinaryRefused) as refusal:
        await store.put("picture-1", b"x", content_type=JPEG)
    assert "77777" not in str(refusal.value)
    assert not server.assets


@pytest.mark.parametrize("how", ["hangs", "drips"])
async def test_one_that_does_not_come_to_an_end_is_given_up_in_time_and_holds_nobody_up(
    server: CloudinaryServer, how: str
) -> None:
    store = CloudinaryStore(server.url, timeout=0.5)
    if how == "hangs":
        server.hang()
    else:
        server.fail("drip")
    start = time.monotonic()
    hanging = asyncio.ensure_future(store.put("picture-1", b"x", content_type=JPEG))
    turns = 0
    while not hanging.done():
        turns += 1
        await asyncio.sleep(0.01)
    assert isinstance(hanging.exception(), Unavailable)
    assert time.monotonic() - start < 2
    assert turns > 10
    server.resume()
    await store.put("picture-2", b"x", content_type=JPEG)
    await store.close()


async def test_one_that_is_not_there_is_unavailable(server: CloudinaryServer) -> None:
    store = CloudinaryStore("cloudinary://1:2@cloud?upload_prefix=http://127.0.0.1:1", timeout=5)
    with pytest.raises(Unavailable):
        await store.put("picture-1", b"x", content_type=JPEG)
    await store.close()


async def test_two_accounts_do_not_mix(server: CloudinaryServer) -> None:
    with running_cloudinary() as other:
        await asyncio.gather(
            CloudinaryStore(server.url).put("one", b"1", content_type=JPEG),
            CloudinaryStore(other.url).put("two", b"2", content_type=JPEG),
        )
        assert (list(server.assets), list(other.assets)) == (["qure/one"], ["qure/two"])
