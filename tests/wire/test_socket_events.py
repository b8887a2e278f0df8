"""Who hears what of each event, by the names that the mobile app knows."""

from __future__ import annotations

import pytest

from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.events import Event
from qure.domain.ids import ClinicId, ImageId, SessionId, UserId
from qure.domain.token import TokenStatus
from qure.wire import socket_events
from qure.wire.socket_events import (
    ERROR_EVENTS,
    PERSONAL_EVENTS,
    CloseSession,
    CloseUser,
    ToPatient,
    ToRoom,
    deliveries,
)
from qure.wire.stored_events import STORED
from tests.support.builders import NOW, build_status, build_token, new_id

STATUS = build_status(version=4)


def token_event(kind: type[events.TokenChanged], status: TokenStatus) -> events.TokenChanged:
    return kind(
        token=build_token(status=status), from_status=None, queue=STATUS, actor=SYSTEM, at=NOW
    )


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        (events.TokenCalled, TokenStatus.CALLED, "queue:your_token_called"),
        (events.TokenStarted, TokenStatus.IN_PROGRESS, "queue:your_token_started"),
        (events.TokenSkipped, TokenStatus.SKIPPED, "queue:your_token_skipped"),
        (events.TokenCompleted, TokenStatus.COMPLETED, "queue:your_token_completed"),
    ],
)
def test_what_staff_did_with_a_token_its_patient_hears_first_and_then_the_room(
    kind: type[events.TokenChanged], status: TokenStatus, name: str
) -> None:
    event = token_event(kind, status)
    assert list(deliveries(event)) == [
        ToPatient(event.token.patient_id, name, event.token),
        ToRoom(STATUS),
    ]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (events.TokenIssued, TokenStatus.WAITING),
        (events.TokenCancelled, TokenStatus.CANCELLED),
    ],
)
def test_what_the_patient_did_themselves_only_the_room_hears(
    kind: type[events.TokenChanged], status: TokenStatus
) -> None:
    assert list(deliveries(token_event(kind, status))) == [ToRoom(STATUS)]


@pytest.mark.parametrize(
    "kind", [events.QueueOpened, events.QueueActivated, events.QueueDeactivated]
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
    assert len(changes) == 9


def test_a_session_that_was_revoked_ends_its_connections() -> None:
    session_id = SessionId(new_id())
    event = events.SessionRevoked(
        session_id=session_id, user_id=UserId(new_id()), actor=SYSTEM, at=NOW
    )
    assert list(deliveries(event)) == [CloseSession(session_id)]


@pytest.mark.parametrize("is_active", [True, False])
def test_a_user_who_was_locked_out_loses_every_connection_and_nobody_else_does(
    is_active: bool,
) -> None:
    user_id = UserId(new_id())
    event = events.UserChanged(user_id=user_id, is_active=is_active, actor=SYSTEM, at=NOW)
    assert list(deliveries(event)) == ([] if is_active else [CloseUser(user_id)])


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
        socket_events.STATUS_UPDATE: "queue:status_update",
        socket_events.QUEUE_EMPTY: "queue:empty",
        socket_events.CALL_NEXT: "queue:call_next",
        socket_events.START_TOKEN: "queue:start_token",
        socket_events.SKIP_TOKEN: "queue:skip_token",
        socket_events.COMPLETE_TOKEN: "queue:complete_token",
        socket_events.AUTH: "auth",
        socket_events.AUTH_ERROR: "auth-error",
    }
    assert all(constant == name for constant, name in named.items())
    assert dict(ERROR_EVENTS) == {
        "join-queue": "join-queue-error",
        "queue:call_next": "queue:call_next_error",
        "queue:start_token": "queue:start_token_error",
        "queue:skip_token": "queue:skip_token_error",
        "queue:complete_token": "queue:complete_token_error",
    }
    assert set(PERSONAL_EVENTS) == {
        TokenStatus.CALLED,
        TokenStatus.IN_PROGRESS,
        TokenStatus.SKIPPED,
        TokenStatus.COMPLETED,
    }
