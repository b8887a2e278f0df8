"""What a forecast sees of a clinic: who calls for which lines, and who waits in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qure.application.waiting.scenes import OpenQueue, scene_of
from qure.domain.board import Board
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.events import DeskState
from qure.domain.ids import DeskId, UserId
from qure.domain.queue import Queue
from qure.domain.queue_status import Notice, NoticeKind
from qure.domain.token import Comeback, Priority, Token, TokenStatus
from qure.domain.waiting.scene import InHand, Scene, Seat
from qure.domain.waiting.slices import finished
from qure.domain.waiting.usual import Usual
from qure.domain.waiting.visits import EarlierDays, Session, Visit
from tests.support.builders import (
    NOW,
    build_clinic,
    build_desk,
    build_queue,
    build_service,
    build_staff,
    build_token,
    new_id,
)

MINUTE = timedelta(minutes=1)
POSIX = NOW.timestamp()


def usual_of(queues: Sequence[Queue], *, seats: int = 0) -> Usual:
    """After one day on which so many seats were at work; after none without any."""
    sessions = [
        Session(
            service_id=queue.service_id,
            opens_at=POSIX - 86_400,
            first_arrival_at=None,
            first_call_at=None,
            seats=seats,
        )
        for queue in queues
        if seats
    ]
    expected = {queue.service_id: 600.0 for queue in queues}
    days = EarlierDays(sessions=tuple(sessions))
    return finished(Usual.learned(expected, days, now=POSIX))


class Place:
    """A clinic with queues, and what its scene is."""

    def __init__(self, *, services: int = 1, **queue: Any) -> None:
        self.clinic: Clinic = build_clinic()
        others = [build_service(self.clinic.id) for _ in range(services - 1)]
        self.queues = [build_queue(self.clinic, service=one, **queue) for one in [None, *others]]
        self.queue = self.queues[0]
        self.staff = [build_staff(self.clinic.id) for _ in range(3)]
        self.desks: list[Desk] = []
        self.tokens: list[Token] = []
        self.visits: list[Visit] = []
        self.paused: set[DeskId] = set()
        self.comeback = Comeback()
        self.usual = usual_of(self.queues)

    def desk(self, *queues: Queue, **fields: Any) -> Desk:
        """A desk at which somebody sits, for these queues or the first one."""
        services = tuple(one.service_id for one in queues or [self.queue])
        desk = build_desk(self.clinic.id, self.staff[0], service_ids=services, **fields)
        self.desks.append(desk)
        return desk

    def token(self, queue: Queue | None = None, **fields: Any) -> Token:
        token = build_token(queue or self.queue, number=len(self.tokens) + 1, **fields)
        self.tokens.append(token)
        return token

    def called(self, minutes: int, queue: Queue | None = None, **fields: Any) -> Token:
        """Somebody who was called so many minutes ago."""
        given = {"status": TokenStatus.CALLED, "called_at": NOW - minutes * MINUTE, **fields}
        return self.token(queue, **given)

    def visit(self, minutes: int, queue: Queue | None = None, **fields: Any) -> Visit:
        """One of three minutes' length that was called so many minutes ago."""
        called_at = POSIX - 60 * minutes
        at = fields.pop("at", None)
        visit = Visit((queue or self.queue).service_id, at, called_at, called_at + 180, **fields)
        self.visits.append(visit)
        return visit

    def scene(self) -> Scene:
        queues = [
            OpenQueue(
                queue.status(),
                Board.of(queue, [one for one in self.tokens if one.queue_id == queue.id]),
            )
            for queue in self.queues
        ]
        return scene_of(
            queues,
            self.desks,
            self.visits,
            self.usual,
            self.comeback,
            paused=self.paused,
            now=NOW,
        )

    @property
    def seats(self) -> tuple[Seat, ...]:
        return self.scene().seats

    @property
    def seat(self) -> Seat:
        (seat,) = self.seats
        return seat


# Desks


def test_a_desk_at_which_somebody_sits_is_a_seat_for_what_it_serves() -> None:
    place = Place(services=3)
    desk = place.desk(*place.queues[:2], since=NOW - 30 * MINUTE)
    assert place.seat == Seat(
        id=desk.id,
        service_ids=frozenset(one.service_id for one in place.queues[:2]),
        idle_since=POSIX - 1800,
    )


def test_a_closed_desk_is_none() -> None:
    place = Place()
    place.desks.append(build_desk(place.clinic.id))
    assert place.seats == ()


def test_seats_come_in_the_order_of_desks_whatever_order_they_were_read_in() -> None:
    place = Place()
    ids = [place.desk().id for _ in range(3)]
    place.desks.reverse()
    assert [seat.id for seat in place.seats] == sorted(ids)


def test_a_desk_has_been_idle_since_it_let_the_last_one_go() -> None:
    place = Place()
    desk = place.desk(since=NOW - 60 * MINUTE)
    place.visit(40, at=desk.id)
    last = place.visit(20, at=desk.id)
    place.visit(5, at=new_id())
    assert place.seat.idle_since == last.ended_at


def test_a_desk_that_opened_after_its_last_visit_is_idle_since_it_opened() -> None:
    place = Place()
    desk = place.desk(since=NOW - 2 * MINUTE)
    place.visit(20, at=desk.id)
    assert place.seat.idle_since == POSIX - 120


@pytest.mark.parametrize(
    ("status", "has_come"), [(TokenStatus.CALLED, False), (TokenStatus.IN_PROGRESS, True)]
)
def test_a_desk_has_in_hand_whom_it_called_last(status: TokenStatus, has_come: bool) -> None:
    place = Place(services=2)
    desk = place.desk(*place.queues)
    place.called(9, desk_id=desk.id, assigned_to=place.staff[0].id)
    place.called(4, place.queues[1], desk_id=desk.id, status=status)
    place.called(1, desk_id=new_id())
    in_hand = InHand(place.queues[1].service_id, POSIX - 240, has_come)
    assert {seat.id: seat.in_hand for seat in place.seats} == {desk.id: in_hand}


def test_who_is_in_hand_without_an_instant_of_the_call_is_in_nobodys() -> None:
    place = Place()
    desk = place.desk()
    place.token(status=TokenStatus.CALLED, desk_id=desk.id)
    assert place.seat.in_hand is None


def test_a_pause_with_an_end_is_away_until_then_and_one_without_is_open() -> None:
    since = NOW - 5 * MINUTE
    for until, away, paused_since in (
        (NOW + 10 * MINUTE, ((POSIX - 300, POSIX + 600),), None),
        (None, (), POSIX - 300),
        (NOW - MINUTE, (), POSIX - 300),  # It should be over, and is not.
    ):
        place = Place()
        place.desk(state=DeskState.PAUSED, since=since, paused_until=until)
        assert (place.seat.away, place.seat.paused_since) == (away, paused_since)


def test_a_desk_that_has_paused_today_is_known_to_have() -> None:
    place = Place()
    one, other = place.desk(), place.desk()
    place.paused = {other.id}
    assert {seat.id: seat.has_paused for seat in place.seats} == {one.id: False, other.id: True}


# Without a desk


def test_whoever_has_somebody_in_hand_without_a_desk_is_one_seat() -> None:
    place = Place(services=2)
    person = place.staff[0].id
    place.called(7, assigned_to=person)
    place.called(3, place.queues[1], assigned_to=person)
    assert place.seat == Seat(
        id=person,
        service_ids=frozenset(one.service_id for one in place.queues),
        in_hand=InHand(place.queues[1].service_id, POSIX - 180, False),
    )


def test_who_was_called_by_nobody_makes_no_seat() -> None:
    place = Place()
    place.called(7)
    assert place.seats == ()


def test_whoever_called_in_the_last_hour_goes_on() -> None:
    place = Place()
    first, second, gone = (one.id for one in place.staff)
    place.visit(61, caller_id=gone)
    place.visit(59, caller_id=first)
    place.visit(30, caller_id=second)
    last = place.visit(10, caller_id=first)
    place.visit(5, at=new_id())  # At a desk that has closed since.
    assert {seat.id: seat.idle_since for seat in place.seats} == {
        first: last.ended_at,
        second: POSIX - 27 * 60,
    }


def test_of_two_who_call_without_a_desk_the_one_between_two_patients_is_there_too() -> None:
    place = Place()
    busy, free = place.staff[0].id, place.staff[1].id
    place.called(3, assigned_to=busy)
    place.visit(9, caller_id=busy)
    place.visit(8, caller_id=free)
    assert {seat.id: seat.in_hand is None for seat in place.seats} == {busy: False, free: True}


def test_who_has_called_for_two_lines_is_one_seat_for_both() -> None:
    place = Place(services=2)
    person = place.staff[0].id
    place.visit(20, caller_id=person)
    place.visit(9, place.queues[1], caller_id=person)
    assert place.seat.service_ids == {one.service_id for one in place.queues}


def test_where_a_desk_serves_callers_without_one_do_not_count() -> None:
    place = Place(services=2)
    desk = place.desk()
    place.visit(20, caller_id=place.staff[0].id)
    assert [seat.id for seat in place.seats] == [desk.id]
    caller = place.visit(9, place.queues[1], caller_id=place.staff[1].id)
    assert [seat.service_ids for seat in place.seats[1:]] == [{caller.service_id}]


def test_before_the_first_call_of_a_day_as_many_are_expected_as_the_last_time() -> None:
    place = Place()
    place.usual = usual_of(place.queues, seats=2)
    assert [seat.service_ids for seat in place.seats] == [{place.queue.service_id}] * 2
    assert len({seat.id for seat in place.seats}) == 2
    assert place.seats == place.seats, "the same ones every time"


@pytest.mark.parametrize("change", [{"now_serving": 1}, {"end_time": NOW}])
def test_nobody_is_expected_once_there_was_a_call_or_it_is_after_closing(
    change: dict[str, Any],
) -> None:
    place = Place(**change)
    place.usual = usual_of(place.queues, seats=2)
    assert place.seats == ()


def test_nobody_is_expected_for_a_service_of_which_nothing_is_known() -> None:
    place = Place()
    place.usual = Usual({}, {}, (), ())
    assert place.seats == ()


# Lines


def test_a_line_says_when_it_opens_and_closes_and_how_it_stands() -> None:
    place = Place(services=2)
    place.queues[1].close(by=None, at=NOW)  # type: ignore[arg-type]
    place.queues[1].now_serving = 3
    first, second = place.scene().lines
    assert (first.queue_id, first.service_id) == (place.queue.id, place.queue.service_id)
    assert (first.opens_at, first.closes_at) == (
        place.queue.start_time.timestamp(),
        place.queue.end_time.timestamp(),
    )
    assert (first.has_begun, first.is_closed) == (False, False)
    assert (second.has_begun, second.is_closed) == (True, True)


@pytest.mark.parametrize(
    ("kind", "minutes", "until", "not_before", "is_break", "is_paused"),
    [
        (NoticeKind.DELAY, 30, None, 25, False, False),
        (NoticeKind.DELAY, 30, 15, 15, False, False),
        (NoticeKind.DELAY, 30, 40, 25, False, False),
        (NoticeKind.DELAY, None, 40, 40, False, False),
        (NoticeKind.DELAY, None, None, None, False, False),
        (NoticeKind.PAUSE, None, 20, 20, True, False),
        (NoticeKind.PAUSE, None, None, None, True, True),
        (NoticeKind.NOTE, None, 20, None, False, False),
        (NoticeKind.NOTE, None, None, None, False, False),
    ],
)
def test_what_staff_tell_holds_a_line_up(
    kind: NoticeKind,
    minutes: int | None,
    until: int | None,
    not_before: int | None,
    is_break: bool,
    is_paused: bool,
) -> None:
    """The notice was given five minutes ago; ends are in minutes from now."""
    end = None if until is None else NOW + until * MINUTE
    place = Place(notice=Notice(kind=kind, minutes=minutes, until=end, at=NOW - 5 * MINUTE))
    (line,) = place.scene().lines
    expected = None if not_before is None else POSIX + not_before * 60
    assert (line.not_before, line.is_break, line.is_paused) == (expected, is_break, is_paused)


def test_who_waits_comes_in_the_order_of_calls_and_who_stepped_out_keeps_the_place() -> None:
    place = Place()
    tokens = [place.token(created_at=NOW - (9 - number) * MINUTE) for number in range(4)]
    place.tokens[1] = replace(tokens[1], on_hold=True)
    place.tokens[3] = replace(tokens[3], priority=Priority.URGENT)
    place.called(2, assigned_to=UserId(new_id()))
    (line,) = place.scene().lines
    order = [tokens[number] for number in (3, 0, 1, 2)]
    assert [one.id for one in line.waiting] == [token.id for token in order]
    assert [one.chance for one in line.waiting] == [1.0, 1.0, 0.5, 1.0]
    assert [one.since for one in line.waiting] == [one.created_at.timestamp() for one in order]
    assert [one.priority for one in line.waiting][:2] == [Priority.URGENT, Priority.NORMAL]


def skipped_for(minutes: float, **fields: Any) -> dict[str, Any]:
    """Who was skipped, and may come back for so long."""
    return {
        "status": TokenStatus.SKIPPED,
        "rejoin_until": NOW + timedelta(minutes=minutes),
        **fields,
    }


def test_who_was_not_there_may_come_back_where_they_would_be_let_in() -> None:
    place = Place()
    place.comeback = Comeback(after=1)
    gone = place.token(**skipped_for(15, priority=Priority.PRIORITY))
    first, second = place.token(), place.token()
    (line,) = place.scene().lines
    assert [one.id for one in line.waiting] == [first.id, gone.id, second.id]
    back = line.waiting[1]
    assert back.chance == pytest.approx(place.usual.comeback / 2), "half of the time is left"
    assert (back.since, back.priority) == (POSIX, Priority.PRIORITY)


def test_behind_fewer_people_than_that_they_come_last() -> None:
    place = Place()
    gone = [place.token(**skipped_for(30)) for _ in range(2)]
    (line,) = place.scene().lines
    assert [one.id for one in line.waiting] == [one.id for one in gone]


@pytest.mark.parametrize(
    ("fields", "comeback"),
    [
        (skipped_for(-1), Comeback()),
        (skipped_for(15, rejoins=2), Comeback()),
        (skipped_for(15), Comeback(within=timedelta(0))),
        ({"status": TokenStatus.SKIPPED}, Comeback()),
    ],
)
def test_who_may_not_come_back_is_not_waited_for(
    fields: dict[str, Any], comeback: Comeback
) -> None:
    place = Place()
    place.comeback = comeback
    place.token(**fields)
    (line,) = place.scene().lines
    assert line.waiting == ()
