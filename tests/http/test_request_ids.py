"""One id from the edge to the last log line of the job that a request caused."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from qure.adapters.jobs.saq_queue import encode
from qure.application import correlation
from qure.application.jobs.images import ImageResumption
from qure.application.ports.gateways import ProcessImage
from qure.domain.errors import Unavailable
from qure.domain.ids import ImageId
from qure.entrypoints.observability.logs import configure_logging
from tests.http.pictures import jpeg
from tests.support.builders import new_id
from tests.support.http_service import HttpService, Person, comes_true, data_of


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All log lines, as JSON."""
    stream = io.StringIO()
    configure_logging(level="INFO", format="json", stream=stream)
    yield stream
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
            root.removeHandler(handler)


def lines(log: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def upload(person: Person, request_id: str) -> None:
    files = {"profilePicture": ("me.jpg", jpeg(), "image/jpeg")}
    data_of(await person.put("/auth/me", files=files, headers={"X-Request-ID": request_id}))


async def test_the_job_logs_under_the_id_of_the_request_that_staged_its_picture(
    service: HttpService, log: io.StringIO
) -> None:
    person = await service.patient()
    await upload(person, "phone-42")

    async def logged() -> bool:
        return any(line["event"].startswith("image ") for line in lines(log))

    await comes_true(logged)
    [line] = [line for line in lines(log) if line["event"].startswith("image ")]
    assert line["request_id"] == "phone-42"
    assert line["event"].endswith(" is shown")


async def test_a_job_that_is_taken_up_again_later_still_knows_its_request(
    service: HttpService, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ProcessImage] = []

    async def keep(jobs: list[ProcessImage]) -> None:
        asked.extend(jobs)

    # Handed over to nobody, as if the process had died right after the commit.
    monkeypatch.setattr(service.container.jobs, "enqueue", keep)
    await upload(await service.patient(), "phone-43")
    asked.clear()
    service.clock.advance(seconds=1)
    container = service.container
    resumption = ImageResumption(container.storage, container.clock, jobs=container.jobs)
    await resumption.resume(all=True)
    [job] = asked
    await container.image_jobs.do(job, False)
    assert [line["request_id"] for line in lines(log) if line["event"].startswith("image ")] == [
        "phone-43"
    ]


async def test_a_failed_attempt_is_logged_under_the_id_too(
    service: HttpService, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> str:
        raise Unavailable("The media store is away.")

    monkeypatch.setattr(service.container.media, "put", away)
    await upload(await service.patient(), "phone-44")

    async def logged() -> bool:
        return any("attempt 1 of" in line["event"] for line in lines(log))

    await comes_true(logged)
    [line] = [line for line in lines(log) if "attempt 1 of" in line["event"]]
    assert line["request_id"] == "phone-44"


async def test_the_job_itself_carries_a_pointer_and_nothing_else() -> None:
    _, arguments, _ = encode(ProcessImage(ImageId(new_id())))
    assert set(arguments) == {"image_id"}


async def test_work_that_nobody_asked_for_has_no_id(log: io.StringIO) -> None:
    correlation.request_id.set(None)
    logging.getLogger("qure").warning("the clock did this")
    assert "request_id" not in lines(log)[-1]
