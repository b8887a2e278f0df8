"""Tokens are kept with their history, and every question about a queue has its exact answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from qure.application.ports.storage import Storage
from qure.domain.calling_order import HEADS, Line
from qure.domain.errors import Conflict
from qure.domain.ids import DeskId, QueueId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.token import (
    PLACE_STEP,
    CancelReason,
    Move,
    Priority,
    SkipReason,
    Token,
    TokenStatus,
)
from tests.contracts.storage.given import (
    given,
    given_patients,
    given_queue,
    given_tokens,
    numbers,
)
from tests.support.builders import (
    NOW,
    build_clinic,
    build_guest,
    build_queue,
    build_service,
    build_token,
    new_id,
)

LATER = NOW + timedelta(minutes=5)


def everything_that_happens() -> dict[str, Any]:
    """Every field that may change after issuing, and none as it was."""
    return {
        "place": -(1 << 50),
        "priority": Priority.URGENT,
        "status": TokenStatus.COMPLETED,
        "version": 5,
        "called_at": NOW + timedelta(seconds=1),
        "last_called_at": NOW + timedelta(seconds=1, milliseconds=5),
        "started_at": NOW + timedelta(seconds=2, milliseconds=5),
        "completed_at": NOW + timedelta(seconds=3),
        "skipped_at": NOW + timedelta(seconds=4),
        "cancelled_at": NOW + timedelta(seconds=5),
        "recall_count": 3,
        "skip_reason": SkipReason.NO_SHOW,
        "cancel_reason": CancelReason.TRANSFERRED,
        "rejoin_until": NOW + timedelta(minutes=30),
        "rejoins": 2,
        "postpones": 1,
        "desk_id": DeskId(new_id()),
        "desk_name": "Schalter Ä",
        "transferred_to": TokenId(new_id()),
        "name": "Ana",
        "phone": "+34 555 123",
        "note": "Two lines\nof text",
    }


async def test_a_token_comes_back_as_kept_with_every_field(storage: Storage) -> None:
    queue = await given_queue(storage)
    patient, staff = await given_patients(storage, 2)
    token = build_token(
        queue,
        patient_id=patient.id,
        number=3,
        label="B003",
        assigned_to=staff.id,
        transferred_from=TokenId(new_id()),
        guest=True,
        **everything_that_happens(),
    )
    await given(storage, token)
    async with storage.read() as db:
        assert await db.tokens.get(token.id) == token
        assert await db.tokens.get(TokenId(new_id())) is None


@pytest.mark.parametrize("count", [1, 5, 11, 12, 200])
async def test_many_tokens_are_added_and_saved_at_once(storage: Storage, count: int) -> None:
    queue = await given_queue(storage, max_size=200)
    patients = await given_patients(storage, count)
    tokens = [
        build_token(queue, patient_id=patient.id, number=number)
        for number, patient in enumerate(patients, start=1)
    ]
    async with storage.write() as db:
        await db.tokens.add(tokens)
        await db.commit()
    called = [
        token.moved(Move.CALL, at=NOW, assigned_to=patients[0].id, desk_name="One")
        for token in tokens[1:]
    ]
    assert len(called) == count - 1
    async with storage.write() as db:
        await db.tokens.save(called)
        await db.commit()
    async with storage.read() as db:
        assert await db.tokens.of_queue(queue.id) == [tokens[0], *called]


async def test_of_many_tokens_of_which_one_is_refused_none_is_kept(storage: Storage) -> None:
    queue = await given_queue(storage)
    standing, *_ = await given_tokens(storage, queue, {"status": TokenStatus.CALLED})
    patients = await given_patients(storage, 20)
    tokens = [
        build_token(queue, patient_id=patient.id, number=number)
        for number, patient in enumerate(patients, start=2)
    ]
    again = build_token(queue, patient_id=standing.patient_id, number=30)
    with pytest.raises(Conflict) as refusal:
        async with storage.write() as db:
            await db.tokens.add([*tokens, again])
    assert refusal.value.code == "active_token_exists"
    async with storage.read() as db:
        assert await db.tokens.of_queue(queue.id) == [standing]


async def test_adding_or_saving_no_tokens_does_nothing(storage: Storage) -> None:
    queue = await given_queue(storage)
    async with storage.write() as db:
        await db.tokens.add([])
        await db.tokens.save([])
        await db.commit()
    async with storage.read() as db:
        assert await db.tokens.of_queue(queue.id) == []


async def test_saving_a_token_changes_everything_that_may_change(storage: Storage) -> None:
    queue = await given_queue(storage)
    token, other = await given_tokens(storage, queue, {}, {})
    changed = replace(token, assigned_to=other.patient_id, **everything_that_happens())
    for each in (changed, token):
        async with storage.write() as db:
            await db.tokens.save([each])
            await db.commit()
        async with storage.read() as db:
            assert await db.tokens.of_queue(queue.id) == [each, other]


async def test_a_held_token_waits_no_longer_for_its_turn(storage: Storage) -> None:
    queue = await given_queue(storage)
    token, other = await given_tokens(storage, queue, {}, {})
    held = token.moved(Move.HOLD, at=NOW, on_hold=True)
    async with storage.write() as db:
        await db.tokens.save([held])
        await db.commit()
    async with storage.read() as db:
        assert await db.tokens.get(token.id) == held
        assert heads(await db.tokens.line_for(queue.id, None)) == [other]
        places = await db.tokens.places(queue.id, Priority.NORMAL, behind=None, limit=9)
    assert places == [other.place]


async def test_tokens_as_issued_and_others_are_added_together(storage: Storage) -> None:
    queue = await given_queue(storage)
    guest = build_guest()
    await given(storage, guest)
    (patient,) = await given_patients(storage, 1)
    walk_in = build_token(
        queue,
        patient_id=guest.id,
        number=1,
        priority=Priority.PRIORITY,
        transferred_from=TokenId(new_id()),
        guest=True,
        name="Ana",
        phone="555",
        note="On crutches",
    )
    moved = build_token(queue, patient_id=patient.id, number=2, version=3, postpones=1)
    async with storage.write() as db:
        await db.tokens.add([walk_in])
        await db.tokens.add([moved])
        await db.commit()
    async with storage.read() as db:
        assert await db.tokens.of_queue(queue.id) == [walk_in, moved]


# --- the line -------------------------------------------------------------------------------


def heads(line: Line) -> list[Token]:
    """By class, in the order of calls."""
    return sorted(line.heads.values(), key=lambda one: (one.priority, one.place, one.number))


def by_number(tokens: Iterable[Token]) -> list[Token]:
    return sorted(tokens, key=lambda token: token.number)


async def test_the_heads_of_a_line_are_the_first_of_each_class_by_place_and_number(
    storage: Storage,
) -> None:
    elsewhere = await given_queue(storage)
    await given_tokens(storage, elsewhere, {})
    queue = await given_queue(storage)
    nobody = UserId(new_id())
    async with storage.read() as db:
        for asking in (nobody, None):
            line = await db.tokens.line_for(queue.id, asking)
            assert (line.heads, line.assigned) == ({}, ())
    urgent = {"priority": Priority.URGENT}
    tokens = await given_tokens(
        storage,
        queue,
        {"status": TokenStatus.CANCELLED},
        {"status": TokenStatus.CALLED},
        {"number": 4},
        {"number": 3},
        {"number": 5, "priority": Priority.PRIORITY},
        {"number": 6, "priority": Priority.PRIORITY, "place": 1},
        {"number": 7, **urgent, "status": TokenStatus.SKIPPED, "place": 0},
        {"number": 8, **urgent, "on_hold": True, "place": 0},
        *({"number": number, **urgent, "place": 7} for number in range(9, 19)),
    )
    expected = [tokens[2], tokens[3], tokens[4], tokens[5], *tokens[8 : 8 + HEADS]]
    async with storage.read() as db:
        for asking in (nobody, None):
            line = await db.tokens.line_for(queue.id, asking)
            assert by_number(line.heads.values()) == by_number(expected)
            assert line.assigned == ()


async def test_the_place_and_not_the_number_says_who_is_first(storage: Storage) -> None:
    queue = await given_queue(storage)
    _, second, *_ = await given_tokens(storage, queue, {"place": 1 << 60}, {"place": -1}, {})
    async with storage.read() as db:
        line = await db.tokens.line_for(queue.id, UserId(new_id()))
    assert line.next(priority_run=0) == (second, 0)


async def test_after_any_move_the_next_five_are_known_from_the_heads(storage: Storage) -> None:
    queue = await given_queue(storage)
    tokens = await given_tokens(storage, queue, *({} for _ in range(9)))
    async with storage.read() as db:
        line = await db.tokens.line_for(queue.id, None)
    line.changed(tokens[0].moved(Move.CALL, at=NOW))
    assert line.upcoming(5, priority_run=0) == tokens[1:6]


async def test_assigned_is_what_that_staff_member_has_called_or_started_there(
    storage: Storage,
) -> None:
    queue, elsewhere = await given_queue(storage), await given_queue(storage)
    staff, colleague = await given_patients(storage, 2)
    hers = {"assigned_to": staff.id}
    *_, waiting = await given_tokens(
        storage,
        queue,
        {**hers, "number": 5, "status": TokenStatus.IN_PROGRESS},
        {**hers, "number": 4, "status": TokenStatus.CALLED, "priority": Priority.URGENT},
        {**hers, "number": 3, "status": TokenStatus.COMPLETED},
        {"assigned_to": colleague.id, "number": 2, "status": TokenStatus.CALLED},
        {**hers, "number": 1},
    )
    await given_tokens(storage, elsewhere, {**hers, "status": TokenStatus.CALLED})
    async with storage.read() as db:
        for who, expected in ((staff.id, [4, 5]), (colleague.id, [2]), (UserId(new_id()), [])):
            line = await db.tokens.line_for(queue.id, who)
            assert numbers(line.assigned) == expected
            assert heads(line) == [waiting]
        line = await db.tokens.line_for(queue.id, None)
        assert (line.assigned, heads(line)) == ((), [waiting])


async def test_taken_is_all_that_patients_took_there_and_what_is_active_elsewhere_today(
    storage: Storage,
) -> None:
    clinics = [build_clinic(timezone="UTC") for _ in range(3)]
    here, elsewhere, another = (build_queue(clinic) for clinic in clinics)
    yesterday = build_queue(clinics[1], at=NOW - timedelta(days=1))
    await given(storage, *clinics, here, elsewhere, another, yesterday)
    ada, grace, newcomer = await given_patients(storage, 3)

    def token(queue: Queue, number: int, status: TokenStatus = TokenStatus.WAITING) -> Token:
        return build_token(queue, patient_id=ada.id, number=number, status=status)

    expected = [
        token(here, 1, TokenStatus.CANCELLED),
        token(here, 2, TokenStatus.SKIPPED),
        token(here, 3, TokenStatus.COMPLETED),
        token(here, 4),
        token(elsewhere, 1),
        token(another, 1, TokenStatus.IN_PROGRESS),
    ]
    over = [token(elsewhere, 2, TokenStatus.COMPLETED), token(yesterday, 1)]
    of_grace = build_token(here, patient_id=grace.id, number=5)
    await given(storage, *expected, *over, of_grace)
    async with storage.read() as db:
        taken = await db.tokens.taken_by({ada.id, newcomer.id}, queue_id=here.id, now=NOW)
        assert set(taken.pop(ada.id)) == set(expected)
        assert taken == {newcomer.id: []}
        of_hers = await db.tokens.taken_by([grace.id], queue_id=here.id, now=NOW)
        assert of_hers == {grace.id: [of_grace]}
        assert await db.tokens.taken_by([], queue_id=here.id, now=NOW) == {}


@pytest.mark.parametrize("count", [1, 2, 3, 31, 32, 33, 500])
async def test_what_however_many_who_ask_at_once_have_taken_is_found(
    storage: Storage, count: int
) -> None:
    queue = await given_queue(storage, max_size=1000)
    tokens = await given_tokens(storage, queue, *({} for _ in range(count)))
    patients = [token.patient_id for token in tokens]
    async with storage.write() as db:
        assert await db.users.lock(patients) == dict.fromkeys(patients, "Ada Lovelace")
        taken = await db.tokens.taken_by(patients, queue_id=queue.id, now=NOW)
    assert taken == {token.patient_id: [token] for token in tokens}


async def test_a_patient_whose_token_ended_may_stand_again(storage: Storage) -> None:
    queue = await given_queue(storage)
    (cancelled,) = await given_tokens(storage, queue, {"status": TokenStatus.CANCELLED})
    again = build_token(queue, number=2, patient_id=cancelled.patient_id)
    await given(storage, again)
    async with storage.read() as db:
        assert await db.tokens.active_of(cancelled.patient_id, now=NOW) == [again]


async def test_a_patients_active_tokens_are_those_in_queues_of_now(storage: Storage) -> None:
    clinics = [build_clinic(timezone=zone) for zone in ("Asia/Tokyo", "UTC", "UTC")]
    yesterday = build_queue(clinics[1], at=NOW - timedelta(days=1))
    queues = [build_queue(clinic) for clinic in clinics]
    await given(storage, *clinics, yesterday, *queues)
    (patient,) = await given_patients(storage, 1)
    mine = {"patient_id": patient.id}
    third = build_token(queues[0], **mine, number=9)
    second = build_token(queues[1], **mine, number=2, created_at=NOW + timedelta(seconds=1))
    first = build_token(queues[2], **mine, number=2, status=TokenStatus.IN_PROGRESS)
    ended = build_token(queues[2], **mine, number=1, status=TokenStatus.SKIPPED)
    done = build_token(queues[2], **mine, number=3, status=TokenStatus.COMPLETED)
    old = build_token(yesterday, **mine, number=1)
    await given(storage, third, second, first, ended, done, old)
    await given_tokens(storage, queues[0], {})
    async with storage.read() as db:
        assert await db.tokens.active_of(patient.id, now=NOW) == [first, second, third]
        standing = await db.tokens.standing_of(patient.id, now=NOW)
        assert standing == [ended, first, second, third]
        # The day ends with its last millisecond.
        ends = queues[1].day_ends_at
        last = await db.tokens.active_of(patient.id, now=ends - timedelta(milliseconds=1))
        assert second in last
        assert second not in await db.tokens.active_of(patient.id, now=ends)
        assert second in await db.tokens.active_of(patient.id, now=queues[1].day_starts_at)
        assert ended not in await db.tokens.standing_of(patient.id, now=ends)


async def test_the_tokens_of_a_queue_come_by_number_and_by_what_is_asked(
    storage: Storage,
) -> None:
    queue, elsewhere = await given_queue(storage), await given_queue(storage)
    await given_tokens(storage, elsewhere, {})
    tokens = await given_tokens(
        storage,
        queue,
        {"number": 3},
        {"number": 1, "status": TokenStatus.SKIPPED},
        {"number": 2, "status": TokenStatus.CALLED},
        {"number": 4},
    )
    async with storage.read() as db:
        assert numbers(await db.tokens.of_queue(queue.id)) == [1, 2, 3, 4]
        waiting = await db.tokens.of_queue(queue.id, status=TokenStatus.WAITING)
        assert numbers(waiting) == [3, 4]
        assert await db.tokens.of_queue(queue.id, number=2) == [tokens[2]]
        assert await db.tokens.of_queue(queue.id, number=2, status=TokenStatus.WAITING) == []
        assert await db.tokens.of_queue(queue.id, number=99) == []
        assert await db.tokens.of_queue(QueueId(new_id())) == []


async def test_on_the_board_are_those_who_are_active_or_skipped(storage: Storage) -> None:
    queue, elsewhere = await given_queue(storage), await given_queue(storage)
    await given_tokens(storage, elsewhere, {})
    states = [*TokenStatus, TokenStatus.WAITING]
    tokens = await given_tokens(storage, queue, *({"status": each} for each in states))
    gone = {TokenStatus.COMPLETED, TokenStatus.CANCELLED}
    async with storage.read() as db:
        board = await db.tokens.on_board(queue.id)
        assert board == [token for token in tokens if token.status not in gone]
        assert await db.tokens.on_board(QueueId(new_id())) == []


async def test_active_tokens_are_read_in_pieces_by_number(storage: Storage) -> None:
    queue, elsewhere = await given_queue(storage), await given_queue(storage)
    await given_tokens(storage, elsewhere, {})
    tokens = await given_tokens(
        storage,
        queue,
        {"number": 5, "place": 0},
        {"number": 1, "status": TokenStatus.COMPLETED},
        {"number": 2, "on_hold": True},
        {"number": 3, "status": TokenStatus.CALLED},
        {"number": 4, "status": TokenStatus.IN_PROGRESS},
    )
    active = [*tokens[2:], tokens[0]]
    async with storage.read() as db:
        assert await db.tokens.active_in(queue.id, limit=10) == active
        assert await db.tokens.active_in(queue.id, limit=2) == active[:2]


# --- places ---------------------------------------------------------------------------------


async def test_places_are_those_of_one_class_in_the_order_of_calls(storage: Storage) -> None:
    queue, elsewhere = await given_queue(storage), await given_queue(storage)
    await given_tokens(storage, elsewhere, {"place": 11})
    first, _, _, _, second, _, third, last = await given_tokens(
        storage,
        queue,
        {"place": 10},
        {"place": 12, "priority": Priority.PRIORITY},
        {"place": 13, "on_hold": True},
        {"place": 14, "status": TokenStatus.CALLED},
        {"place": 20},
        {"place": 21, "status": TokenStatus.SKIPPED},
        {"place": 20},
        {"place": 30},
    )
    async with storage.read() as db:

        async def places(behind: Token | None, limit: int = 9) -> list[int]:
            return await db.tokens.places(queue.id, Priority.NORMAL, behind=behind, limit=limit)

        assert await places(None) == [10, 20, 20, 30]
        assert await places(None, 2) == [10, 20]
        assert await places(first) == [20, 20, 30]
        # At one place the lower number comes first.
        assert await places(second) == [20, 30]
        assert await places(third) == [30]
        assert await places(last) == []
        assert await places(first, 1) == [20]
        priority = await db.tokens.places(queue.id, Priority.PRIORITY, behind=None, limit=9)
        assert priority == [12]
        assert await db.tokens.places(queue.id, Priority.URGENT, behind=None, limit=9) == []


async def test_spacing_out_makes_room_between_all_of_a_class_and_changes_no_order(
    storage: Storage,
) -> None:
    queue, elsewhere = await given_queue(storage), await given_queue(storage)
    other_queue = await given_tokens(storage, elsewhere, {"place": 5})
    end = 9 * PLACE_STEP
    crowded = await given_tokens(
        storage,
        queue,
        {"place": 7},
        {"place": 6},
        {"place": 7, "status": TokenStatus.COMPLETED},
        {"place": 8, "on_hold": True},
        {"place": -3, "status": TokenStatus.SKIPPED},
        {"place": end},
        {"place": 7, "priority": Priority.PRIORITY},
    )
    async with storage.write() as db:
        await db.tokens.space_out(queue.id, Priority.NORMAL)
        await db.tokens.space_out(queue.id, Priority.URGENT)
        await db.commit()
    async with storage.read() as db:
        spaced = await db.tokens.of_queue(queue.id)
        assert await db.tokens.of_queue(elsewhere.id) == other_queue
    assert spaced[-1] == crowded[-1]
    assert [replace(now, place=was.place) for now, was in zip(spaced, crowded, strict=True)] == (
        crowded
    )
    of_class = sorted(spaced[:-1], key=lambda token: token.place)
    assert numbers(of_class) == [5, 2, 1, 3, 4, 6]
    gaps = {later.place - earlier.place for earlier, later in pairwise(of_class)}
    assert gaps == {PLACE_STEP}
    # Who comes to the end of the line still comes behind all of them.
    assert of_class[-1].place <= end


# --- not there ------------------------------------------------------------------------------


async def test_who_was_called_as_long_ago_as_their_clinic_waits_has_not_shown_up(
    storage: Storage,
) -> None:
    def called(minutes: float, **fields: Any) -> dict[str, Any]:
        at = LATER - timedelta(minutes=minutes)
        return {"status": TokenStatus.CALLED, "called_at": NOW, "last_called_at": at, **fields}

    patient = await given_queue(storage, no_show_minutes=5)
    first, *_ = await given_tokens(
        storage,
        patient,
        called(5),
        called(4.999),
        called(9, status=TokenStatus.IN_PROGRESS),
        called(9, status=TokenStatus.WAITING),
    )
    hasty = await given_queue(storage, no_show_minutes=1)
    second, third, _ = await given_tokens(storage, hasty, called(2), called(1), called(0.999))
    never = await given_queue(storage, no_show_minutes=None)
    await given_tokens(storage, never, called(600))
    async with storage.read() as db:
        gone = await db.tokens.not_shown_up(now=LATER, limit=10)
        assert gone == [first.id, second.id, third.id]
        assert await db.tokens.not_shown_up(now=LATER, limit=2) == gone[:2]
        assert await db.tokens.not_shown_up(now=NOW - timedelta(days=1), limit=10) == []


async def test_who_waits_for_a_clinic_that_waits_longer_is_no_reason_to_pass_over_others(
    storage: Storage,
) -> None:
    slow, quick = (
        await given_queue(storage, no_show_minutes=60),
        await given_queue(storage, no_show_minutes=1),
    )
    still = {"status": TokenStatus.CALLED, "last_called_at": NOW - timedelta(minutes=59)}
    await given_tokens(storage, slow, *(still for _ in range(5)))
    over = {"status": TokenStatus.CALLED, "last_called_at": NOW - timedelta(minutes=1)}
    (gone,) = await given_tokens(storage, quick, over)
    async with storage.read() as db:
        assert await db.tokens.not_shown_up(now=NOW, limit=1) == [gone.id]


async def test_a_token_of_a_second_service_counts_by_its_clinic(storage: Storage) -> None:
    clinic = build_clinic(no_show_minutes=1)
    service = build_service(clinic.id)
    queue = build_queue(clinic, service=service)
    await given(storage, clinic, service, queue)
    over = {"status": TokenStatus.CALLED, "last_called_at": NOW - timedelta(minutes=1)}
    (gone,) = await given_tokens(storage, queue, over)
    async with storage.read() as db:
        assert await db.tokens.get(gone.id) == gone
        assert gone.label == f"{service.prefix}001"
        assert await db.tokens.not_shown_up(now=NOW, limit=10) == [gone.id]
