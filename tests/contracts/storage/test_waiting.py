"""What was told of waits is kept, held against what came, and learned from; so are earlier days."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from statistics import median
from typing import Any

import pytest

from qure.application.ports.storage import Storage
from qure.application.ports.waiting import Accuracy, Due, SeenDay, SeenToken
from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic
from qure.domain.events import DeskOpened, DeskPaused, DeskResumed, TokenCalled
from qure.domain.ids import ClinicId, DeskId, ServiceId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Priority, SkipReason, Token, TokenStatus
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.promise import Promise, is_kept_waiting
from qure.domain.waiting.wait import Basis, Reason
from tests.contracts.storage.conftest import Announced, opened
from tests.contracts.storage.given import (
    Thing,
    given,
    given_patients,
    given_queue,
    given_tokens,
)
from tests.support.builders import (
    NOW,
    TODAY,
    FixedClock,
    build_clinic,
    build_desk,
    build_promise,
    build_queue,
    build_service,
    build_staff,
    build_status,
    build_token,
    build_user,
    new_id,
)

W, CALLED, IN_PROGRESS, COMPLETED, SKIPPED, CANCELLED = TokenStatus
EVERYBODY = 10_000


async def told(storage: Storage, *promises: Promise) -> None:
    """Keep these, and commit."""
    async with storage.write() as db:
        await db.promises.add(promises)
        await db.commit()


async def given_promises(storage: Storage, queue: Queue, *fields: dict[str, Any]) -> list[Promise]:
    """Of new tokens of that queue with these fields."""
    tokens = await given_tokens(storage, queue, *fields)
    promises = [build_promise(token, clinic_id=queue.clinic_id) for token in tokens]
    await told(storage, *promises)
    return promises


async def due(
    storage: Storage, *, called_before: datetime = NOW, limit: int = EVERYBODY
) -> list[Due]:
    """As a reader and as a writer find them."""
    async with storage.read() as db:
        found = await db.promises.due(called_before=called_before, limit=limit)
    async with storage.write() as db:
        assert await db.promises.due(called_before=called_before, limit=limit) == found
    return found


async def settle(storage: Storage, outcomes: dict[TokenId, datetime | None]) -> None:
    async with storage.write() as db:
        await db.promises.settle(outcomes)
        await db.commit()


async def kept(storage: Storage, token_id: TokenId) -> Promise | None:
    async with storage.read() as db:
        return await db.promises.get(token_id)


# --- promises -------------------------------------------------------------------------------


async def test_a_promise_comes_back_as_kept_with_every_field(storage: Storage) -> None:
    queue = await given_queue(storage)
    first, second = await given_tokens(storage, queue, {}, {})
    instants = {
        name: NOW + timedelta(minutes=minutes, microseconds=1)
        for minutes, name in enumerate(("as_of", "leave_by", "low", "likely", "high", "called_at"))
    }
    settled = build_promise(
        first,
        clinic_id=queue.clinic_id,
        ahead=0,
        basis=Basis.HISTORY,
        reasons=(Reason.RUNNING_OVER, Reason.MAY_NOT_BE_REACHED),
        version=17,
        is_open=False,
        **instants,
    )
    plain = build_promise(second)
    await told(storage, settled, plain)
    assert await kept(storage, first.id) == settled
    assert await kept(storage, second.id) == plain
    assert await kept(storage, TokenId(new_id())) is None


@pytest.mark.parametrize("count", [0, 1, 12, 200])
async def test_many_are_added_at_once_and_what_was_told_first_stays(
    storage: Storage, count: int
) -> None:
    queue = await given_queue(storage, max_size=200)
    tokens = await given_tokens(storage, queue, *[{}] * count)
    first = [build_promise(token, ahead=token.number) for token in tokens]
    again = [replace(one, ahead=500) for one in first]
    await told(storage, *first[::2])
    await told(storage, *again[::-2], *first, *again)
    await told(storage, *again)
    found = [await kept(storage, token.id) for token in tokens]
    last_first = {token.id for token in tokens[::-2]} - {token.id for token in tokens[::2]}
    assert found == [
        new if new.token_id in last_first else old for old, new in zip(first, again, strict=True)
    ]


async def test_what_was_not_committed_was_never_told(storage: Storage) -> None:
    queue = await given_queue(storage)
    (promise,) = await given_promises(storage, queue, {"status": COMPLETED})
    (token,) = await given_tokens(storage, await given_queue(storage), {})
    async with storage.write() as db:
        await db.promises.add([build_promise(token)])
        await db.promises.settle({promise.token_id: None})
        await db.calibrations.save({(queue.service_id, 0): Calibration()})
    assert await kept(storage, token.id) is None
    assert await kept(storage, promise.token_id) == promise
    async with storage.read() as db:
        assert await db.calibrations.of_services([queue.service_id]) == {}


# --- which are to be settled ----------------------------------------------------------------


LONG_AGO, LATELY = NOW - timedelta(minutes=2), NOW + timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("fields", "called_at"),
    [
        ({"status": CALLED, "called_at": LONG_AGO}, LONG_AGO),
        ({"status": CALLED, "called_at": NOW}, NOW),
        ({"status": IN_PROGRESS, "called_at": LONG_AGO}, LONG_AGO),
        ({"status": COMPLETED, "called_at": LONG_AGO}, LONG_AGO),
        ({"status": SKIPPED, "called_at": LONG_AGO}, LONG_AGO),
        # Skipped, or gone, before they were called.
        ({"status": SKIPPED}, None),
        ({"status": CANCELLED}, None),
        ({"status": CANCELLED, "called_at": LATELY}, None),
        # Stepped out, let others pass, came back.
        ({"status": W, "on_hold": True}, None),
        ({"status": W, "postpones": 1}, None),
        ({"status": W, "rejoins": 1}, None),
        ({"status": CALLED, "called_at": LONG_AGO, "postpones": 1}, None),
        ({"status": CALLED, "called_at": LATELY, "rejoins": 1}, None),
    ],
)
async def test_due_are_those_that_do_not_wait_any_more_as_they_did(
    storage: Storage, fields: dict[str, Any], called_at: datetime | None
) -> None:
    queue = await given_queue(storage)
    (promise,) = await given_promises(storage, queue, fields)
    assert await due(storage) == [Due(promise, called_at)]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": W},
        {"status": W, "priority": Priority.URGENT},
        # These may be undone yet.
        {"status": CALLED, "called_at": LATELY},
        {"status": IN_PROGRESS, "called_at": LATELY},
        {"status": COMPLETED, "called_at": LATELY},
        {"status": SKIPPED, "called_at": LATELY},
    ],
)
async def test_not_due_are_those_that_wait_and_those_whose_call_is_young(
    storage: Storage, fields: dict[str, Any]
) -> None:
    queue = await given_queue(storage)
    await given_promises(storage, queue, fields)
    assert await due(storage) == []


def every_token() -> Iterator[dict[str, Any]]:
    """In every state there is, and some there are not."""
    some = product(TokenStatus, (False, True), (0, 1), (0, 2), (None, LONG_AGO, NOW, LATELY))
    for status, on_hold, postpones, rejoins, called_at in some:
        if status is W or not on_hold:
            yield {
                "status": status,
                "on_hold": on_hold,
                "postpones": postpones,
                "rejoins": rejoins,
                "called_at": called_at,
            }


async def test_which_are_due_is_the_same_in_every_state_of_a_token(storage: Storage) -> None:
    queue = await given_queue(storage, max_size=200)
    fields = list(every_token())
    tokens = await given_tokens(storage, queue, *fields)
    promises = [build_promise(token) for token in tokens]
    await told(storage, *promises)
    called: list[Due] = []
    never: list[Due] = []
    for token, promise in zip(tokens, promises, strict=True):
        if is_kept_waiting(token):
            continue
        stands = token.status in (CALLED, IN_PROGRESS, COMPLETED, SKIPPED)
        counts = stands and token.postpones == token.rejoins == 0
        if counts and token.called_at is not None:
            if token.called_at <= NOW:
                called.append(Due(promise, token.called_at))
        else:
            never.append(Due(promise, None))
    assert called
    assert never
    called.sort(key=lambda one: (one.called_at, one.promise.token_id))
    assert await due(storage) == [*called, *never]
    for limit in (0, 3, len(called), len(called) + 2):
        assert await due(storage, limit=limit) == [*called, *never][:limit]


# --- settling -------------------------------------------------------------------------------


async def test_what_is_settled_is_open_no_more_and_stays_as_it_was_settled(
    storage: Storage,
) -> None:
    queue = await given_queue(storage)
    done = {"status": COMPLETED, "called_at": LONG_AGO}
    first, second, third = await given_promises(storage, queue, done, done, done)
    await settle(storage, {first.token_id: LONG_AGO, second.token_id: None})
    await settle(storage, {first.token_id: None, second.token_id: NOW, TokenId(new_id()): NOW})
    await settle(storage, {})
    assert await kept(storage, first.token_id) == replace(first, called_at=LONG_AGO, is_open=False)
    assert await kept(storage, second.token_id) == replace(second, is_open=False)
    assert await due(storage) == [Due(third, LONG_AGO)]


async def test_a_promise_is_settled_by_exactly_one_of_many_at_once(storage: Storage) -> None:
    queue = await given_queue(storage)
    done = {"status": COMPLETED, "called_at": LONG_AGO}
    promises = await given_promises(storage, queue, *[done] * 30)

    async def one() -> list[TokenId]:
        async with storage.write() as db:
            found = await db.promises.due(called_before=NOW, limit=8)
            await asyncio.sleep(0.01)
            await db.promises.settle({each.promise.token_id: each.called_at for each in found})
            await db.commit()
        return [each.promise.token_id for each in found]

    settled: list[TokenId] = []
    while len(settled) < len(promises):
        rounds = await asyncio.gather(*(one() for _ in range(5)))
        assert any(rounds)
        settled += [id for found in rounds for id in found]
    assert sorted(settled) == sorted(promise.token_id for promise in promises)
    assert await due(storage) == []


async def test_who_settles_without_looking_does_not_settle_twice(storage: Storage) -> None:
    queue = await given_queue(storage)
    (promise,) = await given_promises(storage, queue, {"status": COMPLETED})
    instants = [NOW + timedelta(seconds=second) for second in range(6)]
    first: list[datetime] = []

    async def one(at: datetime) -> None:
        async with storage.write() as db:
            await db.promises.settle({promise.token_id: at})
            await db.commit()
        first.append(at)

    await asyncio.gather(*map(one, instants))
    found = await kept(storage, promise.token_id)
    assert found is not None
    assert found.called_at in instants
    await settle(storage, {promise.token_id: NOW + timedelta(days=1)})
    assert await kept(storage, promise.token_id) == found


async def test_on_postgres_nobody_waits_for_what_another_is_settling(
    postgres_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(postgres_url, clock=clock, announced=announced) as storage:
        queue = await given_queue(storage)
        done = {"status": COMPLETED, "called_at": LONG_AGO}
        promises = await given_promises(storage, queue, *[done] * 5)
        async with storage.write() as one, storage.write() as other, storage.read() as reader:
            first = await one.promises.due(called_before=NOW, limit=2)
            second = await other.promises.due(called_before=NOW, limit=10)
            assert [each.promise for each in [*first, *second]] == promises
            # The tokens are nobody's: a queue goes on meanwhile.
            await other.tokens.save(await other.tokens.of_queue(queue.id))
            assert len(await reader.promises.due(called_before=NOW, limit=10)) == 5
            await one.promises.settle({first[0].promise.token_id: LONG_AGO})
            await one.commit()
        assert [each.promise for each in await due(storage)] == promises[1:]


async def test_on_postgres_a_promise_that_was_settled_meanwhile_is_not_found(
    postgres_url: str, clock: FixedClock, announced: Announced
) -> None:
    """Whose look began before the other's commit finds the row as it is then."""
    async with opened(postgres_url, clock=clock, announced=announced) as storage:
        queue = await given_queue(storage, max_size=200)
        done = {"status": COMPLETED, "called_at": LONG_AGO}
        await given_promises(storage, queue, *[done] * 150)
        settled: list[TokenId] = []

        async def one() -> None:
            async with storage.write() as db:
                found = await db.promises.due(called_before=NOW, limit=1)
                await db.promises.settle({each.promise.token_id: NOW for each in found})
                await db.commit()
            settled.extend(each.promise.token_id for each in found)

        for _ in range(25):
            await asyncio.gather(*(one() for _ in range(8)))
        assert len(settled) == len(set(settled)) == 150


# --- accuracy -------------------------------------------------------------------------------


async def accuracy(
    storage: Storage, clinic_id: ClinicId, *, since: datetime = NOW - timedelta(days=1)
) -> list[Accuracy]:
    async with storage.read() as db:
        return await db.promises.accuracy(clinic_id, since=since)


async def test_without_a_call_there_is_no_accuracy(storage: Storage) -> None:
    queue = await given_queue(storage)
    nothing = [Accuracy(None, 0, 0, 0, None)]
    assert await accuracy(storage, queue.clinic_id) == nothing
    promises = await given_promises(storage, queue, {}, {"status": CANCELLED})
    assert await accuracy(storage, queue.clinic_id) == nothing
    await settle(storage, {promise.token_id: None for promise in promises})
    assert await accuracy(storage, queue.clinic_id) == nothing
    assert await accuracy(storage, ClinicId(new_id())) == nothing


async def test_at_the_edge_of_the_range_it_held(storage: Storage) -> None:
    queue = await given_queue(storage)
    done = {"status": COMPLETED, "called_at": NOW}
    promises = await given_promises(storage, queue, *[done] * 4)
    moment, (first, *_) = timedelta(microseconds=1), promises
    calls = [first.low - moment, first.low, first.high, first.high + moment]
    await settle(storage, {one.token_id: at for one, at in zip(promises, calls, strict=True)})
    at_the_edges = [
        Accuracy(of, 4, before_high=3, before_low=1, median_error=600.0)
        for of in (None, queue.service_id)
    ]
    found = await accuracy(storage, queue.clinic_id)
    assert [replace(one, median_error=600.0) for one in found] == at_the_edges
    assert [one.median_error for one in found] == [pytest.approx(600.0, abs=1e-5)] * 2
    # From an instant on, that one too.
    assert (await accuracy(storage, queue.clinic_id, since=first.low))[0].samples == 3
    assert (await accuracy(storage, queue.clinic_id, since=first.high + moment))[0].samples == 1
    assert len(await accuracy(storage, queue.clinic_id, since=first.high + 2 * moment)) == 1


def recounted(promises: Collection[Promise], service_id: ServiceId | None) -> Accuracy:
    called = [(one, one.called_at) for one in promises if one.called_at is not None]
    if service_id is not None:
        called = [one for one in called if one[0].service_id == service_id]
    errors = [abs(at.timestamp() - one.likely.timestamp()) for one, at in called]
    return Accuracy(
        service_id,
        len(called),
        len([one for one, at in called if not at > one.high]),
        len([one for one, at in called if not at >= one.low]),
        pytest.approx(median(errors), abs=1e-4) if errors else None,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("seed", range(6))
async def test_accuracy_is_what_a_recount_finds(storage: Storage, seed: int) -> None:
    chance = random.Random(seed)
    clinic, elsewhere = build_clinic(), build_clinic()
    services = [clinic.service, *(build_service(clinic.id) for _ in range(3))]
    queues = [build_queue(clinic, service=service, max_size=100) for service in services]
    other = build_queue(elsewhere)
    await given(storage, clinic, elsewhere, *services[1:], *queues, other)
    promises: list[Promise] = []
    for queue in [*queues[: chance.randint(1, 4)], other]:
        tokens = await given_tokens(storage, queue, *[{}] * chance.choice([1, 2, 3, 10, 41]))
        for token in tokens:
            # Whole minutes: some are the same, and some on the edge.
            leave_by, low, likely, high = sorted(chance.randrange(60) for _ in range(4))
            promises.append(
                build_promise(
                    token,
                    clinic_id=queue.clinic_id,
                    leave_by=NOW + timedelta(minutes=leave_by),
                    low=NOW + timedelta(minutes=low),
                    likely=NOW + timedelta(minutes=likely),
                    high=NOW + timedelta(minutes=high),
                )
            )
    await told(storage, *promises)
    outcomes: dict[TokenId, datetime | None] = {
        one.token_id: NOW + timedelta(minutes=chance.randrange(70))
        if chance.random() < 0.8
        else None
        for one in chance.sample(promises, k=len(promises) * 9 // 10)
    }
    await settle(storage, outcomes)
    settled = [replace(one, called_at=outcomes.get(one.token_id)) for one in promises]
    for since in (NOW, NOW + timedelta(minutes=30), NOW + timedelta(minutes=69)):
        counted = [
            one
            for one in settled
            if one.clinic_id == clinic.id and one.called_at is not None and one.called_at >= since
        ]
        those = sorted({one.service_id for one in counted})
        assert await accuracy(storage, clinic.id, since=since) == [
            recounted(counted, of) for of in (None, *those)
        ]


# --- what was learned -----------------------------------------------------------------------


async def test_what_was_learned_comes_back_and_the_newer_takes_the_place_of_the_older(
    storage: Storage,
) -> None:
    mine, other, empty = [await given_queue(storage) for _ in range(3)]
    first = Calibration(bias=0.7, late=-0.3, early=0.7, samples=1)
    second = Calibration(bias=1.5, late=0.1 + 0.2, early=1 / 3, samples=2_000)
    key, beside, elsewhere = (mine.service_id, 3), (mine.service_id, 0), (other.service_id, 3)
    async with storage.write() as db:
        await db.calibrations.save({})
        await db.calibrations.save({key: first, elsewhere: second})
        await db.commit()
    async with storage.write() as db:
        await db.calibrations.save({beside: first, key: second})
        await db.commit()
    mine_learned = {beside: first, key: second}
    for lock in (False, True):
        async with storage.write() as db:
            of = db.calibrations.of_services
            assert await of([mine.service_id], lock=lock) == mine_learned
            both = [mine.service_id, other.service_id, empty.service_id, ServiceId(new_id())]
            assert await of(both, lock=lock) == mine_learned | {elsewhere: second}
            assert await of([empty.service_id], lock=lock) == {}
            assert await of([], lock=lock) == {}


async def test_of_many_who_learn_at_once_none_forgets_what_another_learned(
    storage: Storage,
) -> None:
    one, other = [await given_queue(storage) for _ in range(2)]
    ids = [one.service_id, other.service_id]

    async def learn(service_ids: Sequence[ServiceId], bucket: int) -> None:
        async with storage.write() as db:
            known = await db.calibrations.of_services(service_ids, lock=True)
            await asyncio.sleep(0)
            learned = {}
            for id in service_ids:
                before = known.get((id, bucket), Calibration())
                learned[id, bucket] = replace(before, samples=before.samples + 1)
            await db.calibrations.save(learned)
            await db.commit()

    await asyncio.gather(
        *(learn(ids if number % 2 else ids[::-1], number % 3) for number in range(24)),
        *(learn(ids[:1], 0) for _ in range(6)),
    )
    async with storage.read() as db:
        known = await db.calibrations.of_services(ids)
    assert {key: learned.samples for key, learned in known.items()} == {
        (id, bucket): 8 + (6 if (id, bucket) == (ids[0], 0) else 0)
        for id in ids
        for bucket in range(3)
    }


# --- earlier days ---------------------------------------------------------------------------


async def seen(storage: Storage, service_id: ServiceId, *, days: int = 28) -> list[SeenDay]:
    async with storage.read() as db:
        return await db.tokens.seen_days(service_id, before=TODAY, days=days)


def day_of(clinic: Clinic, ago: int, **fields: Any) -> Queue:
    return build_queue(clinic, at=NOW - timedelta(days=ago), **fields)


async def test_earlier_days_come_in_order_each_with_when_it_was_over(storage: Storage) -> None:
    clinic = build_clinic()
    closed_at = NOW - timedelta(days=3, hours=-2)
    closed = day_of(clinic, 3, closed_at=closed_at, is_active=False)
    days = [day_of(clinic, 29), day_of(clinic, 28), closed, day_of(clinic, 1), day_of(clinic, 0)]
    other = build_service(clinic.id)
    beside = build_queue(clinic, service=other, at=NOW - timedelta(days=1))
    await given(storage, clinic, other, *days[::-1], beside)
    found = await seen(storage, clinic.service.id)
    assert found == [
        SeenDay(
            queue_id=queue.id,
            service_id=clinic.service.id,
            start_time=queue.start_time,
            end_time=queue.end_time,
            over_at=queue.closed_at or queue.day_ends_at,
            tokens=[],
        )
        for queue in days[1:4]
    ]
    assert found[1].over_at == closed_at
    assert [day.queue_id for day in await seen(storage, clinic.service.id, days=3)] == [
        days[2].id,
        days[3].id,
    ]
    assert [day.queue_id for day in await seen(storage, other.id)] == [beside.id]
    assert await seen(storage, ServiceId(new_id())) == []


async def test_of_earlier_days_those_are_seen_who_tell_something_by_number(
    storage: Storage,
) -> None:
    clinic = build_clinic()
    # Enough days that they are not read at once.
    days = [day_of(clinic, ago) for ago in range(11, 0, -1)]
    staff = build_staff(clinic.id)
    await given(storage, clinic, staff, *days)
    called = {"called_at": LONG_AGO, "assigned_to": staff.id}
    tell: list[dict[str, Any]] = [
        {"status": COMPLETED, **called, "completed_at": NOW, "desk_id": DeskId(new_id())},
        {
            "status": SKIPPED,
            **called,
            "skipped_at": NOW,
            "skip_reason": SkipReason.NO_SHOW,
            "priority": Priority.URGENT,
        },
        {"status": CANCELLED, **called, "cancelled_at": NOW, "rejoins": 2},
        {"status": CANCELLED, "rejoins": 1, "priority": Priority.PRIORITY},
        {"status": SKIPPED, "skipped_at": NOW, "skip_reason": SkipReason.NO_SHOW},
        {"status": SKIPPED, **called, "skipped_at": NOW, "skip_reason": SkipReason.STAFF},
    ]
    silent: list[dict[str, Any]] = [
        {"status": CANCELLED},
        {"status": SKIPPED, "skipped_at": NOW, "skip_reason": SkipReason.STAFF},
        {"status": CANCELLED, "postpones": 2},
    ]
    expected: list[list[SeenToken]] = []
    for number, queue in enumerate(days):
        # In another order each day: they come by number all the same.
        mixed = random.Random(number).sample([*tell, *silent], k=len(tell) + len(silent))
        tokens = await given_tokens(storage, queue, *mixed[: 9 - number % 4])
        expected.append([shown(one) for one in tokens if tells(one)])
    assert [list(day.tokens) for day in await seen(storage, clinic.service.id)] == expected


def tells(token: Token) -> bool:
    nobody_came = token.rejoins > 0 or token.skip_reason is SkipReason.NO_SHOW
    return token.called_at is not None or nobody_came


def shown(token: Token) -> SeenToken:
    return SeenToken(
        service_id=token.service_id,
        status=token.status,
        priority=token.priority,
        created_at=token.created_at,
        called_at=token.called_at,
        completed_at=token.completed_at,
        skipped_at=token.skipped_at,
        skip_reason=token.skip_reason,
        rejoins=token.rejoins,
        assigned_to=token.assigned_to,
        desk_id=token.desk_id,
    )


# --- desks ----------------------------------------------------------------------------------


async def test_what_happened_to_a_clinics_desks_comes_oldest_first_and_nothing_else(
    storage: Storage, clock: FixedClock
) -> None:
    clinic, elsewhere = build_clinic(), build_clinic()
    desk, other = build_desk(clinic.id, name="Room 2"), build_desk(elsewhere.id)
    (patient,) = await given_patients(storage, 1)
    token = build_token(patient_id=patient.id, status=CALLED, desk_id=desk.id, desk_name="Room 2")
    called = TokenCalled(
        actor=SYSTEM,
        at=NOW,
        token=token,
        from_status=W,
        queue=build_status(clinic_id=clinic.id),
    )

    def event(kind: type[DeskOpened | DeskPaused | DeskResumed], of: Any = desk) -> Thing:
        happened = kind(
            actor=SYSTEM,
            at=clock.now(),
            clinic_id=of.clinic_id,
            desk_id=of.id,
            desk_name=of.name,
            staff_id=None,
            service_ids=(),
            paused_until=None,
        )
        return build_user(events=[happened])

    await given(storage, event(DeskOpened), event(DeskOpened, other), build_user(events=[called]))
    clock.advance(minutes=1)
    paused_at = clock.now()
    await given(storage, event(DeskPaused))
    clinic.changed(by=SYSTEM, at=clock.now())
    await given(storage, clinic)
    clock.advance(minutes=1)
    await given(storage, event(DeskResumed))

    async def happened(since: datetime) -> list[str]:
        async with storage.read() as db:
            records = await db.journal.of_desks(clinic.id, since=since)
        assert {(one.clinic_id, one.desk_id) for one in records} <= {(clinic.id, desk.id)}
        return [one.event for one in records]

    assert await happened(NOW) == ["DeskOpened", "DeskPaused", "DeskResumed"]
    assert await happened(paused_at) == ["DeskPaused", "DeskResumed"]
    assert await happened(clock.now() + timedelta(milliseconds=1)) == []
    async with storage.read() as db:
        assert len(await db.journal.of_desks(elsewhere.id, since=NOW)) == 1
        first, *_ = await db.journal.of_desks(clinic.id, since=NOW)
        (same, *_) = await db.journal.of_clinic(clinic.id, since=NOW, until=paused_at)
    assert first == same
