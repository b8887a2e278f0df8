"""A database that was in use is taken along, up and down, and nothing of it is lost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa

from qure.adapters.memory.bus import MemoryBus
from qure.adapters.sql.migrations.migrate import downgrade, migrate
from qure.adapters.sql.unit_of_work import SqlStorage, open_storage
from qure.application.announcing.cached_reads import CachedReads
from qure.application.announcing.inbox import Inbox
from qure.application.announcing.relay import Pace, Relay
from qure.application.observers import Observers
from qure.application.ports.gateways import DeleteImage, ProcessImage
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Page
from qure.domain import events
from qure.domain.actor import SYSTEM, Actor, Role
from qure.domain.calling import call_next
from qure.domain.events import Event
from qure.domain.ids import (
    ClinicId,
    EntryId,
    ImageId,
    QueueId,
    ServiceId,
    SessionId,
    TokenId,
    UserId,
)
from qure.domain.queue_status import QueueStatus
from qure.domain.token import PLACE_STEP, Token, TokenStatus
from tests.migrations import filled_0002 as was
from tests.migrations.filled_0002 import NOW, STAFF, Rows, minute, rows_of, uid
from tests.migrations.test_schema import looked_at
from tests.support.builders import FixedClock, SequentialIds
from tests.support.fakes import FakeJobs

ADMIN = uid(0x200)


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/qure.db"
    dsn: str = request.getfixturevalue("postgres_database")
    return dsn


@pytest.fixture
async def url(empty: str) -> str:
    """A filled one of revision 0002."""
    await migrate(empty, "0002")
    await looked_at(empty, was.fill)
    return empty


@asynccontextmanager
async def storage_at(url: str) -> AsyncIterator[SqlStorage]:
    storage = open_storage(url, clock=FixedClock(minute(1000)), ids=SequentialIds())
    try:
        yield storage
    finally:
        await storage.close()


async def everything(url: str) -> dict[str, Rows]:
    """All of a database of revision 0002. JSON is compared by what it says."""

    def look(connection: sa.Connection) -> dict[str, Rows]:
        return {name: rows_of(connection, name, *rows[0]) for name, rows in was.TABLES.items()}

    return _readable(await looked_at(url, look))


def _readable(tables: dict[str, Rows]) -> dict[str, Rows]:
    entries = [{**row, "events": json.loads(row["events"])} for row in tables["outbox"]]
    return {**tables, "outbox": entries}


# What stays is what was there, but for the entries that had been announced already.
STAYS = _readable({**was.TABLES, "outbox": was.PENDING})


async def test_the_rows_are_what_the_version_before_wrote(url: str) -> None:
    found = await everything(url)
    assert found["outbox"].pop() == _readable({"outbox": was.SENT})["outbox"][0]
    assert found == STAYS


async def test_a_filled_database_goes_up_down_and_up_again_and_is_what_it_was(url: str) -> None:
    await migrate(url)
    async with storage_at(url) as storage:
        after = await _told(storage)
    await downgrade(url, "0002")
    assert await everything(url) == STAYS
    await migrate(url)
    async with storage_at(url) as storage:
        assert await _told(storage) == after
    await downgrade(url, "base")


async def _told(storage: SqlStorage) -> list[object]:
    """What today's program finds in it."""
    async with storage.read() as db:
        return [
            *[await db.clinics.get(ClinicId(row["id"])) for row in was.CLINICS],
            *[await db.queues.get(QueueId(row["id"])) for row in was.QUEUES],
            *[await db.tokens.get(TokenId(row["id"])) for row in was.TOKENS],
            *[await db.journal.of_token(TokenId(row["id"])) for row in was.TOKENS],
            await db.journal.pending(before=minute(1000), limit=100),
            await db.users.search(query=None, role=None, page=Page(1, 100)),
            await db.sessions.get(SessionId(uid(0x501))),
            await db.staged_images.get(ImageId(uid(0x601))),
        ]


async def at_0003(url: str, name: str, *columns: str) -> Rows:
    """What version 0003 finds in a table."""
    await migrate(url, "0003")
    rows: Rows = await looked_at(url, lambda connection: rows_of(connection, name, *columns))
    return rows


async def test_every_clinic_has_its_service_with_what_was_the_clinics(url: str) -> None:
    expected = [
        {
            "id": row["id"],
            "clinic_id": row["id"],
            "name": "General",
            "prefix": "",
            "expected_minutes": 10,
            "max_queue_size": row["max_queue_size"],
            "auto_open_queue": row["auto_open_queue"],
            "next_opening_at": row["next_opening_at"],
            "is_default": True,
            "is_active": True,
            "position": 0,
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
        }
        for row in was.CLINICS
    ]
    assert await at_0003(url, "services", *expected[0]) == expected
    moved = {"max_queue_size", "auto_open_queue", "next_opening_at"}
    stayed = [
        {name: value for name, value in row.items() if name not in moved} for row in was.CLINICS
    ]
    assert await at_0003(url, "clinics", *stayed[0]) == stayed


async def test_queues_are_their_clinics_services_and_keep_every_number(url: str) -> None:
    expected = [
        {**row, "service_id": row["clinic_id"], "now_serving": row["current_number"]}
        for row in was.QUEUES
    ]
    for row in expected:
        del row["current_number"]
        row["priority_run"] = 0
    assert await at_0003(url, "queues", *expected[0]) == expected


async def test_tokens_have_places_by_their_numbers_and_a_version_for_every_move(url: str) -> None:
    moves = [4, 3, 3, 2, 2, 3, 2, 1, 2, 1, 2]
    expected = [
        {**row, "assigned_to": row["held_by"], "version": version}
        for row, version in zip(was.TOKENS, moves, strict=True)
    ]
    for row in expected:
        del row["held_by"]
        row |= {"place": row["number"] << 20, "priority": "NORMAL"}
    assert await at_0003(url, "tokens", *expected[0]) == expected


async def test_the_history_of_a_token_begins_with_its_issuing_and_knows_who_did_what(
    url: str,
) -> None:
    await migrate(url)
    histories = {
        0x401: [
            ("TokenCalled", "WAITING", "CALLED", STAFF, minute(1)),
            ("TokenStarted", "CALLED", "IN_PROGRESS", STAFF, minute(1.5)),
            ("TokenCompleted", "IN_PROGRESS", "COMPLETED", STAFF, minute(2)),
        ],
        0x402: [
            ("TokenCalled", "WAITING", "CALLED", STAFF, minute(2)),
            ("TokenCompleted", "CALLED", "COMPLETED", STAFF, minute(5)),
        ],
        0x403: [
            ("TokenCalled", "WAITING", "CALLED", STAFF, minute(3)),
            ("TokenSkipped", "CALLED", "SKIPPED", STAFF, minute(4)),
        ],
        0x404: [("TokenSkipped", "WAITING", "SKIPPED", STAFF, minute(4.5))],
        0x405: [("TokenCancelled", "WAITING", "CANCELLED", uid(0x215), minute(3))],
        0x406: [
            ("TokenCalled", "WAITING", "CALLED", uid(0x203), minute(3)),
            ("TokenStarted", "CALLED", "IN_PROGRESS", uid(0x203), minute(4)),
        ],
        0x407: [("TokenCalled", "WAITING", "CALLED", STAFF, minute(5))],
        0x408: [],
        0x409: [("TokenCalled", "WAITING", "CALLED", ADMIN, minute(-1440))],
        0x40A: [],
        0x40B: [("TokenCalled", "WAITING", "CALLED", uid(0x202), minute(7))],
    }
    roles: dict[UUID | None, Role] = {uid(0x215): Role.PATIENT, ADMIN: Role.ADMIN}
    async with storage_at(url) as storage, storage.read() as db:
        for row in was.TOKENS:
            found = await db.journal.of_token(TokenId(row["id"]))
            issued, *moves = found
            assert (issued.event, issued.from_status, issued.to_status) == (
                "TokenIssued",
                None,
                TokenStatus.WAITING,
            )
            assert (issued.actor_id, issued.actor_role) == (row["patient_id"], Role.PATIENT)
            assert issued.created_at == row["created_at"]
            expected = histories[row["id"].int & 0xFFF]
            assert [
                (one.event, one.from_status, one.to_status, one.actor_id, one.created_at)
                for one in moves
            ] == expected
            assert [one.actor_role for one in moves] == [
                roles.get(one.actor_id, Role.STAFF) for one in moves
            ]
            queue = next(each for each in was.QUEUES if each["id"] == row["queue_id"])
            assert {(one.clinic_id, one.queue_id) for one in found} == {
                (queue["clinic_id"], queue["id"])
            }
        # A call that completed another tells both; its day holds all of its clinic's.
        day = await db.journal.of_clinic(ClinicId(uid(0x101)), since=NOW, until=minute(60))
        assert {one.token_id for one in day} == {uid(number) for number in range(0x401, 0x409)}
        # Nobody missed what happened before there was a journal.
        kept = await db.journal.kept(after=minute(-9999), limit=1000)
        assert [entry.id for entry in kept] == [row["id"] for row in was.PENDING]
        assert await db.journal.after(EntryId(uid(0)), limit=1000) == kept


def person(id: Any) -> Actor:
    return Actor(id=id)


STATUS = QueueStatus(
    queue_id=QueueId(uid(0x301)),
    clinic_id=ClinicId(uid(0x101)),
    service_id=ServiceId(uid(0x101)),
    service_name="General",
    prefix="",
    now_serving=7,
    waiting_count=1,
    start_time=NOW - timedelta(hours=1),
    end_time=NOW + timedelta(hours=7),
    is_active=True,
    last_served_number=2,
    version=19,
)


def move(kind: type[events.TokenChanged], came_from: str | None, at: float, **token: Any) -> Event:
    by = uid(0x217) if kind in (events.TokenIssued, events.TokenCancelled) else STAFF
    fields: dict[str, Any] = {
        "id": uid(0x407),
        "queue_id": uid(0x301),
        "service_id": uid(0x101),
        "patient_id": uid(0x217),
        "number": 7,
        "created_at": NOW,
    } | token
    return kind(
        actor=person(by),
        at=minute(at),
        queue=STATUS,
        token=msgspec.convert(
            {
                **fields,
                "place": fields["number"] * PLACE_STEP,
                "label": str(fields["number"]),
            },
            Token,
        ),
        from_status=None if came_from is None else TokenStatus(came_from),
    )


CALLED = {"called_at": minute(5), "assigned_to": STAFF}
PENDING: list[tuple[Event, ...]] = [
    (events.QueueOpened(actor=SYSTEM, at=NOW, queue=STATUS),),
    (
        events.QueueActivated(actor=person(STAFF), at=NOW, queue=STATUS),
        events.QueueDeactivated(actor=person(STAFF), at=NOW, queue=STATUS),
    ),
    (move(events.TokenIssued, None, 0, status="WAITING", version=1),),
    (
        move(
            events.TokenCompleted,
            "CALLED",
            5,
            id=uid(0x402),
            patient_id=uid(0x212),
            number=2,
            status="COMPLETED",
            called_at=minute(2),
            completed_at=minute(5),
            assigned_to=STAFF,
            version=3,
        ),
        move(events.TokenCalled, "WAITING", 5, status="CALLED", version=2, **CALLED),
    ),
    (
        move(
            events.TokenStarted,
            "CALLED",
            6,
            status="IN_PROGRESS",
            started_at=minute(6),
            version=3,
            **CALLED,
        ),
    ),
    (move(events.TokenSkipped, "WAITING", 6, status="SKIPPED", skipped_at=minute(6), version=2),),
    (
        move(
            events.TokenCancelled,
            "WAITING",
            6,
            status="CANCELLED",
            cancelled_at=minute(6),
            version=2,
        ),
    ),
    (
        events.UserChanged(
            actor=person(ADMIN),
            at=NOW,
            user_id=UserId(STAFF),
            is_active=True,
            clinic_ids=(ClinicId(uid(0x101)), ClinicId(uid(0x102))),
        ),
        events.SessionRevoked(
            actor=person(STAFF), at=NOW, session_id=SessionId(uid(0x501)), user_id=UserId(STAFF)
        ),
    ),
    (
        events.ClinicChanged(actor=person(ADMIN), at=NOW, clinic_id=ClinicId(uid(0x101))),
        events.ImageStaged(actor=person(ADMIN), at=NOW, image_id=ImageId(uid(0x601))),
        events.ImageReplaced(actor=SYSTEM, at=NOW, url="https://media.example.org/ä.jpg?v=1&w=2"),
    ),
]


async def test_what_waited_to_be_announced_still_does_as_the_events_of_today(url: str) -> None:
    await migrate(url)
    expected = [
        JournalEntry(id=EntryId(row["id"]), created_at=row["created_at"], events=told)
        for row, told in zip(was.PENDING, PENDING, strict=True)
    ]
    heard: list[JournalEntry] = []
    bus, jobs = MemoryBus(), FakeJobs()
    async with storage_at(url) as storage:
        relay = Relay(
            storage,
            FixedClock(minute(1000)),
            inbox=Inbox([heard.append]),
            reads=CachedReads(shared=None, generation=bus.generation),
            bus=bus,
            jobs=jobs,
            observers=Observers(),
            pace=Pace(batch=len(expected)),
        )
        await bus.start()
        assert await relay.sweep() == len(expected)
        assert await relay.sweep() == 0
        async with storage.read() as db:
            assert await db.journal.depth() == 0
    assert heard == expected
    assert jobs.enqueued == [
        ProcessImage(ImageId(uid(0x601))),
        DeleteImage("https://media.example.org/ä.jpg?v=1&w=2"),
    ]
    await downgrade(url, "0002")
    assert await everything(url) == {**STAYS, "outbox": []}


async def test_what_was_done_since_is_taken_back_down(url: str) -> None:
    """Both of a call that completed another, of one transaction: one of them gets a new id."""
    await migrate(url)
    by = Actor(id=STAFF, role=Role.STAFF, clinic_id=ClinicId(uid(0x101)))
    async with storage_at(url) as storage, storage.write() as db:
        queue = await db.queues.get(QueueId(uid(0x301)), lock=True)
        assert queue is not None
        line = await db.tokens.line_for(queue.id, UserId(STAFF))
        called, done = call_next(queue, line, by=by, at=minute(9))
        await db.tokens.save([called, *done])
        await db.queues.save(queue)
        await db.commit()
    await downgrade(url, "0002")
    found = await everything(url)
    old = {row["id"] for row in was.ACTIVITIES}
    new = [row for row in found["staff_activities"] if row["id"] not in old]
    assert len({row["id"] for row in new}) == len(new)
    told = {(row["action"], row["token_id"], row["staff_id"], row["created_at"]) for row in new}
    assert told == {
        ("COMPLETE", uid(0x407), STAFF, minute(1000)),
        ("CALL", uid(0x408), STAFF, minute(1000)),
    }
    (entry,) = [row for row in found["outbox"] if row["id"] not in {r["id"] for r in was.PENDING}]
    (completed, fields), (name, _) = entry["events"]
    assert (completed, name) == ("TokenCompleted", "TokenCalled")
    (_, as_it_was), _ = json.loads(was.OUTBOX[3])
    assert fields.keys() == as_it_was.keys()
    assert fields["token"].keys() == as_it_was["token"].keys()
    assert fields["queue"].keys() == as_it_was["queue"].keys()
    assert fields["actor_id"] == str(STAFF)
