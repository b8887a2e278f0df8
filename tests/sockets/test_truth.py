"""Whatever happens: what the last event said is what a fresh read says, and nobody is forgotten."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from typing import Any

import pytest

from qure.domain.actor import Role
from qure.domain.ids import UserId
from tests.sockets.clients import TRANSPORTS, WebSocketClient, open_client
from tests.support.socket_service import Login, SocketService
from tests.support.waiting import eventually


def versions(client: Any) -> list[int]:
    return [body["version"] for name, body in client.heard if name == "queue:status_update"]


def personal(client: Any) -> list[tuple[str, str]]:
    return [
        (name.removeprefix("queue:your_token_"), body["id"])
        for name, body in client.heard
        if name.startswith("queue:your_token_")
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_after_any_sequence_of_actions_everyone_is_on_the_true_state(
    service: SocketService, seed: int
) -> None:
    chance = random.Random(seed)
    clinic, queue = await service.clinic(size=40)
    doctors = [await service.person(Role.STAFF, clinic) for _ in range(2)]
    patients = [await service.person() for _ in range(8)]
    desks = [await open_client(service, one.jwt, "plain") for one in doctors]
    watchers = [await open_client(service, doctors[0].jwt, kind) for kind in TRANSPORTS]
    phones: dict[UserId, Any] = {
        one.id: await open_client(service, one.jwt, chance.choice(TRANSPORTS)) for one in patients
    }
    for watcher in watchers:
        await watcher.ask("join-queue", str(queue.id))
    expected: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    standing: dict[str, Login] = {}

    async def act() -> None:
        desk, doctor = chance.choice(list(zip(desks, doctors, strict=True)))
        action = chance.choice(
            ["take", "take", "call", "call", "start", "complete", "skip", "door"]
        )
        if action == "take":
            patient = chance.choice(patients)
            if str(patient.id) not in {str(one.id) for one in standing.values()}:
                try:
                    token = await service.call("POST", "/tokens", patient, queueId=str(queue.id))
                except AssertionError:
                    return  # Closed, full, or standing already.
                standing[token["id"]] = patient
            return
        if action == "door":
            is_active = chance.random() < 0.7
            await service.call("PATCH", f"/queues/{queue.id}/status", doctor, isActive=is_active)
            return
        if action == "call":
            held = [
                one
                for one in await service.call("GET", f"/tokens/queue/{queue.id}", doctor)
                if one["status"] in ("CALLED", "IN_PROGRESS")
            ]
            answer = await desk.ask("queue:call_next", str(queue.id))
            if answer["ok"]:
                after = {
                    one["id"]: one["status"]
                    for one in await service.call("GET", f"/tokens/queue/{queue.id}", doctor)
                }
                for one in held:
                    if after[one["id"]] == "COMPLETED":
                        expected[one["patientId"]].append(("completed", one["id"]))
                called = answer["data"]
                expected[called["patientId"]].append(("called", called["id"]))
            return
        if not standing:
            return
        token_id = chance.choice(list(standing))
        answer = await desk.ask(f"queue:{action}_token", str(queue.id), token_id)
        if answer["ok"]:
            told = {"start": "started", "complete": "completed", "skip": "skipped"}[action]
            expected[answer["data"]["patientId"]].append((told, token_id))

    for _ in range(60):
        await act()
    fresh = await service.status(queue, doctors[0])
    await eventually(lambda: all(versions(one)[-1] == fresh["version"] for one in watchers))
    for watcher in watchers:
        last = [body for name, body in watcher.heard if name == "queue:status_update"][-1]
        assert last == fresh
        assert versions(watcher) == sorted(set(versions(watcher)))
        assert personal(watcher) == []
    await eventually(
        lambda: all(personal(phone) == expected[str(id)] for id, phone in phones.items())
    )
    for client in [*desks, *watchers, *phones.values()]:
        await client.close()


async def test_a_rush_before_three_hundred_watchers_is_merged_and_all_end_on_the_truth(
    service: SocketService,
) -> None:
    clinic, queue = await service.clinic(size=200)
    display = await service.person(Role.STAFF, clinic)
    service.container.hub._max_connections_per_user = 300
    patients = [await service.person() for _ in range(200)]
    watchers: list[WebSocketClient] = [
        await open_client(service, display.jwt, "plain") for _ in range(300)
    ]
    for watcher in watchers:
        assert (await watcher.ask("join-queue", str(queue.id)))["ok"] is True
    before = sum(len(versions(watcher)) for watcher in watchers)
    assert before == 300

    tokens = await asyncio.gather(*(service.take_number(queue, one) for one in patients))
    assert sorted(token.number for token in tokens) == list(range(1, 201))
    fresh = await service.status(queue, display)
    assert fresh["waitingCount"] == 200
    await eventually(lambda: all(versions(one)[-1] == fresh["version"] for one in watchers))
    sent = sum(len(versions(watcher)) for watcher in watchers) - before
    assert sent <= 0.25 * 200 * 300
    for watcher in watchers:
        assert versions(watcher) == sorted(set(versions(watcher)))
        await watcher.close()
