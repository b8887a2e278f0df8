"""``/metrics`` shows what happened here, in Prometheus' format, and names nobody."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from qure.application.ports.gateways import AccessClaims, ProcessImage
from qure.domain.errors import Unavailable
from qure.domain.ids import ImageId, SessionId, UserId
from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, comes_true, data_of, running_service


async def figures(service: HttpService) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await service.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def figure(service: HttpService, name: str, **labels: str) -> float:
    return (await figures(service)).get((name, frozenset(labels.items())), 0.0)


async def test_requests_are_counted_by_route_and_not_by_path(service: HttpService) -> None:
    admin = await service.admin()
    for _ in range(3):
        await admin.get(f"/clinic/{uuid4()}")
    route = {"method": "GET", "route": "/api/clinic/{clinicId}"}
    assert await figure(service, "qure_http_requests_total", **route, status="404") == 3
    assert await figure(service, "qure_http_request_seconds_count", **route) == 3


async def test_a_client_cannot_make_up_series(service: HttpService) -> None:
    for number in range(5):
        await service.http.request(f"ODD{number}", f"/nowhere/{number}")
        await service.http.get(f"/nowhere/{number}")
    shown = {
        (dict(labels)["method"], dict(labels)["route"])
        for name, labels in await figures(service)
        if name == "qure_http_requests_total"
    }
    assert shown == {("OTHER", "(none)"), ("GET", "(none)")}


async def test_what_was_committed_is_counted_by_its_events(service: HttpService) -> None:
    admin = await service.admin()
    queue = await service.queue(admin, (await service.clinic(admin))["id"])
    for _ in range(3):
        patient = await service.patient()
        data_of(await patient.post("/tokens", {"queueId": queue["id"]}), 201)
    data_of(await admin.post(f"/queues/{queue['id']}/call-next"))
    assert await figure(service, "qure_events_total", event="TokenIssued") == 3
    assert await figure(service, "qure_events_total", event="TokenCalled") == 1


async def test_what_was_refused_is_not_counted_as_done(service: HttpService) -> None:
    admin = await service.admin()
    queue = await service.queue(admin, (await service.clinic(admin))["id"])
    assert (await admin.post(f"/queues/{queue['id']}/call-next")).status_code == 409
    assert await figure(service, "qure_events_total", event="TokenCalled") == 0


async def test_the_lag_is_from_the_commit_until_the_sockets_were_given_it(
    service: HttpService, clock: FixedClock
) -> None:
    service.container.observers.delivered(clock.now() - timedelta(seconds=3))
    assert await figure(service, "qure_fan_out_lag_seconds_sum") == 3
    service.container.observers.delivered(clock.now() + timedelta(seconds=3))
    # Another machine's clock was ahead: that is no negative lag.
    assert await figure(service, "qure_fan_out_lag_seconds_sum") == 3
    before = await figure(service, "qure_fan_out_lag_seconds_count")
    admin = await service.admin()
    await service.clinic(admin)

    async def heard() -> bool:
        return await figure(service, "qure_fan_out_lag_seconds_count") > before

    await comes_true(heard)


class Silent:
    """A listener that says what it speaks."""

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def test_open_sockets_are_counted_by_protocol(
    service: HttpService, clock: FixedClock
) -> None:
    person = await service.patient()
    claims = service.container.jwts.verify(person.access_token, at=clock.now())
    assert isinstance(claims, AccessClaims)
    hub = service.container.hub
    first = await hub.connect(Silent("websocket"), claims)
    await hub.connect(Silent("websocket"), claims)
    await hub.connect(Silent("socket.io-polling"), claims)
    assert await figure(service, "qure_sockets", protocol="websocket") == 2
    assert await figure(service, "qure_sockets", protocol="socket.io-polling") == 1
    assert await figure(service, "qure_sockets", protocol="socket.io-websocket") == 0
    hub.disconnect(first)
    assert await figure(service, "qure_sockets", protocol="websocket") == 1


async def test_a_socket_that_is_refused_is_not_open(
    service: HttpService, clock: FixedClock
) -> None:
    nobody = AccessClaims(
        actor_id=UserId(uuid4()), session_id=SessionId(uuid4()), expires_at=clock.now()
    )
    with suppress(Exception):
        await service.container.hub.connect(Silent("websocket"), nobody)
    assert await figure(service, "qure_sockets", protocol="websocket") == 0


async def test_the_outbox_empties_and_jobs_and_connections_are_shown(service: HttpService) -> None:
    admin = await service.admin()
    await service.clinic(admin)

    async def emptied() -> bool:
        return await figure(service, "qure_outbox_depth") == 0

    await comes_true(emptied)
    assert await figure(service, "qure_jobs", state="queued") == 0
    assert await figure(service, "qure_failed_images") == 0
    assert await figure(service, "qure_database_connections", state="size") >= 1
    assert await figure(service, "qure_backend_up", backend="database") == 1


async def test_attempts_at_jobs_are_timed_and_told_apart_by_their_end(service: HttpService) -> None:
    gone = ProcessImage(ImageId(uuid4()))  # Nothing to do.
    await service.container.image_jobs.do(gone, False)
    done = {"job": "ProcessImage", "outcome": "done"}
    assert await figure(service, "qure_job_seconds_count", **done) == 1
    with (
        pytest.raises(Unavailable),
        service.container.observers.doing(ProcessImage(ImageId(uuid4()))),
    ):
        raise Unavailable("The media store is away.")
    failed = {"job": "ProcessImage", "outcome": "failed"}
    assert await figure(service, "qure_job_seconds_count", **failed) == 1


async def test_a_database_that_is_away_is_a_figure_and_not_a_fault(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr("qure.entrypoints.observability.metrics.TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(service.container.storage, "read", away)
    assert await figure(service, "qure_backend_up", backend="database") == 0
    assert math.isnan(await figure(service, "qure_outbox_depth"))
    assert math.isnan(await figure(service, "qure_failed_images"))


async def test_figures_name_nobody(service: HttpService) -> None:
    person = await service.patient()
    await person.get(f"/tokens/{person.id}")
    await person.get("/auth/me?email=" + person.email)
    text = (await service.http.get("/metrics")).text
    assert person.id not in text
    assert person.email not in text
    assert "example.com" not in text


async def test_they_can_be_switched_off(settings: Settings, clock: FixedClock) -> None:
    async with running_service(replace(settings, metrics=False), clock) as service:
        assert (await service.http.get("/metrics")).status_code == 404
        forecasts = service.container.memory.forecasts
        assert service.container.observers.of_commits == [forecasts.committed]
        assert service.container.observers.of_deliveries == []
        assert service.container.observers.of_jobs == []
