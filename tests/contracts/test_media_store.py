"""What every media store promises, and what each one promises besides."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from qure.adapters.media.cloudinary import CloudinaryStore
from qure.adapters.media.local_disk import LocalDiskStore
from qure.application.ports.gateways import MediaStore
from qure.domain.errors import Unavailable
from tests.support.fakes import FakeMediaStore
from tests.support.servers.cloudinary import running_cloudinary

KEY = "0190f5f0-1111-7000-8000-000000000001"
JPEG = "image/jpeg"


@dataclass
class Shown:
    """A store, and what somebody who asks for one of its URLs would see."""

    store: MediaStore
    at: Callable[[str], bytes | None]
    count: Callable[[], int]


@asynccontextmanager
async def local_disk(folder: Path) -> AsyncIterator[Shown]:
    base_url = "http://qure.test/media"
    store = LocalDiskStore(folder, base_url=base_url)

    def at(url: str) -> bytes | None:
        file = folder / url.removeprefix(f"{base_url}/")
        return file.read_bytes() if file.is_file() else None

    yield Shown(store, at, lambda: sum(path.is_file() for path in folder.rglob("*")))
    await store.close()


@asynccontextmanager
async def cloudinary(folder: Path) -> AsyncIterator[Shown]:
    with running_cloudinary() as server:
        store = CloudinaryStore(server.url)
        yield Shown(store, server.shown_at, lambda: len(server.assets))
        await store.close()


@asynccontextmanager
async def stand_in(folder: Path) -> AsyncIterator[Shown]:
    """What the use cases are tested with."""
    store = FakeMediaStore()
    yield Shown(store, store.shown.get, lambda: len(store.shown))
    await store.close()


@pytest.fixture(
    params=[local_disk, cloudinary, stand_in], ids=["local disk", "cloudinary", "stand-in"]
)
async def shown(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shown]:
    async with request.param(tmp_path / "media") as shown:
        yield shown


async def test_what_was_put_is_shown_at_its_url(shown: Shown) -> None:
    url = await shown.store.put(KEY, b"picture", content_type=JPEG)
    assert shown.at(url) == b"picture"


async def test_each_key_has_its_own_url(shown: Shown) -> None:
    first = await shown.store.put(KEY, b"one", content_type=JPEG)
    second = await shown.store.put("clinics/other-key", b"two", content_type=JPEG)
    assert (shown.at(first), shown.at(second)) == (b"one", b"two")


async def test_the_same_key_again_overwrites_and_is_no_second_picture(shown: Shown) -> None:
    await shown.store.put(KEY, b"old", content_type=JPEG)
    url = await shown.store.put(KEY, b"new", content_type=JPEG)
    assert shown.at(url) == b"new"
    assert shown.count() == 1


async def test_a_deleted_picture_is_gone_and_the_others_stay(shown: Shown) -> None:
    url = await shown.store.put(KEY, b"one", content_type=JPEG)
    other = await shown.store.put("other", b"two", content_type=JPEG)
    await shown.store.delete(url)
    assert shown.at(url) is None
    assert shown.at(other) == b"two"


async def test_deleting_what_is_gone_does_no_harm(shown: Shown) -> None:
    url = await shown.store.put(KEY, b"one", content_type=JPEG)
    other = await shown.store.put("other", b"two", content_type=JPEG)
    await shown.store.delete(url)
    await shown.store.delete(url)
    assert shown.at(url) is None
    assert (shown.at(other), shown.count()) == (b"two", 1)
    again = await shown.store.put(KEY, b"three", content_type=JPEG)
    assert shown.at(again) == b"three"


@pytest.mark.parametrize(
    "foreign",
    [
        "https://api.dicebear.com/9.x/initials/svg?seed=Ada%20L",
        "http://elsewhere.test/media/{name}",
        "http://qure.test/other/{name}",
        "{name}",
        "/{name}",
        "",
        "http://qure.test/media/",
        "http://qure.test/media/../media/{name}",
        "https://res.cloudinary.com/other/image/upload/v1/qure/{name}",
    ],
)
async def test_a_url_that_is_not_the_stores_is_ignored(shown: Shown, foreign: str) -> None:
    url = await shown.store.put(KEY, b"one", content_type=JPEG)
    await shown.store.delete(foreign.format(name=url.rsplit("/", 1)[1]))
    assert shown.at(url) == b"one"


@pytest.mark.parametrize(
    "key",
    ["", ".", "..", "../up", "a/../b", "/etc/passwd", "a//b", "a/", "A", "a b", "a\\b", "a\0", "é",
     "a%2fb", ".drafts/x", "a.jpg", "a\n", "x" * 200, "a/b/c/d/e/f"],
)  # fmt: skip
async def test_a_key_that_could_bend_a_path_is_refused(shown: Shown, key: str) -> None:
    with pytest.raises(ValueError):
        await shown.store.put(key, b"picture", content_type=JPEG)


async def test_other_content_types_are_not_kept(shown: Shown) -> None:
    for content_type in ("image/svg+xml", "text/html", ""):
        with pytest.raises(ValueError):
            await shown.store.put(KEY, b"x", content_type=content_type)


async def test_many_puts_at_once_all_arrive(shown: Shown) -> None:
    urls = await asyncio.gather(
        *(shown.store.put(f"key-{n}", b"%d" % n, content_type=JPEG) for n in range(20))
    )
    assert [shown.at(url) for url in urls] == [b"%d" % n for n in range(20)]


# The local disk alone


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[LocalDiskStore]:
    store = LocalDiskStore(tmp_path / "media")
    yield store
    await store.close()


async def test_the_url_is_the_path_that_the_server_answers(disk: LocalDiskStore) -> None:
    assert await disk.put(KEY, b"x", content_type=JPEG) == f"/media/{KEY}.jpg"
    assert await disk.put("clinics/1", b"x", content_type="image/png") == "/media/clinics/1.png"


async def test_a_requested_name_finds_its_file(disk: LocalDiskStore) -> None:
    await disk.put("clinics/1", b"picture", content_type=JPEG)
    found = await disk.find("clinics/1.jpg")
    assert found is not None
    assert found.read_bytes() == b"picture"
    assert await disk.find("clinics/2.jpg") is None


async def test_no_requested_name_leads_out_of_the_folder(
    disk: LocalDiskStore, tmp_path: Path
) -> None:
    await disk.put("a/b", b"picture", content_type=JPEG)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "media" / "plain").write_bytes(b"not put by us")
    (tmp_path / "media" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "media" / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "media" / "folder.jpg").mkdir()
    for name in (
        "", ".", "..", "../secret.jpg", "a/../../secret.jpg", "/secret.jpg", "a//b.jpg",
        f"{tmp_path}/secret.jpg", "..\\secret.jpg", "%2e%2e/secret.jpg", "a/b.jpg/", "a/b.jpg\0",
        "plain", "link.jpg", "a/up/secret.jpg", "folder.jpg", "a", ".drafts/x.jpg", "a/b.jpg\n",
    ):  # fmt: skip
        assert await disk.find(name) is None, name


async def test_a_picture_appears_whole_or_not_at_all(
    disk: LocalDiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await disk.put(KEY, b"old", content_type=JPEG)
    written = os.fsync

    def power_cut(descriptor: int) -> None:
        written(descriptor)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(Unavailable):
        await disk.put(KEY, b"new", content_type=JPEG)
    assert (tmp_path / "media" / f"{KEY}.jpg").read_bytes() == b"old"
    assert [path.name for path in (tmp_path / "media").rglob("*") if path.is_file()] == [
        f"{KEY}.jpg"
    ]


async def test_what_a_killed_process_left_half_written_is_removed_in_time(
    disk: LocalDiskStore, tmp_path: Path
) -> None:
    await disk.put(KEY, b"x", content_type=JPEG)
    drafts = tmp_path / "media" / ".drafts"
    (drafts / "forgotten").write_bytes(b"half")
    os.utime(drafts / "forgotten", (1, 1))
    (drafts / "being-written").write_bytes(b"half")
    await disk.put(KEY, b"x", content_type=JPEG)
    assert [path.name for path in drafts.iterdir()] == ["being-written"]


async def test_a_disk_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "media").write_bytes(b"a file where the folder should be")
    store = LocalDiskStore(tmp_path / "media")
    with pytest.raises(Unavailable):
        await store.put(KEY, b"x", content_type=JPEG)
    await store.delete(f"/media/{KEY}.jpg")
    await store.close()


async def test_a_picture_that_cannot_be_removed_is_unavailable(
    disk: LocalDiskStore, tmp_path: Path
) -> None:
    (tmp_path / "media" / f"{KEY}.jpg" / "in-the-way").mkdir(parents=True)
    with pytest.raises(Unavailable):
        await disk.delete(f"/media/{KEY}.jpg")
