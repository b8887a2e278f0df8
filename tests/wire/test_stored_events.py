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
from qure.domain.ids import (
    ClinicId,
    DeskId,
    EntryId,
    ImageId,
    QueueId,
    ServiceId,
    SessionId,
    TokenId,
    UserId,
)
from qure.domain.queue_status import Call, Notice, NoticeKind
from qure.domain.token import (
    PLACE_STEP,
    CancelReason,
    Priority,
    SkipReason,
    Token,
    TokenStatus,
)
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
    """The events that can happen: all but those that only say what others have in common."""
    named = [
        kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)
    ]
    common = {Event, events.QueueChanged, events.TokenChanged}
    return [kind for kind in named if kind not in common]


def every_event() -> list[Event]:
    """One of each, with every field filled."""
    token = build_token(
        status=TokenStatus.SKIPPED,
        number=17,
        label="B017",
        on_hold=True,
        called_at=AT,
        last_called_at=AT + timedelta(seconds=30),
        started_at=AT + timedelta(minutes=1),
        completed_at=AT + timedelta(minutes=2),
        skipped_at=AT + timedelta(minutes=3),
        cancelled_at=AT + timedelta(minutes=4),
        recall_count=1,
        skip_reason=SkipReason.NO_SHOW,
        cancel_reason=CancelReason.DAY_ENDED,
        rejoin_until=AT + timedelta(minutes=33),
        rejoins=2,
        postpones=3,
        assigned_to=ACTOR.user_id,
        desk_id=DeskId(new_id()),
        desk_name="Schalter ä",
        transferred_from=TokenId(new_id()),
        transferred_to=TokenId(new_id()),
        guest=True,
        name="Ana",
        phone="+34 555 123",
        note="On crutches",
        version=5,
        priority=Priority.URGENT,
    )
    calls = tuple(
        Call(
            token_id=token.id,
            label=f"B{number:03}",
            number=number,
            desk_id=None if number == 1 else token.desk_id,
            desk_name=None if number == 1 else token.desk_name,
            called_at=AT,
            recall_count=number,
        )
        for number in (2, 1)
    )
    status = build_status(
        service_name="Vacunación",
        prefix="B",
        now_serving=3,
        waiting_count=4,
        on_hold_count=1,
        open_desks=2,
        last_served_number=2,
        next=("B004", "B007"),
        calls=calls,
        notice=Notice(kind=NoticeKind.DELAY, minutes=20, until=AT, text="Späťer", at=AT),
        priority_run=2,
        version=9,
        is_active=False,
        is_closed=True,
    )
    values: dict[str, Any] = {
        "actor": ACTOR,
        "at": AT,
        "queue": status,
        "token": token,
        "from_status": TokenStatus.CALLED,
        "reason": "They had gone home.",
        "before": events.Before(
            token=replace(token, status=TokenStatus.CALLED, on_hold=False),
            now_serving=2,
            last_served_number=1,
            priority_run=1,
            calls=calls[1:],
        ),
        "desk_id": token.desk_id,
        "desk_name": token.desk_name,
        "staff_id": ACTOR.user_id,
        "service_ids": (ServiceId(new_id()), ServiceId(new_id())),
        "paused_until": AT + timedelta(minutes=10),
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
        events.DeskChanged(
            clinic_id=ClinicId(new_id()),
            desk_id=DeskId(new_id()),
            desk_name="One",
            staff_id=None,
            service_ids=(),
            paused_until=None,
            actor=SYSTEM,
            at=AT,
        ),
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
    for event, added in (
        (changed, "clinic_ids"),
        (issued, "reason"),
        (issued, "before"),
    ):
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
    ids = [UUID(int=number) for number in range(1, 10)]
    texts = [str(id) for id in ids]
    shown = Call(
        token_id=TokenId(ids[2]),
        label="B001",
        number=1,
        desk_id=DeskId(ids[7]),
        desk_name="One",
        called_at=AT,
    )
    status = build_status(
        queue_id=QueueId(ids[0]),
        clinic_id=ClinicId(ids[1]),
        service_id=ServiceId(ids[6]),
        prefix="B",
        start_time=AT,
        end_time=AT + timedelta(hours=8),
        next=("B002",),
        calls=(shown,),
        notice=Notice(kind=NoticeKind.PAUSE, until=AT + timedelta(hours=1), at=AT),
    )
    waiting = Token(
        id=TokenId(ids[2]),
        queue_id=QueueId(ids[0]),
        service_id=ServiceId(ids[6]),
        patient_id=UserId(ids[3]),
        number=1,
        label="B001",
        place=PLACE_STEP,
        status=TokenStatus.WAITING,
        created_at=AT,
    )
    called = events.TokenCalled(
        token=replace(
            waiting,
            status=TokenStatus.CALLED,
            version=2,
            called_at=AT,
            last_called_at=AT,
            assigned_to=UserId(ids[4]),
            desk_id=DeskId(ids[7]),
            desk_name="One",
        ),
        from_status=TokenStatus.WAITING,
        queue=replace(status, now_serving=1, version=3),
        actor=Actor(
            id=ids[4], session_id=SessionId(ids[5]), role=Role.STAFF, clinic_id=ClinicId(ids[1])
        ),
        at=AT,
        reason="Third time.",
        before=events.Before(
            token=waiting, now_serving=0, last_served_number=0, priority_run=0, calls=()
        ),
    )
    at = "2025-12-30T10:00:00.123000Z"
    stored_token = {
        "id": texts[2],
        "queue_id": texts[0],
        "service_id": texts[6],
        "patient_id": texts[3],
        "number": 1,
        "label": "B001",
        "place": 1 << 40,
        "priority": "NORMAL",
        "status": "WAITING",
        "on_hold": False,
        "version": 1,
        "created_at": at,
        "called_at": None,
        "last_called_at": None,
        "started_at": None,
        "completed_at": None,
        "skipped_at": None,
        "cancelled_at": None,
        "recall_count": 0,
        "skip_reason": None,
        "cancel_reason": None,
        "rejoin_until": None,
        "rejoins": 0,
        "postpones": 0,
        "assigned_to": None,
        "desk_id": None,
        "desk_name": None,
        "transferred_from": None,
        "transferred_to": None,
        "guest": False,
        "name": None,
        "phone": None,
        "note": None,
    }
    stored = {
        "actor": {
            "kind": "USER",
            "id": texts[4],
            "session_id": texts[5],
            "role": "STAFF",
            "clinic_id": texts[1],
        },
        "at": at,
        "queue": {
            "queue_id": texts[0],
            "clinic_id": texts[1],
            "service_id": texts[6],
            "service_name": "General",
            "prefix": "B",
            "now_serving": 1,
            "waiting_count": 0,
            "on_hold_count": 0,
            "open_desks": 0,
            "start_time": at,
            "end_time": "2025-12-30T18:00:00.123000Z",
            "is_active": True,
            "is_closed": False,
            "last_served_number": 0,
            "next": ["B002"],
            "calls": [
                {
                    "token_id": texts[2],
                    "label": "B001",
                    "number": 1,
                    "desk_id": texts[7],
                    "desk_name": "One",
                    "called_at": at,
                    "recall_count": 0,
                }
            ],
            "notice": {
                "kind": "PAUSE",
                "minutes": None,
                "until": "2025-12-30T11:00:00.123000Z",
                "text": None,
                "at": at,
            },
            "priority_run": 0,
            "version": 3,
        },
        "token": stored_token
        | {
            "status": "CALLED",
            "version": 2,
            "called_at": at,
            "last_called_at": at,
            "assigned_to": texts[4],
            "desk_id": texts[7],
            "desk_name": "One",
        },
        "from_status": "WAITING",
        "reason": "Third time.",
        "before": {
            "token": stored_token,
            "now_serving": 0,
            "last_served_number": 0,
            "priority_run": 0,
            "calls": [],
        },
    }
    assert json.loads(encode_event(called)) == stored
    entry = replace(build_entry(called, created_at=AT), id=EntryId(ids[0]))
    assert json.loads(encode_entry(entry)) == [texts[0], at, [["TokenCalled", stored]]]


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
