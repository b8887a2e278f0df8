"""Stored events as revision 0004 has them, and back as 0003 had them.

Only what is announced yet, or may be read again by a process that has missed it: what is older is
told to nobody any more, and stays as it was written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

READ_AGAIN = timedelta(minutes=10)
"""So long after it was written an entry may be read again."""

_QUEUE_OF_0003 = frozenset(
    {
        "queue_id",
        "clinic_id",
        "now_serving",
        "waiting_count",
        "start_time",
        "end_time",
        "is_active",
        "last_served_number",
        "version",
    }
)
_TOKEN_OF_0003 = frozenset(
    {
        "id",
        "queue_id",
        "patient_id",
        "number",
        "place",
        "priority",
        "status",
        "version",
        "created_at",
        "called_at",
        "started_at",
        "completed_at",
        "skipped_at",
        "cancelled_at",
        "assigned_to",
    }
)

_JOURNAL = sa.table(
    "journal",
    sa.column("entry_id", GUID()),
    sa.column("number", sa.Integer()),
    sa.column("created_at", DateTimeUTC()),
    sa.column("content", sa.LargeBinary()),
)
_QUEUES = sa.table(
    "queues",
    sa.column("id", GUID()),
    sa.column("service_id", GUID()),
    sa.column("service_name", sa.Text()),
    sa.column("prefix", sa.Text()),
)

Fields = dict[str, Any]


def bring_up(now: datetime, *, places_grow: int) -> None:
    """The new fields that have no default, of the queues as they are in their table already."""
    connection = op.get_bind()

    @cache
    def queue_of(id: str) -> Any:
        return connection.execute(sa.select(_QUEUES).where(_QUEUES.c.id == UUID(id))).one()

    def as_it_is_now(event: Fields) -> Fields:
        if "queue" not in event:
            return event
        queue = queue_of(event["queue"]["queue_id"])
        service_id = {"service_id": str(queue.service_id)}
        status = {"service_name": queue.service_name, "prefix": queue.prefix}
        now = {**event, "queue": {**event["queue"], **service_id, **status}}
        if "token" in event:
            token = dict(event["token"])
            token["place"] *= places_grow
            label = label_of(queue.prefix, token["number"])
            now["token"] = {**token, **service_id, "label": label}
        return now

    _rewrite(as_it_is_now, now)


def bring_down(now: datetime, *, places_grow: int) -> None:
    """Without what 0003 does not know. It passes over events whose names are new."""

    def as_it_was(event: Fields) -> Fields:
        then = {name: value for name, value in event.items() if name != "before"}
        if event["actor"]["role"] == "DISPLAY":
            then["actor"] = {**event["actor"], "role": None}
        if "queue" in event:
            then["queue"] = _only(event["queue"], _QUEUE_OF_0003)
        if "token" in event:
            then["token"] = _only(event["token"], _TOKEN_OF_0003)
            then["token"]["place"] //= places_grow
        return then

    _rewrite(as_it_was, now)


def label_of(prefix: str, number: int) -> str:
    """What is printed."""
    return f"{prefix}{number:03d}" if prefix else str(number)


def _only(fields: Fields, known: frozenset[str]) -> Fields:
    return {name: value for name, value in fields.items() if name in known}


def _rewrite(change: Callable[[Fields], Fields], now: datetime) -> None:
    connection = op.get_bind()
    entries = sa.select(_JOURNAL.c.entry_id)
    told_yet = entries.where(sa.text("is_pending")).union(
        entries.where(_JOURNAL.c.created_at > now - READ_AGAIN)
    )
    found = connection.execute(
        sa.select(_JOURNAL).where(
            _JOURNAL.c.entry_id.in_(told_yet), _JOURNAL.c.content.is_not(None)
        )
    ).all()
    for row in found:
        event = json.loads(row.content)
        changed = change(event)
        if changed == event:
            continue
        # Written as the program writes it: without spaces, in UTF-8.
        content = json.dumps(changed, separators=(",", ":"), ensure_ascii=False).encode()
        connection.execute(
            sa.update(_JOURNAL)
            .where(_JOURNAL.c.entry_id == row.entry_id, _JOURNAL.c.number == row.number)
            .values(content=content)
        )
