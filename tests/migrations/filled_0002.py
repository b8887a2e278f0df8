"""A filled database of revision 0002, row by row as version 0002 wrote it.

Ids tell what they are of: 1xx clinics, 2xx users, 3xx queues, 4xx tokens, 5xx sessions, 6xx
images, 7xx activities, 8xx outbox entries. The events are in ``outbox_0002.jsonl``, one entry a
line, written by that version itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

NOW = datetime(2025, 12, 30, 15, 0, tzinfo=UTC)
OUTBOX = (Path(__file__).parent / "outbox_0002.jsonl").read_bytes().splitlines()

Rows = list[dict[str, Any]]


def uid(number: int) -> UUID:
    return UUID(f"019b6fc5-e980-7000-8000-{number:012x}")


def minute(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def clinic(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "name": f"Clinic {number:x}",
        "name_folded": f"clinic {number:x}",
        "latitude": 40.7128,
        "longitude": -74.006,
        "address": None,
        "phone": None,
        "email": None,
        "website": None,
        "description": None,
        "logo": None,
        "pending_logo": None,
        "images": [],
        "images_batch": None,
        "is_active": True,
        "type": "GENERAL_PRACTICE",
        "opening_start": time(9),
        "opening_end": time(17, 30),
        "timezone": "America/New_York",
        "max_queue_size": 50,
        "auto_open_queue": False,
        "next_opening_at": None,
        "created_at": minute(-1000),
        "updated_at": minute(-500),
    } | fields


def user(number: int, role: str = "PATIENT", clinic_id: UUID | None = None) -> dict[str, Any]:
    return {
        "id": uid(number),
        "first_name": "Ada",
        "last_name": f"Lovelace {number:x}",
        "name_folded": f"ada lovelace {number:x}",
        "email": f"user{number:x}@example.org",
        "password_hash": "hash",
        "role": role,
        "clinic_id": clinic_id,
        "profile_picture": "https://example.org/ada.jpg",
        "pending_picture": None,
        "is_active": True,
        "created_at": minute(-1000),
        "updated_at": minute(-1000),
    }


def queue(number: int, clinic_number: int, day: date, **fields: Any) -> dict[str, Any]:
    start = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    return {
        "id": uid(number),
        "clinic_id": uid(clinic_number),
        "date": day,
        "day_starts_at": start,
        "day_ends_at": start + timedelta(days=1),
        "start_time": start + timedelta(hours=9),
        "end_time": start + timedelta(hours=17, minutes=30),
        "max_size": 50,
        "is_active": True,
        "last_issued_number": 0,
        "waiting_count": 0,
        "current_number": 0,
        "last_served_number": 0,
        "version": 1,
        "created_at": start,
        "updated_at": start,
    } | fields


def token(number: int, queue_number: int, printed: int, status: str, **at: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "queue_id": uid(queue_number),
        "patient_id": uid(number - 0x400 + 0x210),
        "number": printed,
        "status": status,
        "created_at": NOW,
        "called_at": None,
        "started_at": None,
        "completed_at": None,
        "skipped_at": None,
        "cancelled_at": None,
        "held_by": None,
    } | at


def activity(number: int, staff: int, token: int, action: str, at: datetime) -> dict[str, Any]:
    return {
        "id": uid(number),
        "staff_id": uid(staff),
        "token_id": uid(token),
        "action": action,
        "created_at": at,
    }


TODAY, YESTERDAY = date(2025, 12, 30), date(2025, 12, 29)
STAFF = uid(0x201)

CLINICS = [
    clinic(
        0x101,
        max_queue_size=70,
        auto_open_queue=True,
        next_opening_at=minute(840),
        images=[{"id": str(uid(0x6A1)), "position": 0, "url": "https://example.org/ä.jpg"}],
        images_batch=uid(0x6B1),
        pending_logo=uid(0x601),
        updated_at=minute(-1),
    ),
    clinic(0x102, max_queue_size=1000, type="DENTIST"),
    clinic(0x103, max_queue_size=1, is_active=False, auto_open_queue=True),
]
USERS = [
    user(0x200, "ADMIN"),
    user(0x201, "STAFF", uid(0x101)),
    user(0x202, "STAFF", uid(0x102)),
    user(0x203),  # was staff once
    *(user(0x210 + number) for number in range(1, 12)),
]
QUEUES = [
    queue(0x301, 0x101, TODAY)
    | {
        "last_issued_number": 8,
        "waiting_count": 1,
        "current_number": 7,
        "last_served_number": 2,
        "version": 19,
        "max_size": 70,
        "updated_at": minute(6),
    },
    queue(0x302, 0x101, YESTERDAY)
    | {"last_issued_number": 2, "waiting_count": 1, "current_number": 1, "is_active": False},
    queue(0x303, 0x102, TODAY) | {"last_issued_number": 1, "current_number": 1, "version": 3},
    queue(0x304, 0x103, YESTERDAY),
]
TOKENS = [
    token(
        0x401, 0x301, 1, "COMPLETED",
        called_at=minute(1), started_at=minute(1.5), completed_at=minute(2), held_by=STAFF,
    ),
    token(
        0x402, 0x301, 2, "COMPLETED",
        called_at=minute(2), completed_at=minute(5), held_by=STAFF,
    ),
    token(0x403, 0x301, 3, "SKIPPED", called_at=minute(3), skipped_at=minute(4), held_by=STAFF),
    token(0x404, 0x301, 4, "SKIPPED", skipped_at=minute(4.5)),
    token(0x405, 0x301, 5, "CANCELLED", cancelled_at=minute(3)),
    token(
        0x406, 0x301, 6, "IN_PROGRESS",
        called_at=minute(3), started_at=minute(4), held_by=uid(0x203),
    ),
    token(0x407, 0x301, 7, "CALLED", called_at=minute(5), held_by=STAFF),
    token(0x408, 0x301, 8, "WAITING", created_at=minute(6)),
    token(
        0x409, 0x302, 1, "CALLED",
        created_at=minute(-1500), called_at=minute(-1440), held_by=uid(0x200),
    ),
    token(0x40A, 0x302, 2, "WAITING", created_at=minute(-1490)),
    token(0x40B, 0x303, 1, "CALLED", called_at=minute(7), held_by=uid(0x202)),
]  # fmt: skip
ACTIVITIES = [
    activity(0x701, 0x201, 0x401, "CALL", minute(1)),
    activity(0x702, 0x201, 0x401, "START", minute(1.5)),
    # One call: it completed what the caller still had.
    activity(0x703, 0x201, 0x401, "COMPLETE", minute(2)),
    activity(0x704, 0x201, 0x402, "CALL", minute(2)),
    activity(0x705, 0x201, 0x403, "CALL", minute(3)),
    activity(0x706, 0x201, 0x403, "SKIP", minute(4)),
    activity(0x707, 0x201, 0x404, "SKIP", minute(4.5)),
    activity(0x708, 0x203, 0x406, "CALL", minute(3)),
    activity(0x709, 0x203, 0x406, "START", minute(4)),
    activity(0x70A, 0x201, 0x402, "COMPLETE", minute(5)),
    activity(0x70B, 0x201, 0x407, "CALL", minute(5)),
    activity(0x70C, 0x200, 0x409, "CALL", minute(-1440)),
    activity(0x70D, 0x202, 0x40B, "CALL", minute(7)),
]
PENDING: Rows = [
    {"id": uid(0x801 + n), "created_at": minute(n), "events": events, "sent_at": None}
    for n, events in enumerate(OUTBOX)
]
SENT: Rows = [{"id": uid(0x8FF), "created_at": NOW, "events": OUTBOX[0], "sent_at": minute(1)}]

TABLES: dict[str, Rows] = {
    "clinics": CLINICS,
    "users": USERS,
    "queues": QUEUES,
    "tokens": TOKENS,
    "sessions": [
        {
            "id": uid(0x501),
            "user_id": STAFF,
            "user_agent": None,
            "ip_address": "203.0.113.7",
            "created_at": NOW,
            "expires_at": minute(10_000),
            "revoked_at": None,
        }
    ],
    "refresh_secrets": [
        {
            "digest": "5e" * 32,
            "session_id": uid(0x501),
            "created_at": NOW,
            "expires_at": minute(10_000),
            "spent_at": None,
        }
    ],
    "staged_images": [
        {
            "id": uid(0x601),
            "purpose": "CLINIC_LOGO",
            "owner_id": uid(0x101),
            "batch": uid(0x6B2),
            "position": 0,
            "content": bytes(range(256)),
            "created_at": NOW,
            "attempts": 1,
            "failed_at": None,
            "request_id": "request-1",
        }
    ],
    "staff_activities": ACTIVITIES,
    "outbox": [*PENDING, *SENT],
}
"""In the order in which their foreign keys let them be added."""

_JSONS = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_KINDS: dict[TypeEngine[Any], set[str]] = {
    _JSONS: {"images", "service_ids", "upcoming", "calls", "notice", "reasons"},
    sa.Date(): {"date"},
    sa.Time(): {"opening_start", "opening_end"},
    sa.Boolean(): {
        "is_active", "auto_open_queue", "is_default", "is_pending", "guest_join", "guest",
        "on_hold", "is_open",
    },
    GUID(): {
        "id", "held_by", "assigned_to", "batch", "images_batch", "pending_logo", "pending_picture",
        "transferred_from", "transferred_to", "created_by",
    },
    DateTimeUTC(): {
        "start_time", "end_time", "since", "paused_until", "rejoin_until",
        "as_of", "low", "likely", "high", "leave_by",
    },
    sa.types.NullType(): {"request_id"},
}  # fmt: skip


def _kind(column: str) -> TypeEngine[Any]:
    """By its name, which is of one kind in every table of every revision."""
    for kind, columns in _KINDS.items():
        if column in columns:
            return kind
    if column.endswith("_id"):
        return GUID()
    return DateTimeUTC() if column.endswith("_at") else sa.types.NullType()


def table(name: str, *columns: str) -> sa.TableClause:
    """That table with those columns, whatever revision it is of."""
    return sa.table(name, *(sa.column(column, _kind(column)) for column in columns))


def fill(connection: sa.Connection) -> None:
    """Put all of it into an empty database."""
    for name, rows in TABLES.items():
        connection.execute(sa.insert(table(name, *rows[0])), rows)


def rows_of(connection: sa.Connection, name: str, *columns: str) -> Rows:
    """Every row with these columns, in the order of the first two."""
    order = map(sa.text, columns[:2])
    found = connection.execute(sa.select(table(name, *columns)).order_by(*order))
    return [dict(row._mapping) for row in found]
