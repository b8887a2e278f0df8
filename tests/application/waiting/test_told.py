"""What is told of a forecast: to each who waits, and to whoever thinks of joining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from qure.application.waiting.told import TOLD_AT_ONCE, QueueWaits, tell
from qure.domain.ids import ServiceId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token, TokenStatus
from qure.domain.waiting.forecast import Outlook, QueueForecast
from qure.domain.waiting.promise import Promise
from qure.domain.waiting.scene import Line, Waiting
from qure.domain.waiting.slices import finished
from qure.domain.waiting.wait import Basis, Range, Reason, Unknown, Wait, WaitState
from tests.support.builders import NOW, build_queue, build_token, new_id

POSIX = NOW.timestamp()
INSTANTS = ("low", "likely", "high", "leave_by")


def minutes(number: float) -> datetime:
    """So many from now."""
    return NOW + timedelta(minutes=number)


def outlook(ahead: int = 0, *, likely: float = 30, **fields: Any) -> Outlook:
    """Called in so many minutes, give or take a third."""
    bounds = [POSIX + 60 * likely * share for share in (0.5, 2 / 3, 1, 4 / 3)]
    given: dict[str, Any] = {"is_next": False, "before_closing": 1.0, **fields}
    return Outlook(ahead, Range(*bounds), **given)


def forecast_of(waiting: Mapping[TokenId, Outlook], **fields: Any) -> QueueForecast:
    given: dict[str, Any] = {
        "unknown": None,
        "basis": Basis.HISTORY,
        "reasons": (),
        "if_joined": outlook(len(waiting), likely=60),
        **fields,
    }
    return QueueForecast(waiting=waiting, **given)


class Told:
    """A queue in which so many wait, and what is told of it."""

    def __init__(self, number: int = 1, **queue: Any) -> None:
        self.queue: Queue = build_queue(**queue)
        self.tokens: list[Token] = [
            build_token(self.queue, number=one) for one in range(1, number + 1)
        ]
        self.token = self.tokens[0]

    def waits(self, waiting: Mapping[TokenId, Outlook] | None = None, **fields: Any) -> QueueWaits:
        if waiting is None:
            waiting = {one.id: outlook(ahead) for ahead, one in enumerate(self.tokens)}
        line = Line(
            queue_id=self.queue.id,
            service_id=self.queue.service_id,
            waiting=tuple(Waiting(one.id, POSIX) for one in self.tokens),
            opens_at=POSIX,
            closes_at=POSIX,
            has_begun=True,
        )
        forecast = forecast_of(waiting, **fields)
        return finished(tell(forecast, line, self.queue.status(), as_of=NOW))

    def unknown(self, **fields: Any) -> QueueWaits:
        return self.waits({}, if_joined=None, **fields)


def is_nothing(wait: Wait, why: Unknown) -> bool:
    instants = [getattr(wait, name) for name in INSTANTS]
    return (wait.state, wait.unknown, instants) == (WaitState.UNKNOWN, why, [None] * 4)


def test_who_waits_is_told_a_range_rounded_outwards_with_what_it_comes_from() -> None:
    there = Told(version=7)
    waits = there.waits({there.token.id: outlook(likely=31)}, reasons=(Reason.URGENT_CASES,))
    assert waits.of(there.token) == Wait(
        state=WaitState.ESTIMATED,
        leave_by=minutes(15),
        low=minutes(20),
        likely=minutes(30),
        high=minutes(45),
        basis=Basis.HISTORY,
        reasons=(Reason.URGENT_CASES,),
        as_of=NOW,
        version=7,
    )


def test_who_is_next_is_told_so_and_no_minutes() -> None:
    there = Told()
    wait = there.waits({there.token.id: outlook(is_next=True)}).of(there.token)
    assert (wait.state, {getattr(wait, name) for name in INSTANTS}) == (WaitState.NEXT, {NOW})


def test_who_may_not_be_reached_today_is_told_so() -> None:
    there = Told(2)
    waits = there.waits(
        {
            there.tokens[0].id: outlook(0, before_closing=0.8, is_next=True),
            there.tokens[1].id: outlook(1, before_closing=0.79),
        },
        reasons=(Reason.RUNNING_OVER,),
    )
    assert waits.of(there.tokens[0]).reasons == (Reason.RUNNING_OVER,)
    told = waits.of(there.tokens[1]).reasons
    assert told == (Reason.MAY_NOT_BE_REACHED, Reason.RUNNING_OVER), "in one order"


def test_of_a_token_that_does_not_wait_nothing_is_known() -> None:
    there = Told()
    waits = there.waits()
    assert is_nothing(waits.of(None), Unknown.NOT_WAITING)
    for status in TokenStatus:
        wait = waits.of(replace(there.token, status=status))
        assert is_nothing(wait, Unknown.NOT_WAITING) == (status is not TokenStatus.WAITING)


def test_of_who_stepped_out_nothing_is_known_until_they_are_back() -> None:
    there = Told()
    assert is_nothing(there.waits().of(replace(there.token, on_hold=True)), Unknown.ON_HOLD)


@pytest.mark.parametrize("why", [Unknown.PAUSED, Unknown.CLOSED, Unknown.NO_DESK])
def test_where_nothing_is_known_nobody_is_told_anything_but_why(why: Unknown) -> None:
    there = Told(version=4)
    waits = there.unknown(unknown=why)
    wait = waits.of(there.token)
    assert is_nothing(wait, why)
    assert (wait.basis, wait.as_of, wait.version) == (Basis.HISTORY, NOW, 4)
    assert is_nothing(waits.of(replace(there.token, on_hold=True)), Unknown.ON_HOLD)
    assert is_nothing(waits.of(None), Unknown.NOT_WAITING)
    assert is_nothing(waits.if_joined, why)
    assert waits.before_closing == (0 if why is Unknown.CLOSED else None)


def test_who_has_joined_since_is_told_what_whoever_joins_is_told() -> None:
    there = Told()
    waits = there.waits()
    assert waits.of(build_token(there.queue)) == waits.if_joined
    assert waits.if_joined.likely == minutes(60)


def test_who_joins_is_told_how_likely_it_is_to_be_called_before_closing() -> None:
    assert Told().waits(if_joined=outlook(before_closing=0.7249)).before_closing == 0.72


def test_nobody_can_join_a_queue_that_takes_nobody() -> None:
    there = Told(is_active=False)
    waits = there.waits()
    assert is_nothing(waits.if_joined, Unknown.CLOSED)
    assert waits.before_closing == 0
    assert waits.of(there.token).state is WaitState.ESTIMATED, "who has a number is called"


def test_where_nobody_would_ever_call_a_newcomer_there_is_no_desk_for_them() -> None:
    waits = Told().waits(if_joined=None)
    assert is_nothing(waits.if_joined, Unknown.NO_DESK)
    assert waits.before_closing is None


def test_a_queue_says_of_whom_it_was_made_and_how_many_are_ahead() -> None:
    there = Told(3, service_id=ServiceId(new_id()))
    queue, waits = there.queue, there.waits()
    assert (waits.clinic_id, waits.service_id, waits.queue_id) == (
        queue.clinic_id,
        queue.service_id,
        queue.id,
    )
    assert waits.known == {token.id for token in there.tokens}
    assert [waits.ahead[token.id] for token in there.tokens] == [0, 1, 2]
    assert (waits.as_of, waits.version, waits.unknown) == (NOW, queue.version, None)


def test_others_may_run_while_many_are_told() -> None:
    there = Told(3 * TOLD_AT_ONCE)
    waiting = {token.id: outlook() for token in there.tokens}
    line = Line(
        queue_id=there.queue.id,
        service_id=there.queue.service_id,
        waiting=(),
        opens_at=POSIX,
        closes_at=POSIX,
        has_begun=True,
    )
    work = tell(forecast_of(waiting), line, there.queue.status(), as_of=NOW)
    assert len(list(work)) == 4


# What is promised


def test_what_is_told_is_promised_as_it_was_told() -> None:
    there = Told(3, version=9)
    token = there.tokens[2]
    waits = there.waits({token.id: outlook(2)}, reasons=(Reason.DOCTOR_LATE,))
    assert waits.promise_to(token.id) == Promise(
        token_id=token.id,
        clinic_id=there.queue.clinic_id,
        service_id=there.queue.service_id,
        queue_id=there.queue.id,
        ahead=2,
        as_of=NOW,
        leave_by=minutes(15),
        low=minutes(20),
        likely=minutes(30),
        high=minutes(40),
        basis=Basis.HISTORY,
        reasons=(Reason.DOCTOR_LATE,),
        version=9,
    )


def test_nothing_is_promised_to_who_was_told_nothing() -> None:
    there = Told()
    assert there.unknown(unknown=Unknown.NO_DESK).promise_to(there.token.id) is None
    assert there.waits().promise_to(TokenId(new_id())) is None
