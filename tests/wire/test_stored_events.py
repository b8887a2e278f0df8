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
from qure.domain.actor import SYSTEM, Actor, ActorKind, Role
from qure.domain.events import Event
from qure.domain.ids import ClinicId, EntryId, ImageId, QueueId, SessionId, TokenId, UserId
from qure.domain.token import PLACE_STEP, Priority, Token, TokenStatus
from qure.wire.stored_events import (
    STORED,
    decode_entry,
    decode_event,
    encode_entry,
    encode_event,
)
from tests.support.builders import (
    NOW,
    build_actor,
    build_admin,
    build_entry,
    build_staff,
    build_status,
    build_token,
    new_id,
)

ACTOR = build_actor(build_staff(ClinicId(new_id())))
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
        assigned_to=ACTOR.user_id,
        version=5,
        priority=Priority.URGENT,
    )
    values: dict[str, Any] = {
        "actor": ACTOR,
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
        "reason": "They had gone home.",
        "url": "https://media.example.org/ä.jpg?v=1&w=2",
    }
    return [
        kind(**{field.name: values[field.name] for field in fields(kind)}) for kind in every_kind()
    ]


def travelled(*happened: Event) -> tuple[Event, ...]:
    """What arrives of a transaction's events on the other side of the bus."""
    return decode_entry(encode_entry(build_entry(*happened))).events


def test_every_event_that_can_happen_can_be_stored() -> None:
    assert set(STORED) == set(every_kind())
    assert len({kind.__name__ for kind in STORED}) == len(STORED)


@pytest.mark.parametrize("event", every_event(), ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    back = decode_event(type(event).__name__, encode_event(event))
    assert type(back) is type(event)
    assert back == event


def test_what_is_not_known_of_an_event_comes_back_as_nothing() -> None:
    told = [
        events.TokenIssued(
            token=build_token(), from_status=None, queue=build_status(), actor=SYSTEM, at=AT
        ),
        events.UserChanged(user_id=ACTOR.user_id, is_active=True, actor=SYSTEM, at=AT),
    ]
    for event in told:
        assert decode_event(type(event).__name__, encode_event(event)) == event
    assert travelled(*told) == tuple(told)


@pytest.mark.parametrize(
    "actor",
    [
        SYSTEM,
        ACTOR,
        build_actor(),
        build_actor(build_admin()),
        Actor(kind=ActorKind.GUEST, id=new_id(), role=Role.PATIENT),
        Actor(kind=ActorKind.DISPLAY, id=new_id(), clinic_id=ClinicId(new_id())),
    ],
    ids=lambda actor: f"{actor.kind} {actor.role}",
)
def test_who_did_it_comes_back_whoever_it_was(actor: Actor) -> None:
    event = events.ClinicChanged(clinic_id=ClinicId(new_id()), actor=actor, at=AT)
    assert decode_event("ClinicChanged", encode_event(event)) == event


def test_the_events_of_a_transaction_keep_their_order_and_none_are_fine() -> None:
    told = [*every_event(), *reversed(every_event())]
    assert travelled(*told) == tuple(told)
    assert travelled() == ()


def test_an_entry_travels_whole() -> None:
    entry = build_entry(*every_event(), created_at=AT)
    assert decode_entry(encode_entry(entry)) == entry


def test_what_a_newer_version_tells_of_is_passed_over() -> None:
    known = events.ClinicChanged(clinic_id=ClinicId(new_id()), actor=SYSTEM, at=AT)
    stored = json.loads(encode_entry(build_entry(known, known)))
    stored[2].insert(1, ["TokenTeleported", {"where": [1, 2, {"deep": None}]}])
    stored[2][0][1]["added_later"] = {"nested": True}
    assert decode_entry(json.dumps(stored).encode()).events == (known, known)
    fields = json.dumps(stored[2][0][1]).encode()
    assert decode_event("ClinicChanged", fields) == known
    assert decode_event("TokenTeleported", b'{"where": [1, 2]}') is None


def test_events_stored_before_a_field_was_added_are_still_read() -> None:
    changed = events.UserChanged(user_id=ACTOR.user_id, is_active=True, actor=SYSTEM, at=AT)
    issued = events.TokenIssued(
        token=build_token(), from_status=None, queue=build_status(), actor=ACTOR, at=AT
    )
    for event, added in ((changed, "clinic_ids"), (issued, "reason")):
        stored = json.loads(encode_event(event))
        del stored[added]
        assert decode_event(type(event).__name__, json.dumps(stored).encode()) == event


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"nonsense",
        b"{}",
        b"[1]",
        b'[["ClinicChanged"]]',
        b'[["ClinicChanged", {}]]',
        b'[["ClinicChanged", {"clinic_id": 7, "actor": null, "at": "yesterday"}]]',
    ],
)
def test_bad_bytes_on_the_bus_are_owned_up_to(bad: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_entry(b'["0190f5f0-1111-7000-8000-000000000001", "2025-12-30T10:00:00Z", %b]' % bad)


@pytest.mark.parametrize("bad", [b"", b"{}", b"[]", b'{"clinic_id": 7, "actor": null}'])
def test_bad_bytes_in_the_journal_are_owned_up_to(bad: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_event("ClinicChanged", bad)


def test_the_stored_shape_is_what_earlier_releases_have_written() -> None:
    """Renaming or removing a field here breaks journals that were filled by them."""
    ids = [UUID(int=number) for number in range(1, 7)]
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
        place=PLACE_STEP,
        status=TokenStatus.CALLED,
        version=2,
        created_at=AT,
        called_at=AT,
        assigned_to=UserId(ids[4]),
    )
    called = events.TokenCalled(
        token=token,
        from_status=TokenStatus.WAITING,
        queue=replace(status, now_serving=1, version=3),
        actor=Actor(
            id=ids[4], session_id=SessionId(ids[5]), role=Role.STAFF, clinic_id=ClinicId(ids[1])
        ),
        at=AT,
        reason="Third time.",
    )
    texts = [str(id) for id in ids]
    stored = {
        "actor": {
            "kind": "USER",
            "id": texts[4],
            "session_id": texts[5],
            "role": "STAFF",
            "clinic_id": texts[1],
        },
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
            "place": 1048576,
            "priority": "NORMAL",
            "status": "CALLED",
            "version": 2,
            "created_at": "2025-12-30T10:00:00.123000Z",
            "called_at": "2025-12-30T10:00:00.123000Z",
            "started_at": None,
            "completed_at": None,
            "skipped_at": None,
            "cancelled_at": None,
            "assigned_to": texts[4],
        },
        "from_status": "WAITING",
        "reason": "Third time.",
    }
    assert json.loads(encode_event(called)) == stored
    entry = replace(build_entry(called, created_at=AT), id=EntryId(ids[0]))
    assert json.loads(encode_entry(entry)) == [
        texts[0],
        "2025-12-30T10:00:00.123000Z",
        [["TokenCalled", stored]],
    ]


@settings(max_examples=30, deadline=None, database=None)
@given(url=st.text(), at=st.datetimes(timezones=st.just(UTC)))
def test_any_text_and_any_instant_survive(url: str, at: datetime) -> None:
    event = events.ImageReplaced(url=url, actor=SYSTEM, at=at)
    assert decode_event("ImageReplaced", encode_event(event)) == event


def test_an_instant_keeps_its_zone() -> None:
    changed = events.ClinicChanged(clinic_id=ClinicId(new_id()), actor=SYSTEM, at=NOW)
    event = decode_event("ClinicChanged", encode_event(changed))
    assert event is not None
    assert event.at.utcoffset() == timedelta(0)
