"""`qure worker`: does what servers leave to it, and loses nothing when it is killed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from qure.bootstrap import build, schema_of
from qure.container import ProcessRole as Role
from qure.settings import Settings
from tests.entrypoints.commands import Command, run, running, serving
from tests.support.builders import build_clinic
from tests.support.http_service import comes_true
from tests.support.servers.cloudinary import CloudinaryServer, running_cloudinary
from tests.support.servers.process import free_port, wait_until

ADMIN = {"email": "ada@clinic.example", "password": "correct horse"}
END_SECONDS = 10.0

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def cloudinary() -> Iterator[CloudinaryServer]:
    with running_cloudinary() as server:
        yield server


class Admin:
    """Who uploads pictures."""

    def __init__(self, url: str, folder: Path, **settings: str) -> None:
        made = run(
            *("create-admin", ADMIN["email"], "--password", ADMIN["password"]),
            folder=folder,
            **settings,
        )
        assert made.returncode == 0, made.stderr
        self._http = httpx.Client(base_url=f"{url}/api", timeout=30)
        answer = self._http.post("/auth/login", json=ADMIN).json()
        self._http.headers["Authorization"] = f"Bearer {answer['data']['accessToken']}"

    def make_clinic(self, pictures: int) -> str:
        files = [("images", (f"{one}.png", picture(one), "image/png")) for one in range(pictures)]
        data = {"name": "City Clinic", "latitude": "1", "longitude": "1"}
        answer = self._http.post("/clinic", data=data, files=files)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    def pictures(self, clinic_id: str) -> list[Any]:
        found: list[Any] = self._http.get(f"/clinic/{clinic_id}").json()["data"]["images"]
        return found


def picture(number: int) -> bytes:
    drawn = BytesIO()
    Image.new("RGB", (40, 30), (number, 90, 160)).save(drawn, "PNG")
    return drawn.getvalue()


def started_worker(command: Command) -> Command:
    command.wait_for("waits for jobs")
    return command


def uploads(cloudinary: CloudinaryServer) -> list[str]:
    return [fields["public_id"] for path, fields in cloudinary.calls if path.endswith("/upload")]


def test_pictures_wait_for_a_worker_which_ends_in_order(
    alone: Path, redis_database: str, cloudinary: CloudinaryServer
) -> None:
    settings = {"REDIS_URL": redis_database, "CLOUDINARY_URL": cloudinary.url}
    with serving(folder=alone, **settings) as (_, url):
        admin = Admin(url, alone, **settings)
        clinic = admin.make_clinic(3)
        assert admin.pictures(clinic) == []
        with running("worker", folder=alone, **settings) as command:
            worker = started_worker(command)
            wait_until(lambda: len(admin.pictures(clinic)) == 3, 30, "the pictures")
            code, seconds = worker.end(signal.SIGINT)
            assert (code, seconds < END_SECONDS) == (0, True)
            assert "Traceback" not in worker.errors
        assert sorted(uploads(cloudinary)) == sorted(cloudinary.assets)


def test_a_job_that_dies_with_its_worker_is_done_once_by_the_next(
    alone: Path, redis_database: str, cloudinary: CloudinaryServer
) -> None:
    settings = {"REDIS_URL": redis_database, "CLOUDINARY_URL": cloudinary.url}
    with serving(folder=alone, **settings) as (_, url):
        admin = Admin(url, alone, **settings)
        cloudinary.hang()
        with running("worker", folder=alone, **settings) as first:
            started_worker(first)
            clinic = admin.make_clinic(2)
            wait_until(lambda: cloudinary.waiting == 2, 60, "the uploads")
            first.process.kill()
            first.process.wait()
        cloudinary.resume()
        assert admin.pictures(clinic) == []
        with running("worker", folder=alone, **settings) as second:
            started_worker(second)
            wait_until(lambda: len(admin.pictures(clinic)) == 2, 90, "the pictures")
            assert len(cloudinary.assets) == 2
            assert len(set(admin.pictures(clinic))) == 2
            assert second.end()[0] == 0


async def test_what_comes_round_does_so_while_redis_is_away(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    await schema_of(settings).migrate()
    container = build(settings, role=Role.WORKER)
    now = container.clock.now()
    clinic = build_clinic(auto_open_queue=True, next_opening_at=now - timedelta(minutes=1))
    async with container.storage.write() as uow:
        await uow.clinics.add(clinic)
        await uow.commit()

    async def is_open() -> bool:
        async with container.storage.read() as uow:
            day = clinic.local_date(now)
            return await uow.queues.of_day(clinic.service.id, day) is not None

    async with container.running():
        await comes_true(is_open)
