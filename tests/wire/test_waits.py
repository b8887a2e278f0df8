"""What the outside is told of waits."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from qure.application.ports.waiting import Accuracy
from qure.application.waiting.told import unknown_wait
from qure.application.waiting.waits import Plan, WhatIf
from qure.domain.ids import ServiceId, TokenId
from qure.domain.waiting.wait import Basis, Reason, Unknown, WaitState
from qure.wire.body import encode, instant
from qure.wire.queues import BoardUpdateBody, QueueOfDayBody, StatusBody
from qure.wire.tokens import BoardTokenBody
from qure.wire.waits import (
    ENOUGH_SAMPLES,
    AccuracyBody,
    AskWhatIf,
    BoardWaitsBody,
    QueueWaitBody,
    WaitBody,
    WhatIfBody,
    token_waits,
)
from tests.sockets.forecaster import build_wait, build_waits
from tests.support.builders import (
    NOW,
    build_promise,
    build_queue,
    build_token,
    new_id,
)

NO_INSTANTS = dict.fromkeys(("low", "likely", "high", "leaveBy"))


def shown(body: Any) -> Any:
    return json.loads(encode(body))


def at(minutes: float) -> str:
    return instant(NOW + timedelta(minutes=minutes))


def test_a_wait_is_a_range_with_its_reasons_and_says_of_when_it_is() -> None:
    wait = build_wait(
        basis=Basis.HISTORY,
        reasons=(Reason.DOCTOR_LATE, Reason.MAY_NOT_BE_REACHED),
        version=7,
    )
    assert shown(WaitBody.of(wait)) == {
        "state": "estimated",
        "reason": None,
        "low": at(10),
        "likely": at(20),
        "high": at(30),
        "leaveBy": at(5),
        "basis": "history",
        "reasons": ["doctor_late", "may_not_be_reached_today"],
        "asOf": at(0),
        "version": 7,
    }


def test_who_is_next_is_told_so_and_all_instants_are_now() -> None:
    wait = build_wait(state=WaitState.NEXT, low=NOW, likely=NOW, high=NOW, leave_by=NOW)
    told = shown(WaitBody.of(wait))
    assert told["state"] == "next"
    assert {told[name] for name in ("low", "likely", "high", "leaveBy", "asOf")} == {at(0)}


@pytest.mark.parametrize("why", Unknown)
def test_of_what_is_not_known_there_is_a_reason_and_no_instant(why: Unknown) -> None:
    told = shown(WaitBody.of(unknown_wait(why, Basis.DEFAULT, as_of=NOW, version=3)))
    assert told == NO_INSTANTS | {
        "state": "unknown",
        "reason": why.value,
        "basis": "default",
        "reasons": [],
        "asOf": at(0),
        "version": 3,
    }


def test_a_promise_is_shown_as_the_wait_that_was_told() -> None:
    promise = build_promise(build_token(), reasons=(Reason.URGENT_CASES,), version=9)
    assert shown(WaitBody.of_promise(promise)) == shown(
        WaitBody.of(build_wait(reasons=(Reason.URGENT_CASES,), version=9))
    )


def test_a_queues_wait_is_null_as_long_as_none_was_forecast() -> None:
    assert shown(QueueWaitBody.of(None)) == {"ifJoinedNow": None, "beforeClosing": None}
    waits = build_waits(before_closing=0.87)
    assert shown(QueueWaitBody.of(waits)) == {
        "ifJoinedNow": shown(WaitBody.of(waits.if_joined)),
        "beforeClosing": 0.87,
    }


def test_a_queue_of_the_day_is_its_status_and_its_wait() -> None:
    queue = build_queue()
    waits = build_waits(queue)
    assert shown(QueueOfDayBody.with_wait(queue.status(), waits)) == shown(
        StatusBody.of(queue.status())
    ) | {"wait": shown(QueueWaitBody.of(waits))}


def test_each_token_of_an_update_has_its_wait() -> None:
    queue = build_queue()
    known, held, new = (
        build_token(queue, number=number, on_hold=number == 2) for number in (1, 2, 3)
    )
    waits = build_waits(queue, waiting={known.id: build_wait(20)})
    board = json.loads(
        encode([BoardTokenBody.at(one, 0, waits.of(one)) for one in (known, held, new)])
    )
    assert [(one["wait"]["state"], one["wait"]["likely"]) for one in board] == [
        ("estimated", at(20)),
        ("unknown", None),
        ("estimated", at(60)),
    ]
    assert [info.encode_name for info in msgspec.structs.fields(BoardUpdateBody)] == [
        *("queueId", "version", "status", "changed", "order")
    ]


def test_other_waits_of_a_board_are_named_by_their_tokens() -> None:
    queue, token_id = build_queue(), TokenId(new_id())
    wait = build_wait()
    assert shown(BoardWaitsBody(queue.id, 4, token_waits({token_id: wait}))) == {
        "queueId": str(queue.id),
        "version": 4,
        "waits": [{"tokenId": str(token_id), "wait": shown(WaitBody.of(wait))}],
    }


def test_what_if_shows_both_plans_in_the_order_of_calls() -> None:
    first, second = TokenId(new_id()), TokenId(new_id())
    now = Plan(build_wait(40), {first: build_wait(20), second: build_wait(40)})
    then = Plan(None, {})
    told = shown(WhatIfBody.of(WhatIf(now, then)))
    assert [one["tokenId"] for one in told["now"]["byToken"]] == [str(first), str(second)]
    assert told["now"]["finish"]["likely"] == at(40)
    assert told["then"] == {"finish": None, "byToken": []}


def test_figures_are_told_from_enough_samples_on() -> None:
    few, many = (ServiceId(new_id()) for _ in range(2))
    told = shown(
        AccuracyBody.of(
            [
                Accuracy(None, 2 * ENOUGH_SAMPLES - 1, 47, 11, 252.0),
                Accuracy(few, ENOUGH_SAMPLES - 1, 23, 5, 60.0),
                Accuracy(many, ENOUGH_SAMPLES, 24, 6, 0.0),
            ]
        )
    )
    unsaid = dict.fromkeys(("calledBeforeHigh", "calledBeforeLow", "medianErrorMinutes"))
    assert told == {
        "samples": 59,
        "calledBeforeHigh": 0.797,
        "calledBeforeLow": 0.186,
        "medianErrorMinutes": 4.2,
        "byService": [
            {"serviceId": str(few), "samples": 29} | unsaid,
            {
                "serviceId": str(many),
                "samples": 30,
                "calledBeforeHigh": 0.8,
                "calledBeforeLow": 0.2,
                "medianErrorMinutes": 0.0,
            },
        ],
    }
    assert shown(AccuracyBody.of([])) == {"samples": 0, "byService": []} | unsaid


def test_what_is_asked_is_read_as_instants() -> None:
    asked = AskWhatIf(desks=2, from_="2025-12-30T16:00:00.000Z", until="2025-12-30T16:30:00Z")
    assert (asked.begin, asked.end) == (
        NOW + timedelta(hours=1),
        NOW + timedelta(minutes=90),
    )
    assert (AskWhatIf(desks=2).begin, AskWhatIf(desks=2).end) == (None, None)
