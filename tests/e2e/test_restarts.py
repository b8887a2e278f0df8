"""What was committed is announced, whoever dies or is restarted in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import pytest

from qure.domain.ids import QueueId, TokenId
from qure.domain.issuing import MAX_TAKES
from tests.e2e.desks import Desk
from tests.e2e.phones import Phone
from tests.e2e.practice import practice
from tests.e2e.topology import Topology, embedded, production
from tests.support.builders import FixedClock
from tests.support.http_service import Person, comes_true, data_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def deployment() -> Iterator[Topology]:
    """Production for the tests of this module."""
    with production() as topology:
        yield topology


def heard(phone: Phone) -> list[tuple[str, str]]:
    return [(name, token["id"]) for name, token in phone.personal]


async def test_what_a_process_did_not_live_to_announce_is_announced_by_one_that_runs() -> None:
    with embedded() as topology:
        async with practice(topology, patients=4) as there:
            token = await there.take_number(there.patients[0])
            await there.without_announcing(
                lambda use, staff: use.calling.call_next(QueueId(UUID(there.queue_id)), actor=staff)
            )
            first, *others = (there.phones[one.id] for one in there.patients)
            await eventually(lambda: heard(first) == [("called", token["id"])], within=20)
            status = await there.status()
            assert status["currentTokenNo"] == 1
            await eventually(
                lambda: all(one.statuses[-1] == status for one in there.phones.values()), within=20
            )
            assert [heard(one) for one in others] == [[], [], []]


async def test_a_restarted_service_announces_what_the_killed_one_had_committed() -> None:
    with embedded() as topology:
        async with practice(topology, patients=1) as there:
            (patient,) = there.patients
            token = await there.take_number(patient)
            data_of(await there.staff[0].post(f"/queues/{there.queue_id}/call-next"))
            began = monotonic()
            topology.processes[0].kill()
            topology.processes[0].start()
            start_seconds = monotonic() - began
            topology.processes[0].kill()
            # Stored as of a moment that comes when everybody is connected again: before it, the
            # sweep takes the entry for one that is still in its writer's hands.
            later = datetime.now(UTC) + timedelta(seconds=5 + 2 * start_seconds)
            await there.without_announcing(
                lambda use, staff: use.moves.complete(
                    TokenId(UUID(token["id"])),
                    queue_id=QueueId(UUID(there.queue_id)),
                    actor=staff,
                ),
                clock=FixedClock(later),
            )
            await asyncio.to_thread(topology.processes[0].start)
            phone = there.phones[patient.id]
            before = len(phone.connected_at)
            await eventually(lambda: not phone.client.gone.is_set(), within=20)
            assert not await there.everything_is_announced(), f"{before} connections"
            await eventually(lambda: heard(phone)[-1] == ("completed", token["id"]), within=60)
            await comes_true(there.everything_is_announced, within=20)


async def test_what_a_killed_process_could_not_announce_without_redis_reaches_the_others_clients(
    deployment: Topology,
) -> None:
    dying, living = deployment.processes
    redis = deployment.redis
    assert redis
    async with practice(deployment, patients=4, phones_at=living.url) as there:
        tokens = {one.id: await there.take_number(one) for one in there.patients}
        async with httpx.AsyncClient(base_url=dying.url, timeout=30) as http:
            desk = there.staff[0]
            desk = Person(http, desk.email, desk.id, desk.access_token, desk.refresh_token)
            data_of(await desk.get(f"/queues/{there.queue_id}/status"))
            redis.stop()
            for _ in tokens:
                data_of(await desk.post(f"/queues/{there.queue_id}/call-next"))
            dying.kill()
        redis.start()
        last = there.patients[-1].id
        for patient, token in tokens.items():
            finished = [] if patient == last else [("completed", token["id"])]
            expected = [("called", token["id"]), *finished]
            phone = there.phones[patient]
            await eventually(lambda: len(heard(phone)) >= len(expected), within=20)  # noqa: B023
            assert heard(phone) == expected
            assert len(phone.connected_at) == 1
        await asyncio.to_thread(dying.start)


async def test_a_rolling_restart_under_load_loses_no_token_and_no_announcement(
    deployment: Topology,
) -> None:
    async with practice(deployment, patients=72) as there:
        is_over = asyncio.Event()
        given: list[dict[str, Any]] = []
        chairs = asyncio.Semaphore(24)

        async def come_again(patient: Person) -> None:
            phone = there.phones[patient.id]
            for _ in range(MAX_TAKES):
                async with chairs:
                    if is_over.is_set():
                        return
                    answer = await patient.post("/tokens", {"queueId": there.queue_id})
                    # The answer to an earlier try may have been lost.
                    body = answer.json()
                    token = body["data"] if body["success"] else body["meta"]["token"]
                    given.append(token)
                    await leave_when_done(patient, phone, token["id"])

        async def work(desk: Desk) -> None:
            while not (is_over.is_set() and (await there.status())["waitingCount"] == 0):
                await desk.work(there.queue_id, there.phones, at_once)
                await asyncio.sleep(0.02)

        async def restart_all() -> None:
            for process in deployment.processes:
                before = len(given)
                await eventually(lambda: len(given) >= before + 20, within=60)  # noqa: B023
                await asyncio.to_thread(process.stop)
                await asyncio.to_thread(process.start)
            before = len(given)
            await eventually(lambda: len(given) >= before + 20, within=60)
            is_over.set()

        # Not so fast that everybody has been there before the last restart.
        desks = [Desk(one, there.phones[one.id], visit_seconds=0.05) for one in there.staff]
        async with asyncio.TaskGroup() as group:
            for patient in there.patients:
                group.create_task(come_again(patient))
            for desk in desks:
                group.create_task(work(desk))
            group.create_task(restart_all())

        tokens = await there.tokens()
        assert [token["tokenNumber"] for token in tokens] == list(range(1, len(tokens) + 1))
        assert {token["id"] for token in tokens} == {token["id"] for token in given}
        assert {token["status"] for token in tokens} <= {"COMPLETED", "SKIPPED"}
        called = {id for _, id in (told for one in there.phones.values() for told in heard(one))}
        assert called == {token["id"] for token in tokens}
        status = await there.status()
        await eventually(
            lambda: all(one.statuses[-1] == status for one in there.phones.values()), within=20
        )
        for phone in there.phones.values():
            for versions in phone.versions():
                assert versions == sorted(set(versions))


async def leave_when_done(patient: Person, phone: Phone, token_id: str) -> None:
    """The phone says so; one that was reconnecting at that moment has to ask."""
    done = {("completed", token_id), ("skipped", token_id)}
    deadline = monotonic() + 120
    while monotonic() < deadline:
        with suppress(AssertionError):
            await eventually(lambda: not done.isdisjoint(heard(phone)), within=1)
            return
        standing = data_of(await patient.get(f"/tokens/{patient.id}"))
        if standing is None or standing["id"] != token_id:
            return
    raise AssertionError(f"token {token_id} was never finished; its phone: {phone}")


async def at_once() -> None:
    """The next one is called without a break."""
