"""Pictures that are cheap to send and dear to read: they cost the service nothing to speak of."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from qure.adapters.media.decoding import MAX_SCANS
from qure.adapters.media.images import PillowImages
from qure.adapters.media.jpeg import number_of_scans
from qure.bootstrap import build, schema_of
from qure.container import ProcessRole as Role
from qure.settings import Settings
from tests.support.builders import NOW, build_staged_image
from tests.support.drawing import noise, saved
from tests.support.http_service import PASSWORD
from tests.support.listening import listening_service
from tests.support.picture_readers import GOOD, HANGING, readers, reading, refusal_of
from tests.support.servers.process import is_alive, wait_until
from tests.support.servers.qure import QureProcess


def scan_places(content: bytes) -> list[int]:
    """Where each scan of a plain JPEG of Pillow's begins."""
    places, at = [], content.find(b"\xff\xda")
    while at != -1:
        places.append(at)
        at = content.find(b"\xff\xda", at + 2)
    return places


def of_many_scans(scans: int, side: int) -> bytes:
    """A JPEG whose last scan, which takes a few bytes and goes over all pixels, is repeated."""
    content = saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    places = scan_places(content)
    last = content[places[-1] : -2]
    return content[:-2] + last * (scans - len(places)) + content[-2:]


def test_the_scans_of_a_jpeg_are_counted_without_unpacking_it() -> None:
    assert number_of_scans(saved(noise((64, 48)), "JPEG")) == 1
    assert number_of_scans(saved(noise((64, 48)), "JPEG", progressive=True)) == 10
    restarting = saved(noise((64, 48)), "JPEG", progressive=True, restart_marker_blocks=1)
    assert b"\xff\xd0" in restarting
    assert number_of_scans(restarting) == 10
    assert number_of_scans(of_many_scans(1600, 64)) == 1600
    # A preview in the metadata is none of the picture's scans, nor is what comes after its end.
    preview = saved(noise((64, 48)), "JPEG", exif=b"Exif\0\0" + of_many_scans(99, 8))
    assert number_of_scans(preview + of_many_scans(99, 8)) == 1
    assert number_of_scans(b"\xff\xd8") == 0
    assert number_of_scans(b"\xff\xd8\xff\xda") == 1


async def test_a_jpeg_of_many_scans_is_refused_before_it_is_unpacked() -> None:
    bomb = of_many_scans(1600, 7000)
    assert len(bomb) < 400_000
    async with reading() as images:
        assert await refusal_of(images, bomb) == "The picture is a JPEG of more than 32 scans."
        await images.check(of_many_scans(MAX_SCANS, 100), path="image")


async def test_a_picture_that_takes_too_much_memory_is_refused() -> None:
    large = saved(Image.new("RGB", (7000, 7000)), "PNG")
    async with reading(memory_bytes=150_000_000) as images:
        assert await refusal_of(images, large) == "The picture takes too much memory to read."
        assert await images.fit(GOOD)


def test_a_reader_ends_with_its_service_even_when_that_is_killed() -> None:
    program = (
        "import asyncio, sys\n"
        "from qure.adapters.media.images import PillowImages\n"
        f"images = PillowImages(decoder={HANGING!r})\n"
        "asyncio.run(images.fit(b''))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as service:
        try:
            wait_until(lambda: len(readers(service.pid)) == 1, 20, "the start of the reader")
            (reader,) = readers(service.pid)
            # Only one that has come to its work: until then it has not looked up yet.
            wait_until(lambda: reader.num_threads() > 1, 20, "its watching")
        finally:
            os.kill(service.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(reader), 10, "the end of the reader")


@contextmanager
def logged_in(url: str) -> Iterator[httpx.Client]:
    person = {"firstName": "Maria", "lastName": "Curie", "email": "maria@example.com"}
    secret = {"password": PASSWORD, "confirmPassword": PASSWORD}
    with httpx.Client(base_url=f"{url}/api", timeout=60) as http:
        assert http.post("/auth/register", json={**person, **secret}).status_code == 201
        login = {"email": person["email"], "password": PASSWORD}
        token = http.post("/auth/login", json=login).json()["data"]["accessToken"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


def upload(http: httpx.Client, content: bytes) -> httpx.Response:
    return http.put("/auth/me", files={"profilePicture": ("me", content)})


def test_hanging_up_ends_the_check(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, bcrypt_rounds=4)
    asyncio.run(schema_of(settings).migrate())
    images = PillowImages(decoder=HANGING)
    with listening_service(settings, images=images) as url, logged_in(url) as http:
        request = http.build_request("PUT", "/auth/me", files={"profilePicture": ("me", GOOD)})
        address = (request.url.host, request.url.port or 80)
        with socket.create_connection(address, timeout=10) as connection:
            lines = [f"{name}: {value}" for name, value in request.headers.items()]
            head = "\r\n".join(["PUT /api/auth/me HTTP/1.1", *lines, "", ""])
            connection.sendall(head.encode() + request.read())
            wait_until(lambda: len(readers()) == 1, 20, "the start of the reader")
        wait_until(lambda: not readers(), 5, "the end of the reader")


class Peaks:
    """The most memory, in bytes, that a server and its readers were seen to have; how many."""

    def __init__(self, pid: int) -> None:
        self._server = psutil.Process(pid)
        self.server = self.reader = self.readers = 0
        self.look()

    def look(self) -> None:
        self.server = max(self.server, self._server.memory_info().rss)
        with suppress(psutil.NoSuchProcess):
            there = readers(self._server.pid)
            self.readers = max(self.readers, len(there))
            self.reader = max([self.reader, *(one.memory_info().rss for one in there)])


@pytest.fixture
def server() -> Iterator[QureProcess]:
    server = QureProcess({})
    server.start()
    yield server
    server.close()


def test_pictures_at_the_bound_leave_the_memory_of_the_service_as_it_was(
    server: QureProcess,
) -> None:
    dear = saved(Image.new("RGB", (7071, 7071)), "WEBP", lossless=True)
    assert len(dear) < 2500
    peaks = Peaks(server.pid)
    before = peaks.server
    with logged_in(server.url) as http, ThreadPoolExecutor(3) as pool:
        uploads = [pool.submit(upload, http, dear) for _ in range(3)]
        while not all(one.done() for one in uploads):
            peaks.look()
            time.sleep(0.01)
        assert [one.result().status_code for one in uploads] == [200] * 3
    assert peaks.server - before < 64_000_000
    assert peaks.readers == 1
    assert 200_000_000 < peaks.reader < 1_100_000_000


def stage(folder: Path, content: bytes) -> None:
    """As a release did that knew fewer bounds."""

    async def keep() -> None:
        container = build(Settings(data_dir=folder), role=Role.COMMAND)
        async with container.running(), container.storage.write() as uow:
            await uow.staged_images.add([build_staged_image(content=content, created_at=NOW)])
            await uow.commit()

    asyncio.run(keep())


def shown_after(http: httpx.Client, earlier: set[str]) -> str:
    """The user's picture, once it is an uploaded one, and none of these."""

    def shown() -> str:
        return str(http.get("/auth/me").json()["data"]["profilePicture"])

    wait_until(lambda: "/media/" in shown() and shown() not in earlier, 30, "the good picture")
    return shown()


def test_what_failed_for_good_is_not_taken_up_by_the_next_start(server: QureProcess) -> None:
    with logged_in(server.url) as http:
        server.stop()
        stage(server.folder, of_many_scans(MAX_SCANS + 1, 100))
        pictures: set[str] = set()
        for _ in range(2):
            server.start()
            assert upload(http, GOOD).status_code == 200
            # It comes after everything that was taken up at the start.
            pictures.add(shown_after(http, pictures))
            server.stop()
    assert server.log().count("failed for good") == 1
