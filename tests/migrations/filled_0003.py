"""A filled database of revision 0003, row by row as version 0003 wrote it, ``now`` and before.

Ids tell what they are of, as in ``filled_0002``; 9xx are entries of the journal, whose events are
in ``journal_0003.jsonl``, one entry a line, written by that version itself. Nothing in that version
gave a token another class than NORMAL, but its schema knew them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from tests.migrations import filled_0002 as was
from tests.migrations.filled_0002 import Rows, table, uid

PLACE_STEP = 1 << 20
_entry_of = msgspec.json.Decoder(list[tuple[str, msgspec.Raw]])
ENTRIES = [
    [(name, bytes(event)) for name, event in _entry_of.decode(line)]
    for line in (Path(__file__).parent / "journal_0003.jsonl").read_bytes().splitlines()
]
AGES = [timedelta(days=3), timedelta(hours=1), *[timedelta(minutes=age) for age in (2, 0, 1, 20)]]
"""How long before ``now`` each entry was written."""

PENDING = (1, 3)
TOLD_ANEW = (1, 2, 3, 4)
"""Those that are announced yet, or were a short time ago."""

STAFF = uid(0x201)


def tables(now: datetime) -> dict[str, Rows]:
    """In the order in which their foreign keys let them be added."""
    return {
        "clinics": [_clinic(number, now) for number in (0x101, 0x102, 0x103)],
        "services": [
            _service(0x101, now, max_queue_size=70, auto_open_queue=True, next_opening_at=now),
            _service(0x102, now, expected_minutes=25),
            _service(0x103, now, max_queue_size=1),
        ],
        "users": [
            was.user(0x200, "ADMIN"),
            was.user(0x201, "STAFF", uid(0x101)),
            *(
                was.user(0x210 + number) | {"first_name": "Zoë", "last_name": f"ß {number}"}
                for number in range(1, 19)
            ),
        ],
        "queues": [
            _queue(0x301, 0x101, now, last_issued_number=14)
            | {"waiting_count": 8, "now_serving": 5, "last_served_number": 2, "priority_run": 1},
            _queue(0x302, 0x101, now, days_ago=1, last_issued_number=2)
            | {"waiting_count": 1, "now_serving": 1, "is_active": False},
            _queue(0x303, 0x102, now, last_issued_number=1) | {"now_serving": 1},
            _queue(0x304, 0x103, now, days_ago=1),
        ],
        "tokens": _tokens(now),
        **{name: was.TABLES[name] for name in ("sessions", "refresh_secrets", "staged_images")},
        "journal": _journal(now),
    }


def fill(connection: sa.Connection, now: datetime) -> None:
    """Put all of it into an empty database."""
    for name, rows in tables(now).items():
        connection.execute(sa.insert(table(name, *rows[0])), rows)


def _clinic(number: int, now: datetime) -> dict[str, Any]:
    of_services = {"max_queue_size", "auto_open_queue", "next_opening_at"}
    fields = was.clinic(number, created_at=now, updated_at=now)
    return {name: value for name, value in fields.items() if name not in of_services}


def _service(number: int, now: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "clinic_id": uid(number),
        "name": "General",
        "prefix": "",
        "expected_minutes": 10,
        "max_queue_size": 50,
        "auto_open_queue": False,
        "next_opening_at": None,
        "is_default": True,
        "is_active": True,
        "position": 0,
        "created_at": now,
        "updated_at": now,
    } | fields


def _queue(
    number: int, clinic: int, now: datetime, *, days_ago: int = 0, **fields: Any
) -> dict[str, Any]:
    start = now - timedelta(hours=20, days=days_ago)
    return {
        "id": uid(number),
        "clinic_id": uid(clinic),
        "service_id": uid(clinic),
        "date": start.date(),
        "day_starts_at": start,
        "day_ends_at": start + timedelta(days=1),
        "start_time": start + timedelta(hours=9),
        "end_time": start + timedelta(hours=17),
        "max_size": 70,
        "is_active": True,
        "last_issued_number": 0,
        "waiting_count": 0,
        "now_serving": 0,
        "last_served_number": 0,
        "priority_run": 0,
        "version": 30,
        "created_at": start,
        "updated_at": now,
    } | fields


def _tokens(now: datetime) -> Rows:
    def token(
        number: int, status: str, *, priority: str = "NORMAL", queue: int = 0x301, **fields: Any
    ) -> dict[str, Any]:
        printed = number if queue == 0x301 else (number & 1) + 1
        return {
            "id": uid(0x400 + number),
            "queue_id": uid(queue),
            "patient_id": uid(0x210 + number),
            "number": printed,
            "place": printed * PLACE_STEP,
            "priority": priority,
            "status": status,
            "version": 4,
            "created_at": now,
            "called_at": None,
            "started_at": None,
            "completed_at": None,
            "skipped_at": None,
            "cancelled_at": None,
            "assigned_to": None,
        } | fields

    called: dict[str, Any] = {"called_at": now - timedelta(minutes=5), "assigned_to": STAFF}
    return [
        token(1, "COMPLETED", started_at=now, completed_at=now, **called),
        token(2, "COMPLETED", completed_at=now, **called),
        token(3, "SKIPPED", skipped_at=now, **called),
        token(4, "SKIPPED", skipped_at=now),
        token(5, "CALLED", **called),
        token(6, "CANCELLED", cancelled_at=now),
        *[token(number, "WAITING") for number in (7, 8, 9)],
        token(10, "WAITING", priority="PRIORITY"),
        token(11, "WAITING", priority="PRIORITY"),
        token(12, "WAITING", priority="URGENT"),
        token(13, "WAITING", priority="PRIORITY"),
        token(14, "WAITING"),
        token(16, "CALLED", queue=0x302, called_at=now - timedelta(days=1), assigned_to=STAFF),
        token(17, "WAITING", queue=0x302),
        token(18, "IN_PROGRESS", queue=0x303, started_at=now, **called),
    ]


def _journal(now: datetime) -> Rows:
    def row(entry: int, number: int, event: str, at: datetime, **fields: Any) -> dict[str, Any]:
        return {
            "entry_id": uid(0x900 + entry),
            "number": number,
            "created_at": at,
            "is_pending": False,
            "event": event,
            "actor_kind": "USER",
            "actor_id": STAFF,
            "actor_role": "STAFF",
            "clinic_id": uid(0x101),
            "queue_id": None,
            "token_id": None,
            "from_status": None,
            "to_status": None,
            "reason": None,
            "request_id": "request-1",
            "content": None,
        } | fields

    return [
        *(
            row(
                entry,
                number,
                event,
                now - age,
                is_pending=entry in PENDING and number == 0,
                content=content,
            )
            for entry, (events, age) in enumerate(zip(ENTRIES, AGES, strict=True))
            for number, (event, content) in enumerate(events)
        ),
        # What happened before there was a journal.
        row(0xF, 0, "TokenIssued", now, token_id=uid(0x401), to_status="WAITING"),
    ]
