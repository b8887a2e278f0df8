"""Events as bytes: nothing is lost on the way, and the shape that is stored stays what it is."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain import events
from qure.domain.events import Event
from qure.domain.ids import ClinicId, ImageId, QueueId, SessionId, TokenId, UserId
from qure.domain.token import Token, TokenStatus
from qure.wire.stored_events import (
    STORED,
    decode_entry,
    decode_events,
    encode_entry,
    encode_events,
)
from tests.builders import NOW, build_entry, build_status, build_token, new_id

ACTOR = UserId(new_id())
AT = datetime(2025, 12, 30, 10, 0, 0, 123000, tzinfo=UTC)


def every_kind() -> list[type[Event]]:
    """The events that can happen: those from which no other is derived."""
    named = [
        kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)
    ]
    return [kind for kind in named if not any(kind in one.__mro__[1:] for one in named)]


def every_event() -> list[Event]:
    """One of each, with every field filled."""
    token = build_token(
        status=TokenStatus.SKIPPED,
        number=17,
        called_at=AT,
        started_at=AT + timedelta(minutes=1),
        completed_at=AT + timedelta(minutes=2),
        skipped_at=AT + timedelta(minutes=3),
        cancelled_at=AT + timedelta(minutes=4),
        assigned_to=ACTOR,
    )
    values: dict[str, Any] = {
        "actor_id": ACTOR,
        "at": AT,
        "queue": build_status(
            now_serving=3, waiting_count=4, last_served_number=2, version=9, is_active=False
        ),
        "token": token,
        "from_status": TokenStatus.CALLED,
        "user_id": UserId(new_id()),
        "is_active": False,
        "clinic_ids": (ClinicId(new_id()), ClinicId(new_id())),
        "session_id": SessionId(new_id()),
        "clinic_id": ClinicId(new_id()),
        "image_id": ImageId(new_id()),
        "url": "https://media.example.org/ä.jpg?v=1&w=2",
    }
    return [
        kind(**{field.name: values[field.name] for field in fields(kind)}) for kind in every_kind()
    ]


def test_every_event_that_can_happen_can_be_stored() -> None:
    assert set(STORED) == set(every_kind())
    assert len({kind.__name__ for kind in STORED}) == len(STORED)


@pytest.mark.parametrize("event", every_event(), ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    (back,) = decode_events(encode_events([event]))
    assert type(back) is type(event)
    assert back == event


def test_what_is_not_known_of_an_event_comes_back_as_nothing() -> None:
    told = [
        events.TokenIssued(
            token=build_token(), from_status=None, queue=build_status(), actor_id=None, at=AT
        ),
        events.UserChanged(user_id=ACTOR, is_active=True, actor_id=None, at=AT),
    ]
    assert decode_events(encode_events(told)) == tuple(told)


def test_the_events_of_a_transaction_keep_their_order_and_none_are_fine() -> None:
    told = [*every_event(), *reversed(every_event())]
    assert decode_events(encode_events(told)) == tuple(told)
    assert decode_events(encode_events([])) == ()


def test_an_entry_travels_whole() -> None:
    entry = build_entry(*every_event(), created_at=AT)
    assert decode_entry(encode_entry(entry)) == entry


def test_what_a_newer_version_tells_of_is_passed_over() -> None:
    known = events.ClinicChanged(clinic_id=ClinicId(new_id()), actor_id=None, at=AT)
    stored = json.loads(encode_events([known, known]))
    stored.insert(1, ["TokenTeleported", {"where": [1, 2, {"deep": None}]}])
    stored[0][1]["added_later"] = {"nested": True}
    assert decode_events(json.dumps(stored).encode()) == (known, known)


def test_events_stored_before_a_field_was_added_are_still_read() -> None:
    stored = json.loads(
        encode_events([events.UserChanged(user_id=ACTOR, is_active=True, actor_id=None, at=AT)])
    )
    del stored[0][1]["clinic_ids"]
    (event,) = decode_events(json.dumps(stored).encode())
    assert event == events.UserChanged(user_id=ACTOR, is_active=True, actor_id=None, at=AT)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"nonsense",
        b"{}",
        b"[1]",
        b'[["ClinicChanged"]]',
        b'[["ClinicChanged", {}]]',
        b'[["ClinicChanged", {"clinic_id": 7, "actor_id": null, "at": "yesterday"}]]',
    ],
)
def test_bad_bytes_are_owned_up_to(bad: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_events(bad)
    with pytest.raises(msgspec.DecodeError):
        decode_entry(b'["0190f5f0-1111-7000-8000-000000000001", "2025-12-30T10:00:00Z", %b]' % bad)


def test_the_stored_shape_is_what_earlier_releases_have_written() -> None:
    """Renaming or removing a field here breaks outboxes that were filled by them."""
    ids = [UUID(int=number) for number in range(1, 6)]
    status = build_status(
        queue_id=QueueId(ids[0]),
        clinic_id=ClinicId(ids[1]),
        start_time=AT,
        end_time=AT + timedelta(hours=8),
    )
    token = Token(
        id=TokenId(ids[2]),
        queue_id=QueueId(ids[0]),
        patient_id=UserId(ids[3]),
        number=1,
        status=TokenStatus.CALLED,
        created_at=AT,
        called_at=AT,
        assigned_to=UserId(ids[4]),
    )
    called = events.TokenCalled(
        token=token,
        from_status=TokenStatus.WAITING,
        queue=replace(status, now_serving=1, version=3),
        actor_id=UserId(ids[4]),
        at=AT,
    )
    texts = [str(id) for id in ids]
    assert json.loads(encode_events([called])) == [
        [
            "TokenCalled",
            {
                "actor_id": texts[4],
                "at": "2025-12-30T10:00:00.123000Z",
                "queue": {
                    "queue_id": texts[0],
                    "clinic_id": texts[1],
                    "now_serving": 1,
                    "waiting_count": 0,
                    "start_time": "2025-12-30T10:00:00.123000Z",
                    "end_time": "2025-12-30T18:00:00.123000Z",
                    "is_active": True,
                    "last_served_number": 0,
                    "version": 3,
                },
                "token": {
                    "id": texts[2],
                    "queue_id": texts[0],
                    "patient_id": texts[3],
                    "number": 1,
                    "status": "CALLED",
                    "created_at": "2025-12-30T10:00:00.123000Z",
                    "called_at": "2025-12-30T10:00:00.123000Z",
                    "started_at": None,
                    "completed_at": None,
                    "skipped_at": None,
                    "cancelled_at": None,
                    "assigned_to": texts[4],
                },
                "from_status": "WAITING",
            },
        ]
    ]


@settings(max_examples=30, deadline=None, database=None)
@given(url=st.text(), at=st.datetimes(timezones=st.just(UTC)))
def test_any_text_and_any_instant_survive(url: str, at: datetime) -> None:
    event = events.ImageReplaced(url=url, actor_id=None, at=at)
    assert decode_events(encode_events([event])) == (event,)


def test_an_instant_keeps_its_zone() -> None:
    (event,) = decode_events(
        encode_events([events.ClinicChanged(clinic_id=ClinicId(new_id()), actor_id=None, at=NOW)])
    )
    assert event.at.utcoffset() == timedelta(0)
