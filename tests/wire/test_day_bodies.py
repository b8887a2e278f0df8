"""What clients receive of a clinic's day, key by key."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qure.application.accounts.guest_links import Admitted
from qure.application.ports.journal import JournalRecord
from qure.application.queueing.board import BoardSnapshot, Place
from qure.application.queueing.tokens import History
from qure.domain import events
from qure.domain.actor import Actor, ActorKind
from qure.domain.board import Board
from qure.domain.ids import DeskId, TokenId, UserId
from qure.domain.queue_status import Call, Notice, NoticeKind
from qure.domain.token import CancelReason, Priority, SkipReason, Token, TokenStatus
from qure.wire.body import encode
from qure.wire.queues import BoardBody, BoardUpdateBody, DeskBody, ServiceBody, StatusBody
from qure.wire.tokens import (
    ACTIONS,
    PlaceBody,
    StaffTokenBody,
    TokenBody,
    UndoneBody,
    history,
    token_for,
)
from qure.wire.visitors import DisplayBody, GuestBody, JoinedBody, WalkInBody
from qure.wire.waits import WaitBody
from tests.support.builders import (
    NOW,
    build_actor,
    build_admin,
    build_clinic,
    build_desk,
    build_display,
    build_entry,
    build_promise,
    build_queue,
    build_service,
    build_staff,
    build_status,
    build_token,
    new_id,
)

NOW_TEXT = "2025-12-30T15:00:00.000Z"
LATER = NOW + timedelta(minutes=5)
LATER_TEXT = "2025-12-30T15:05:00.000Z"
NOTED: dict[str, Any] = {"name": "Ada", "phone": "+1 555", "note": "needs a wheelchair"}


def shown(body: object) -> Any:
    return json.loads(encode(body))


def noted_token(**fields: Any) -> Token:
    return build_token(**NOTED, **fields)


# Tokens


def test_a_token_shows_what_has_become_of_it() -> None:
    desk, before, after = DeskId(new_id()), TokenId(new_id()), TokenId(new_id())
    token = build_token(
        priority=Priority.URGENT,
        on_hold=True,
        desk_id=desk,
        desk_name="Room 2",
        recall_count=2,
        last_called_at=LATER,
        skip_reason=SkipReason.NO_SHOW,
        cancel_reason=CancelReason.TRANSFERRED,
        rejoin_until=LATER,
        postpones=1,
        transferred_from=before,
        transferred_to=after,
        guest=True,
        version=9,
    )
    body = shown(TokenBody.of(token))
    assert body["priority"] == "URGENT"
    assert body["onHold"] is True
    assert body["desk"] == {"id": str(desk), "name": "Room 2"}
    assert (body["recallCount"], body["lastCalledAt"]) == (2, LATER_TEXT)
    assert (body["skipReason"], body["cancelReason"]) == ("NO_SHOW", "TRANSFERRED")
    assert (body["rejoinUntil"], body["postponesLeft"]) == (LATER_TEXT, 2)
    assert (body["transferredFrom"], body["transferredTo"]) == (str(before), str(after))
    assert (body["guest"], body["version"]) == (True, 9)


def test_what_is_noted_of_a_patient_is_for_staff_alone() -> None:
    token = noted_token()
    plain = shown(TokenBody.of(token))
    assert NOTED.keys().isdisjoint(plain)
    for body in (StaffTokenBody.of(token), UndoneBody.of([token]).tokens[0]):
        assert shown(body) == plain | NOTED
    for staff in (build_admin(), build_staff(build_clinic().id)):
        assert shown(token_for(build_actor(staff), token)) == plain | NOTED
    for kind in (ActorKind.USER, ActorKind.GUEST):
        assert shown(token_for(build_actor(kind=kind), token)) == plain


def test_nobody_at_a_door_is_told_what_staff_noted() -> None:
    admitted = Admitted(noted_token(guest=True), "the-secret")
    walk_in = shown(WalkInBody.of(admitted, base="https://qure.example"))
    joined = shown(JoinedBody.of(admitted, base="https://qure.example"))
    assert walk_in["token"] == joined["token"] | NOTED
    assert walk_in["guest"] == joined["guest"]


def test_a_place_has_no_wait_before_one_was_forecast() -> None:
    place = Place(TokenId(new_id()), build_queue().id, 3, None, 21)
    assert shown(PlaceBody.of(place)) == {
        "tokenId": str(place.token_id),
        "queueId": str(place.queue_id),
        "ahead": 3,
        "wait": None,
        "version": 21,
    }


def test_a_link_carries_its_secret_in_the_fragment() -> None:
    guest = shown(GuestBody.of("the-secret", base="https://qure.example"))
    assert guest["url"] == "https://qure.example/t#the-secret"
    assert guest["qr"].startswith("data:image/svg+xml")
    assert "the-secret" not in guest["qr"]


# Histories


def subclasses(kind: type[events.Event]) -> set[str]:
    return {kind.__name__ for kind in kind.__subclasses__()} | {
        name for one in kind.__subclasses__() for name in subclasses(one)
    }


def test_every_event_of_a_token_has_a_word() -> None:
    assert set(ACTIONS) == subclasses(events.TokenChanged)
    assert len(set(ACTIONS.values())) == len(ACTIONS)


def recorded(event: events.TokenChanged) -> JournalRecord:
    return JournalRecord.of(build_entry(event), 0, request_id=None)


def called_by(actor: Actor) -> events.TokenCalled:
    token = build_token(status=TokenStatus.CALLED, desk_id=DeskId(new_id()), desk_name="Room 2")
    return events.TokenCalled(
        token=token,
        from_status=TokenStatus.WAITING,
        reason="asked to be first",
        before=None,
        actor=actor,
        at=NOW,
        queue=build_status(),
    )


def test_a_history_says_who_did_what_where_and_why() -> None:
    staff = build_staff(build_clinic().id)
    event = called_by(build_actor(staff))
    (seen,) = shown(history(History([recorded(event)], {staff.id: "Ada Lovelace"}, True)))
    assert seen == {
        "at": NOW_TEXT,
        "action": "CALL",
        "from": "WAITING",
        "to": "CALLED",
        "by": {"id": str(staff.id), "name": "Ada Lovelace", "role": "STAFF"},
        "desk": {"id": str(event.token.desk_id), "name": "Room 2"},
        "reason": "asked to be first",
        "wait": None,
    }
    (seen,) = shown(history(History([recorded(event)], {}, False)))
    assert seen["by"] == {"id": None, "name": None, "role": "STAFF"}


def test_what_was_told_of_the_wait_stands_at_the_issuing_alone() -> None:
    patient = build_actor()
    call = called_by(patient)
    issue = events.TokenIssued(
        token=call.token, from_status=None, actor=patient, at=NOW, queue=build_status()
    )
    promise = build_promise(call.token)
    records = [recorded(issue), recorded(call)]
    told, later = shown(history(History(records, {}, False, promise)))
    assert told["wait"] == shown(WaitBody.of_promise(promise))
    assert later["wait"] is None
    told, later = shown(history(History(records, {}, True)))
    assert (told["wait"], later["wait"]) == (None, None)


def test_what_the_clock_did_nobody_did() -> None:
    event = called_by(Actor(kind=ActorKind.SYSTEM))
    for is_for_staff in (True, False):
        (seen,) = shown(history(History([recorded(event)], {}, is_for_staff)))
        assert seen["by"] is None


# Services, desks, statuses, boards


def test_a_service() -> None:
    service = build_service(name="Blood tests", prefix="B", position=3, expected_minutes=7)
    assert shown(ServiceBody.of(service)) == {
        "id": str(service.id),
        "clinicId": str(service.clinic_id),
        "name": "Blood tests",
        "prefix": "B",
        "expectedMinutes": 7,
        "maxQueueSize": 50,
        "autoOpenQueue": False,
        "isDefault": False,
        "isActive": True,
        "position": 3,
        "createdAt": NOW_TEXT,
        "updatedAt": NOW_TEXT,
    }


def test_a_desk_and_who_sits_there() -> None:
    clinic = build_clinic()
    staff = build_staff(clinic.id)
    desk = build_desk(clinic.id, staff, paused_until=LATER, service_ids=(clinic.service.id,))
    body = shown(DeskBody.of(desk))
    assert body["staff"] == {"id": str(staff.id), "firstName": "Ada"}
    assert (body["state"], body["pausedUntil"]) == ("OPEN", LATER_TEXT)
    assert body["serviceIds"] == [str(clinic.service.id)]
    assert shown(DeskBody.of(build_desk()))["staff"] is None


def test_a_status_names_nobody() -> None:
    desk = DeskId(new_id())
    call = Call(
        token_id=TokenId(new_id()),
        label="B012",
        number=12,
        desk_id=desk,
        desk_name="Room 2",
        called_at=NOW,
        recall_count=1,
    )
    notice = Notice(kind=NoticeKind.DELAY, minutes=5, until=LATER, text="late", at=NOW)
    status = build_status(
        calls=(call, replace(call, desk_id=None, desk_name=None)),
        next=("B013", "B014"),
        notice=notice,
        priority_run=2,
        open_desks=3,
        on_hold_count=1,
        is_closed=True,
    )
    body = shown(StatusBody.of(status))
    told = {
        "label": "B012",
        "tokenNumber": 12,
        "calledAt": NOW_TEXT,
        "recallCount": 1,
    }
    assert body["calls"] == [
        told | {"desk": {"id": str(desk), "name": "Room 2"}},
        told | {"desk": None},
    ]
    assert (body["next"], body["openDesks"], body["onHoldCount"]) == (["B013", "B014"], 3, 1)
    assert body["isClosed"] is True
    assert body["notice"] == {
        "kind": "DELAY",
        "minutes": 5,
        "until": LATER_TEXT,
        "text": "late",
        "at": NOW_TEXT,
    }
    assert str(call.token_id) not in json.dumps(body)
    assert "priorityRun" not in body


def test_a_board_has_its_tokens_in_the_order_of_calls() -> None:
    queue = build_queue(version=5)
    first, second, held = (
        build_token(queue, number=number, name="Ada", on_hold=number == 3) for number in (1, 2, 3)
    )
    board = Board(queue.id, [held, second, first], version=5, priority_run=0)
    body = shown(BoardBody.of(BoardSnapshot(queue, board, None)))
    assert set(body) == {"queue", "status", "version", "tokens"}
    assert body["version"] == body["status"]["version"] == 5
    assert [(one["id"], one["ahead"]) for one in body["tokens"]] == [
        (str(first.id), 0),
        (str(second.id), 1),
        (str(held.id), None),
    ]
    assert body["tokens"][0] == shown(StaffTokenBody.of(first)) | {"ahead": 0, "wait": None}
    update = shown(BoardUpdateBody.of(board, queue.status(), [second]))
    assert [one["id"] for one in update["changed"]] == [str(second.id)]
    assert update["changed"][0]["ahead"] == 1
    assert update["order"] == [str(one.id) for one in (first, second, held)]
    assert (update["queueId"], update["version"]) == (str(queue.id), 5)


@pytest.mark.parametrize("service_ids", [None, (build_service().id,)])
def test_a_display(service_ids: Any) -> None:
    display = build_display(name="Waiting room", service_ids=service_ids)
    assert shown(DisplayBody.of(display)) == {
        "id": str(display.id),
        "clinicId": str(display.clinic_id),
        "name": "Waiting room",
        "serviceIds": None if service_ids is None else [str(id) for id in service_ids],
        "createdAt": NOW_TEXT,
    }


def test_nobody_sees_who_let_a_display_in() -> None:
    display = build_display(created_by=UserId(new_id()))
    assert str(display.created_by) not in json.dumps(shown(DisplayBody.of(display)))
