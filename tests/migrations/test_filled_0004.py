"""A database of version 0003 that was in use is taken along to 0004 and back.

All that is said here is said in SQL, but for what the program of today finds in the end.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from passlib.hash import bcrypt

from qure.adapters.sql.migrations.migrate import downgrade, migrate
from qure.adapters.sql.unit_of_work import open_storage
from qure.domain.ids import ClinicId, ServiceId, UserId
from qure.domain.places import end_of_line
from qure.domain.token import SkipReason
from qure.wire.stored_events import decode_event
from tests.migrations import filled_0003 as was
from tests.migrations.filled_0002 import Rows, rows_of, table, uid, user
from tests.migrations.filled_0003 import STAFF
from tests.migrations.test_schema import looked_at
from tests.support.builders import FixedClock, SequentialIds

STEP = 1 << 40
STEP_OF_0003 = 1 << 20


@pytest.fixture
async def url(empty: str, now: datetime) -> str:
    """A filled one of revision 0003."""
    await migrate(empty, "0003")
    await looked_at(empty, lambda connection: was.fill(connection, now))
    return empty


async def found(url: str, name: str, *columns: str) -> Rows:
    rows: Rows = await looked_at(url, lambda connection: rows_of(connection, name, *columns))
    return rows


async def at_0003(url: str, now: datetime) -> dict[str, Rows]:
    """All that version 0003 knows, to the byte."""
    return {name: await found(url, name, *rows[0]) for name, rows in was.tables(now).items()}


async def added(url: str, name: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        insert = sa.insert(table(name, *row)).values(row)
        await looked_at(url, lambda connection, insert=insert: connection.execute(insert))


async def changed(url: str, statement: str) -> None:
    await looked_at(url, lambda connection: connection.execute(sa.text(statement)))


# Up


async def test_the_rows_are_what_the_version_before_wrote(url: str, now: datetime) -> None:
    assert await at_0003(url, now) == was.tables(now)


async def check_added(url: str, name: str, rows: Rows, *more: dict[str, Any]) -> None:
    """Each row is what it was, and has these columns more."""
    assert len(rows) == len(more)
    expected = [{**row, **new} for row, new in zip(rows, more, strict=True)]
    assert await found(url, name, *expected[0]) == expected


async def test_clinics_allow_what_they_did_and_let_nobody_wait_less(
    url: str, now: datetime
) -> None:
    await migrate(url, "0004")
    rows = was.tables(now)["clinics"]
    more = {
        "no_show_minutes": None,
        "rejoin_minutes": 30,
        "max_rejoins": 2,
        "rejoin_after": 2,
        "guest_join": False,
        "join_generation": 0,
        "join_digest": None,
    }
    await check_added(url, "clinics", rows, *[more] * 3)


async def test_services_are_found_by_name_in_any_case(url: str, now: datetime) -> None:
    await changed(url, f"UPDATE services SET name = 'Straße' WHERE expected_minutes = {25}")
    await migrate(url, "0004")
    folded = await found(url, "services", "position", "name_folded")
    assert [row["name_folded"] for row in folded] == ["general", "general", "strasse"]
    rows = [row for row in was.tables(now)["services"] if row["expected_minutes"] != 25]
    columns = [*rows[0], "name_folded"]
    there = await found(url, "services", *columns)
    assert [row for row in there if row["expected_minutes"] != 25] == [
        {**row, "name_folded": "general"} for row in rows
    ]


async def test_nobody_becomes_a_guest(url: str, now: datetime) -> None:
    await migrate(url, "0004")
    rows = was.tables(now)["users"]
    await check_added(url, "users", rows, *[{"guest": False}] * len(rows))


async def test_queues_know_their_service_and_those_of_today_who_is_next(
    url: str, now: datetime
) -> None:
    await migrate(url, "0004")

    def more(issued: int, *upcoming: tuple[str, str]) -> dict[str, Any]:
        return {
            "service_name": "General",
            "prefix": "",
            "last_place": issued * STEP,
            "on_hold_count": 0,
            "open_desks": 0,
            "upcoming": [{"label": label, "priority": name} for label, name in upcoming],
            "calls": [],
            "notice": None,
            "notice_ends_at": None,
            "closed_at": None,
            "ended_at": None,
        }

    # One of the PRIORITY ones was called in a row: one more, and a NORMAL one is next.
    upcoming = [("12", "URGENT"), ("10", "PRIORITY"), ("7", "NORMAL")]
    upcoming += [("11", "PRIORITY"), ("13", "PRIORITY")]
    rows = was.tables(now)["queues"]
    await check_added(url, "queues", rows, more(14, *upcoming), more(2), more(1), more(0))
    none = sa.text("SELECT count(*) FROM queues WHERE notice IS NULL")
    assert await looked_at(url, lambda connection: connection.scalar(none)) == 4


async def test_fewer_than_five_may_be_next(url: str, now: datetime) -> None:
    await changed(
        url,
        "UPDATE tokens SET status = 'CANCELLED' WHERE status = 'WAITING' AND number NOT IN (8, 9)",
    )
    await migrate(url, "0004")
    today, *_ = await found(url, "queues", "id", "upcoming")
    assert [one["label"] for one in today["upcoming"]] == ["8", "9"]


async def test_tokens_keep_their_order_and_tell_what_became_of_them(
    url: str, now: datetime
) -> None:
    await migrate(url, "0004")
    skipped = {uid(0x403): "NO_SHOW", uid(0x404): "STAFF"}
    queues = {row["id"]: row for row in was.tables(now)["queues"]}
    names = {row["id"]: f"Zoë {row['last_name']}" for row in was.tables(now)["users"]}
    expected = [
        {
            **row,
            "place": row["number"] * STEP,
            "service_id": queues[row["queue_id"]]["service_id"],
            "label": str(row["number"]),
            "on_hold": False,
            "last_called_at": row["called_at"],
            "recall_count": 0,
            "skip_reason": skipped.get(row["id"]),
            "cancel_reason": "PATIENT" if row["status"] == "CANCELLED" else None,
            "rejoin_until": None,
            "rejoins": 0,
            "postpones": 0,
            "desk_id": None,
            "desk_name": None,
            "transferred_from": None,
            "transferred_to": None,
            "guest": False,
            # Of those whose day is over, nobody asks it.
            "name": None if row["queue_id"] == uid(0x302) else names[row["patient_id"]],
            "phone": None,
            "note": None,
        }
        for row in was.tables(now)["tokens"]
    ]
    assert await found(url, "tokens", *expected[0]) == expected


async def test_what_is_told_yet_has_the_fields_of_now_and_the_rest_is_as_it_was_written(
    url: str, now: datetime
) -> None:
    await migrate(url, "0004")
    rows = was.tables(now)["journal"]
    there = await found(url, "journal", *rows[0], "desk_id", "desk_name")
    service = {"service_id": str(uid(0x101))}
    for row, new in zip(rows, there, strict=True):
        old, content = row.pop("content"), new.pop("content")
        assert new == {**row, "desk_id": None, "desk_name": None}
        event = None if old is None else json.loads(old)
        if event is None or "queue" not in event or _entry(row) not in was.TOLD_ANEW:
            assert content == old
            continue
        event["queue"] |= {**service, "service_name": "General", "prefix": ""}
        if "token" in event:
            number = event["token"]["number"]
            event["token"] |= {**service, "label": str(number), "place": number * STEP}
        assert json.loads(content) == event
        assert decode_event(new["event"], content) is not None


def _entry(row: dict[str, Any]) -> int:
    return int(row["entry_id"].int & 0xFF)


@pytest.mark.parametrize(
    "name", ["desks", "guest_links", "displays", "display_pairings", "kept_answers"]
)
async def test_new_tables_are_empty(url: str, name: str) -> None:
    await migrate(url, "0004")
    count = sa.text(f"SELECT count(*) FROM {name}")
    assert await looked_at(url, lambda connection: connection.scalar(count)) == 0


# Down


async def test_it_goes_up_down_and_up_again_and_is_what_it_was_to_the_byte(
    url: str, now: datetime
) -> None:
    await migrate(url, "0004")
    before = {name: await found(url, name, *columns) for name, columns in EVERYTHING.items()}
    await downgrade(url, "0003")
    assert await at_0003(url, now) == was.tables(now)
    await migrate(url, "0004")
    assert {
        name: await found(url, name, *columns) for name, columns in EVERYTHING.items()
    } == before
    await downgrade(url, "base")


EVERYTHING = {
    "services": ("id", "name", "name_folded", "next_opening_at"),
    "users": ("id", "email", "password_hash", "guest", "is_active"),
    "queues": ("id", "service_name", "prefix", "last_place", "upcoming", "ended_at"),
    "tokens": ("id", "label", "place", "on_hold", "name", "last_called_at", "skip_reason"),
    "journal": ("entry_id", "number", "content", "desk_id"),
}


def blood_test(now: datetime) -> dict[str, Any]:
    """A second service of the first clinic, whose queue opens by itself."""
    (service, *_) = was.tables(now)["services"]
    return service | {
        "id": uid(0x1B1),
        "name": "Blood test",
        "name_folded": "blood test",
        "prefix": "B",
        "is_default": False,
        "position": 1,
    }


def blood_queue(now: datetime) -> dict[str, Any]:
    (queue, *_) = was.tables(now)["queues"]
    return queue | {
        "id": uid(0x3B1),
        "service_id": uid(0x1B1),
        "service_name": "Blood test",
        "prefix": "B",
        "max_size": 500,
        "last_issued_number": 4,
        "waiting_count": 3,
        "on_hold_count": 1,
        "now_serving": 4,
        "last_place": 6 * STEP,
        "open_desks": 1,
        "upcoming": [{"label": "B002", "priority": "NORMAL"}],
        "calls": [{"token_id": str(uid(0x4B4)), "label": "B004"}],
        "notice": {"kind": "NOTE", "text": "ä"},
        "notice_ends_at": now,
        "closed_at": None,
        "ended_at": None,
    }


def blood_tokens(now: datetime) -> Rows:
    """One came back to the end of the line, one to its front, one stepped out."""
    plain, *_ = was.tables(now)["tokens"]
    plain |= {"started_at": None, "completed_at": None, "called_at": None, "assigned_to": None}
    plain |= {"queue_id": uid(0x3B1), "service_id": uid(0x1B1), "status": "WAITING"}
    plain |= {"recall_count": 0, "rejoins": 1, "postpones": 0, "guest": False, "on_hold": False}

    def token(number: int, place: int, **fields: Any) -> dict[str, Any]:
        mine = {"id": uid(0x4B0 + number), "patient_id": uid(0x210 + number), "number": number}
        return {**plain, **mine, "place": place, "label": f"B00{number}", **fields}

    return [
        token(1, 6 * STEP),
        token(2, -STEP // 2),
        token(3, -STEP // 2, on_hold=True, patient_id=uid(0x2F1), guest=True, name="Grace"),
        token(4, STEP // 2 + 1, status="CALLED", called_at=now, last_called_at=now, desk_name="1"),
    ]


def without_login(number: int, role: str, clinic: int | None) -> dict[str, Any]:
    nobody = user(number, role, None if clinic is None else uid(clinic))
    guest = role == "PATIENT"
    return nobody | {"email": None, "password_hash": None, "guest": guest, "last_name": ""}


async def fill_with_what_is_new(url: str, now: datetime) -> None:
    """What only version 0004 could have written."""
    await added(url, "services", blood_test(now))
    await added(url, "users", without_login(0x2F1, "PATIENT", None))
    await added(url, "users", without_login(0x2F2, "DISPLAY", 0x101))
    await added(url, "queues", blood_queue(now))
    await added(url, "tokens", *blood_tokens(now))
    soon = {"created_at": now, "expires_at": now + timedelta(hours=1)}
    await added(
        url, "guest_links", {"user_id": uid(0x2F1), "digest": "a" * 64, "generation": 1, **soon}
    )
    await added(
        url,
        "displays",
        {
            "id": uid(0x2F2),
            "clinic_id": uid(0x101),
            "name": "Hall",
            "service_ids": None,
            "created_at": now,
            "created_by": STAFF,
        },
    )
    await added(url, "display_pairings", {"digest": "b" * 64, "user_code": "BCDFGHJK", **soon})
    await added(
        url,
        "desks",
        {
            "id": uid(0xD01),
            "clinic_id": uid(0x101),
            "name": "1",
            "is_active": True,
            "state": "OPEN",
            "staff_id": STAFF,
            "service_ids": [str(uid(0x1B1))],
            "since": now,
            "created_at": now,
            "updated_at": now,
        },
    )
    await added(
        url,
        "kept_answers",
        {"scope": "s", "key": "k", "asked": "a", "content": b"[]", "created_at": now},
    )


async def test_what_is_new_goes_and_what_0003_can_know_of_it_stays(url: str, now: datetime) -> None:
    await migrate(url, "0004")
    await fill_with_what_is_new(url, now)
    await downgrade(url, "0003")
    rows = was.tables(now)
    users = await found(url, "users", *rows["users"][0])
    *others, guest, display = users
    assert others == rows["users"]
    for one, number in ((guest, 0x2F1), (display, 0x2F2)):
        assert one == user(number) | {
            "email": f"guest-{uid(number).hex}@guest.invalid",
            "password_hash": one["password_hash"],
            "is_active": False,
            "last_name": "",
        }
        # Whoever tries to log in with it is told what anybody is told.
        assert not bcrypt.verify("", one["password_hash"])
    services = await found(url, "services", *rows["services"][0])
    (blood,) = [row for row in services if row not in rows["services"]]
    expected = blood_test(now) | {"next_opening_at": None}
    assert blood == {name: expected[name] for name in blood}
    queues = await found(url, "queues", *rows["queues"][0])
    (blood,) = [row for row in queues if row not in rows["queues"]]
    assert blood == {name: blood_queue(now)[name] for name in blood}


async def test_places_stay_in_order_are_nobody_elses_and_before_those_of_numbers_to_come(
    url: str, now: datetime
) -> None:
    await migrate(url, "0004")
    await fill_with_what_is_new(url, now)
    await downgrade(url, "0003")
    rows = was.tables(now)["tokens"]
    tokens = await found(url, "tokens", *rows[0])
    there = {row["id"]: row for row in tokens if row["queue_id"] == uid(0x3B1)}
    assert [row for row in tokens if row["id"] not in there] == rows
    places = {id.int & 0xF: row["place"] // STEP_OF_0003 for id, row in there.items()}
    assert places == {2: 1, 3: 2, 4: 3, 1: 4}
    for row in blood_tokens(now):
        place = {"place": there[row["id"]]["place"]}
        assert there[row["id"]] == {name: row[name] for name in rows[0]} | place


async def test_a_second_service_finds_its_name_its_labels_and_its_hours_again(
    url: str, now: datetime
) -> None:
    await migrate(url, "0004")
    await fill_with_what_is_new(url, now)
    await downgrade(url, "0003")
    for number, then in ((1, 12), (2, 112)):
        at = f"number = {number} AND status = 'WAITING'"
        await changed(url, f"UPDATE tokens SET number = {then} WHERE {at}")
    await migrate(url, "0004")
    services = await found(url, "services", "position", "name_folded", "next_opening_at")
    *others, blood = services
    assert blood == {"position": 1, "name_folded": "blood test", "next_opening_at": now}
    assert {row["name_folded"] for row in others} == {"general"}
    (queue,) = [
        row
        for row in await found(url, "queues", "id", "prefix", "service_name", "upcoming")
        if row["prefix"]
    ]
    assert queue["service_name"] == "Blood test"
    assert [one["label"] for one in queue["upcoming"]] == ["B112", "B003", "B012"]
    labels = await found(url, "tokens", "number", "id", "label", "service_id")
    its = [row["label"] for row in labels if row["service_id"] == uid(0x1B1)]
    assert its == ["B003", "B004", "B012", "B112"]


async def test_what_is_told_yet_goes_back_to_what_0003_can_read(url: str, now: datetime) -> None:
    await migrate(url, "0004")
    (_, (name, called)) = was.ENTRIES[1]
    then, event = json.loads(called), json.loads(called)
    event["queue"] |= {"service_id": str(uid(0x101)), "next": ["B012"], "priority_run": 2}
    event["token"] |= {"label": "5", "rejoins": 2, "name": "Grace", "place": 5 * STEP + 7}
    event["before"] = {"now_serving": 1}
    ended = {"actor": event["actor"] | {"role": "DISPLAY"}, "user_id": str(uid(0x2F2))}
    (row, *_) = was.tables(now)["journal"]
    row |= {"created_at": now - timedelta(days=1), "is_pending": True}
    for number, (kind, content) in enumerate(
        [(name, event), ("TokenHeld", event), ("SessionRevoked", ended)]
    ):
        entry = {"entry_id": uid(0x9B0 + number), "number": 0, "event": kind}
        entry["content"] = json.dumps(content).encode()
        await added(url, "journal", row | entry | {"actor_role": "DISPLAY", "desk_name": "1"})
    await downgrade(url, "0003")
    rows = await found(url, "journal", *row)
    new = [row for row in rows if row["entry_id"].int & 0xFF0 == 0x9B0]
    assert [row["actor_role"] for row in new] == [None] * 3
    assert [json.loads(row["content"]) for row in new] == [
        then,
        then,
        ended | {"actor": event["actor"] | {"role": None}},
    ]
    assert [row for row in rows if row not in new] == was.tables(now)["journal"]


# And then


async def test_the_program_of_today_finds_its_way_in_it(url: str, now: datetime) -> None:
    await migrate(url)
    storage = open_storage(url, clock=FixedClock(now), ids=SequentialIds())
    try:
        async with storage.read() as db:
            clinic = await db.clinics.get(ClinicId(uid(0x101)))
            queue = await db.queues.of_day(
                ServiceId(uid(0x101)), (now - timedelta(hours=20)).date()
            )
            assert clinic is not None
            assert queue is not None
            line = await db.tokens.line_for(queue.id, UserId(STAFF))
            tokens = await db.tokens.of_queue(queue.id)
            entries = await db.journal.kept(after=now - timedelta(minutes=5), limit=100)
            pending = await db.journal.pending(before=now, limit=100)
    finally:
        await storage.close()
    assert clinic.service.name == "General"
    assert queue.status().next == ("12", "10", "7", "11", "13")
    assert [token.label for token in line.assigned] == ["5"]
    queue.look_at(line)
    assert queue.status().next == ("12", "10", "7", "11", "13")
    assert end_of_line(queue) > max(token.place for token in tokens)
    assert [token.skip_reason for token in tokens if token.skip_reason] == [
        SkipReason.NO_SHOW,
        SkipReason.STAFF,
    ]
    assert [len(entry.events) for entry in entries] == [1, 3, 1]
    assert [entry.id for entry in pending] == [uid(0x900 + entry) for entry in was.PENDING]
