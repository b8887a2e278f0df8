"""One patient cannot empty a clinic's day, nor stand everywhere at once, however fast they ask."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from qure.application.queueing.issuing import Issuing
from qure.bootstrap import build, schema_of
from qure.container import ProcessRole
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, Unavailable
from qure.domain.ids import QueueId
from qure.domain.token import Token
from qure.settings import Settings
from tests.support.builders import FixedClock, build_actor, build_clinic, build_queue, build_user
from tests.support.http_service import HttpService, data_of, refused, running_service
from tests.support.servers.postgres import running_postgres

PLACES = 50
MOST = 5

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Each of the databases; None is the embedded one."""
    if request.param == "sqlite":
        yield None
        return
    with running_postgres() as server:
        yield server.dsn


@pytest.fixture
async def service(database_url: str | None, tmp_path: Path) -> AsyncIterator[HttpService]:
    """A service on it."""
    settings = Settings(
        data_dir=tmp_path,
        database_url=database_url,
        database_direct_url=database_url,
        bcrypt_rounds=4,
    )
    await schema_of(settings).migrate()
    async with running_service(settings, FixedClock()) as service:
        yield service


async def test_whoever_takes_and_leaves_fifty_times_has_three_numbers_and_others_the_rest(
    service: HttpService,
) -> None:
    admin = await service.admin()
    queue = await service.queue(admin, (await service.clinic(admin))["id"], PLACES)
    greedy = await service.patient()
    codes: Counter[str] = Counter()
    for _ in range(PLACES):
        answer = await greedy.post("/tokens", {"queueId": queue["id"]})
        if answer.status_code == 201:
            data_of(await greedy.delete(f"/tokens/{answer.json()['data']['id']}"))
        codes[answer.json().get("code", "taken")] += 1
    assert codes == {"taken": 3, "too_many_takes": PLACES - 3}
    honest = await service.patient()
    token = data_of(await honest.post("/tokens", {"queueId": queue["id"]}), 201)
    assert token["tokenNumber"] == 4


async def test_whoever_stands_in_five_queues_leaves_one_before_standing_in_another(
    service: HttpService,
) -> None:
    admin, patient = await service.admin(), await service.patient()
    *queues, another = [
        await service.queue(admin, (await service.clinic(admin))["id"]) for _ in range(MOST + 1)
    ]
    taken = [
        data_of(await patient.post("/tokens", {"queueId": queue["id"]}), 201) for queue in queues
    ]
    wanted = {"queueId": another["id"]}
    refused(await patient.post("/tokens", wanted), 409, "too_many_active_tokens")
    data_of(await patient.delete(f"/tokens/{taken[0]['id']}"))
    data_of(await patient.post("/tokens", wanted), 201)


async def test_patients_who_ask_everywhere_at_once_through_two_processes_have_five_each(
    service: HttpService,
) -> None:
    queues, patients = await given(service, queues=10, patients=8)
    other = build(service.container.settings, role=ProcessRole.COMMAND, clock=service.clock)
    async with other.running():
        processes = [one.use_cases.issuing for one in (service.container, other)]
        asked = [(queue, patient) for queue in queues for patient in patients]
        random.Random(1).shuffle(asked)
        results = await asyncio.gather(
            *(take(processes[number % 2], *ask) for number, ask in enumerate(asked))
        )
    tokens = [result for result in results if isinstance(result, Token)]
    assert Counter(token.patient_id for token in tokens) == dict.fromkeys(
        (patient.user_id for patient in patients), MOST
    )
    refusals = {result for result in results if isinstance(result, str)}
    assert refusals == {"too_many_active_tokens"}
    for queue in queues:
        numbers = sorted(token.number for token in tokens if token.queue_id == queue)
        assert numbers == list(range(1, len(numbers) + 1))
    if service.container.settings.database_url is not None:
        assert await deadlocks(service.container.settings.database_url) == 0


async def take(issuing: Issuing, queue_id: QueueId, patient: Actor) -> Token | str:
    """What came of it: a token, or the code of a refusal. Who is told to come again does."""
    while True:
        try:
            return await issuing.issue(queue_id, actor=patient)
        except Conflict as refusal:
            return refusal.code
        except Unavailable:
            await asyncio.sleep(0.1)


async def given(
    service: HttpService, *, queues: int, patients: int
) -> tuple[list[QueueId], list[Actor]]:
    """Open queues, each of a clinic of its own, and patients."""
    clinics = [build_clinic() for _ in range(queues)]
    opened = [build_queue(clinic) for clinic in clinics]
    users = [build_user() for _ in range(patients)]
    async with service.container.storage.write() as uow:
        for clinic, queue in zip(clinics, opened, strict=True):
            await uow.clinics.add(clinic)
            await uow.queues.add(queue)
        for user in users:
            await uow.users.add(user)
        await uow.commit()
    return [queue.id for queue in opened], [build_actor(user) for user in users]


async def deadlocks(dsn: str) -> int:
    """How many Postgres has had to break."""
    connection = await asyncpg.connect(dsn)
    try:
        found = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(await connection.fetchval(found))
    finally:
        await connection.close()
