"""What the database says of a day: read through the program's own ports, and once byte by byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from qure.application.ports.journal import JournalRecord
from qure.application.ports.storage import UnitOfWork
from qure.domain.events import TokenCalled
from qure.domain.ids import EntryId, QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token
from qure.settings import load_settings
from tests.e2e.topology import Topology
from tests.support.http_service import comes_true

ENTRIES_AT_ONCE = 500


@dataclass(slots=True)
class Ledger:
    """The day as it is kept."""

    queues: dict[str, Queue] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    histories: dict[str, list[JournalRecord]] = field(default_factory=dict)
    """By token, oldest first."""
    called: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By queue: at which version who was called, in order."""
    unannounced: int = 0
    told_secrets: list[str] = field(default_factory=list)
    """Which of the secrets that were looked for are written somewhere, and where."""


async def read_ledger(
    topology: Topology, queue_ids: Sequence[str], *, secrets: Sequence[str]
) -> Ledger:
    """All of it, at the day's end."""
    ledger = Ledger()
    async with topology.container().running() as container:
        async with container.storage.read() as uow:
            for id in queue_ids:
                queue = await uow.queues.get(QueueId(UUID(id)))
                assert queue
                ledger.queues[id] = queue
                for token in await uow.tokens.of_queue(queue.id):
                    ledger.tokens[str(token.id)] = token
            for id in ledger.tokens:
                ledger.histories[id] = await uow.journal.of_token(TokenId(UUID(id)))
            for id, version, label in [call async for call in _calls(uow)]:
                ledger.called.setdefault(id, []).append((version, label))

        async def nothing_waits() -> bool:
            async with container.storage.read() as uow:
                ledger.unannounced = await uow.journal.depth()
            return ledger.unannounced == 0

        # The last announcements are marked in the database a moment after they were made.
        await comes_true(nothing_waits)
    ledger.called = {id: sorted(calls) for id, calls in ledger.called.items()}
    async for where, cell in _cells(topology):
        ledger.told_secrets += [f"{secret} in {where}" for secret in secrets if secret in cell]
    return ledger


async def _calls(uow: UnitOfWork) -> Any:
    position = EntryId(UUID(int=0))
    while entries := await uow.journal.after(position, limit=ENTRIES_AT_ONCE):
        for entry in entries:
            for event in entry.events:
                if isinstance(event, TokenCalled):
                    yield str(event.queue.queue_id), event.queue.version, event.token.label
        position = entries[-1].id


async def _cells(topology: Topology) -> Any:
    """Every cell of every table, as text, and all that was logged."""
    for process in [*topology.processes, *([topology.worker] if topology.worker else [])]:
        yield "a log", process.log()
    settings = topology.processes[0].settings
    address = settings.get("DATABASE_URL")
    if address is None:
        for where, cell in _sqlite_cells(load_settings(settings, env_file=None).sqlite_path):
            yield where, cell
        return
    connection = await asyncpg.connect(address)
    try:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        assert tables
        for [name] in tables:
            for row in await connection.fetch(f'SELECT * FROM "{name}"'):
                for column, value in row.items():
                    yield f"{name}.{column}", _text(value)
    finally:
        await connection.close()


def _sqlite_cells(file: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for [name] in names.fetchall():
            rows = connection.execute(f'SELECT * FROM "{name}"')
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    yield f"{name}.{column}", _text(value)


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
