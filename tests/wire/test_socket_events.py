"""Who hears what of each event, by the names that the mobile app knows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qure.application.queueing.board import Place
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.events import Event
from qure.domain.ids import ClinicId, ImageId, QueueId, SessionId, TokenId, UserId
from qure.domain.token import TokenStatus
from qure.wire import socket_events
from qure.wire.body import encode
from qure.wire.socket_events import (
    ERROR_EVENTS,
    STAFF_EVENTS,
    STAGES,
    CheckUser,
    CloseSession,
    CloseUser,
    ToPatient,
    ToRoom,
    deliveries,
    place,
    place_head,
)
from qure.wire.stored_events import STORED
from qure.wire.tokens import PlaceBody
from tests.support.builders import NOW, build_status, build_token, new_id

STATUS = build_status(version=4)


def token_event(
    kind: type[events.TokenChanged], status: TokenStatus, **fields: Any
) -> events.TokenChanged:
    return kind(
        token=build_token(status=status, **fields),
        from_status=None,
        queue=STATUS,
        actor=SYSTEM,
        at=NOW,
    )


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        (events.TokenCalled, TokenStatus.CALLED, "queue:your_token_called"),
        (events.TokenChosen, TokenStatus.CALLED, "queue:your_token_called"),
        (events.TokenRecalled, TokenStatus.CALLED, "queue:your_token_called"),
        (events.TokenStarted, TokenStatus.IN_PROGRESS, "queue:your_token_started"),
        (events.TokenSkipped, TokenStatus.SKIPPED, "queue:your_token_skipped"),
        (events.TokenCompleted, TokenStatus.COMPLETED, "queue:your_token_completed"),
        (events.TokenCancelled, TokenStatus.CANCELLED, "queue:your_token_changed"),
        (events.TokenRejoined, TokenStatus.WAITING, "queue:your_token_changed"),
        (events.TokenReturned, TokenStatus.WAITING, "queue:your_token_changed"),
        (events.TokenHeld, TokenStatus.WAITING, "queue:your_token_changed"),
        (events.TokenResumed, TokenStatus.WAITING, "queue:your_token_changed"),
        (events.TokenPostponed, TokenStatus.WAITING, "queue:your_token_changed"),
        (events.TokenPriorityChanged, TokenStatus.WAITING, "queue:your_token_changed"),
        (events.TokenTransferred, TokenStatus.COMPLETED, "queue:your_token_changed"),
        (events.TokenTransferred, TokenStatus.CANCELLED, "queue:your_token_changed"),
        (events.TokenRestored, TokenStatus.CALLED, "queue:your_token_changed"),
        (events.TokenRestored, TokenStatus.IN_PROGRESS, "queue:your_token_changed"),
    ],
)
def test_what_was_done_with_a_token_its_patient_hears_first_and_then_the_room(
    kind: type[events.TokenChanged], status: TokenStatus, name: str
) -> None:
    event = token_event(kind, status)
    assert list(deliveries(event)) == [
        ToPatient(event.token.patient_id, name, event.token),
        ToRoom(STATUS),
    ]


@pytest.mark.parametrize("kind", [events.TokenIssued, events.WalkInIssued])
def test_that_a_number_was_given_only_the_room_hears_unless_a_transfer_gave_it(
    kind: type[events.TokenIssued],
) -> None:
    assert list(deliveries(token_event(kind, TokenStatus.WAITING))) == [ToRoom(STATUS)]
    given = token_event(kind, TokenStatus.WAITING, transferred_from=TokenId(new_id()))
    assert list(deliveries(given)) == [
        ToPatient(given.token.patient_id, "queue:your_token_changed", given.token),
        ToRoom(STATUS),
    ]


def test_nothing_happens_to_a_token_that_its_patient_does_not_hear_of() -> None:
    for kind in STORED:
        if issubclass(kind, events.TokenChanged) and not issubclass(kind, events.TokenIssued):
            assert len(list(deliveries(token_event(kind, TokenStatus.WAITING)))) == 2


@pytest.mark.parametrize(
    "kind",
    [
        events.QueueOpened,
        events.QueueActivated,
        events.QueueDeactivated,
        events.QueueClosed,
        events.QueueNoticeChanged,
        events.QueueDesksChanged,
        events.QueueSpacedOut,
    ],
)
def test_whatever_becomes_of_a_queue_its_room_hears(kind: type[events.QueueChanged]) -> None:
    assert list(deliveries(kind(queue=STATUS, actor=SYSTEM, at=NOW))) == [ToRoom(STATUS)]


def test_every_change_of_a_queue_reaches_its_room() -> None:
    changes = [kind for kind in STORED if issubclass(kind, events.QueueChanged)]
    for kind in changes:
        if issubclass(kind, events.TokenChanged):
            event: Event = token_event(kind, TokenStatus.CALLED)
        else:
            event = kind(queue=STATUS, actor=SYSTEM, at=NOW)
        assert ToRoom(STATUS) in list(deliveries(event))
    assert len(changes) == 24


def test_a_session_that_was_revoked_ends_its_connections() -> None:
    session_id = SessionId(new_id())
    event = events.SessionRevoked(
        session_id=session_id, user_id=UserId(new_id()), actor=SYSTEM, at=NOW
    )
    assert list(deliveries(event)) == [CloseSession(session_id)]


@pytest.mark.parametrize("is_active", [True, False])
def test_a_user_who_was_locked_out_loses_every_connection_and_any_other_change_is_looked_at(
    is_active: bool,
) -> None:
    user_id = UserId(new_id())
    event = events.UserChanged(user_id=user_id, is_active=is_active, actor=SYSTEM, at=NOW)
    wanted = CheckUser(user_id) if is_active else CloseUser(user_id)
    assert list(deliveries(event)) == [wanted]


@pytest.mark.parametrize(
    "event",
    [
        events.ClinicChanged(clinic_id=ClinicId(new_id()), actor=SYSTEM, at=NOW),
        events.ImageStaged(image_id=ImageId(new_id()), actor=SYSTEM, at=NOW),
        events.ImageReplaced(url="https://example.org/a.jpg", actor=SYSTEM, at=NOW),
    ],
)
def test_of_other_things_nobody_hears(event: Event) -> None:
    assert list(deliveries(event)) == []


def test_the_names_are_those_of_the_contract() -> None:
    named = {
        socket_events.JOIN_QUEUE: "join-queue",
        socket_events.LEAVE_QUEUE: "leave-queue",
        socket_events.JOIN_DESK: "join-desk",
        socket_events.LEAVE_DESK: "leave-desk",
        socket_events.STATUS_UPDATE: "queue:status_update",
        socket_events.BOARD_UPDATE: "queue:board_update",
        socket_events.QUEUE_EMPTY: "queue:empty",
        socket_events.YOUR_PLACE: "queue:your_place",
        socket_events.AUTH: "auth",
        socket_events.AUTH_ERROR: "auth-error",
    }
    assert all(constant == name for constant, name in named.items())
    moves = "call recall start skip complete rejoin return hold resume transfer cancel priority"
    assert set(STAFF_EVENTS) == {
        "queue:call_next",
        "desk:call_next",
        "queue:undo",
        *(f"queue:{move}_token" for move in moves.split()),
    }
    assert dict(ERROR_EVENTS) == {
        "join-queue": "join-queue-error",
        "join-desk": "join-desk-error",
        **{event: f"{event}_error" for event in STAFF_EVENTS},
    }
    assert dict(STAGES) == {
        TokenStatus.CALLED: "queue:your_token_called",
        TokenStatus.IN_PROGRESS: "queue:your_token_started",
    }


@given(st.none() | st.integers(0, 2000), st.integers(1, 1 << 31))
def test_a_place_that_is_put_together_is_what_its_body_would_be(
    ahead: int | None, version: int
) -> None:
    of = Place(TokenId(new_id()), QueueId(new_id()), ahead, None, version)
    made = place(place_head(of.token_id, of.queue_id), of.ahead, encode(of.wait), of.version)
    assert made == encode(PlaceBody.of(of))
    assert json.loads(made)["ahead"] == ahead
