"""Storage in a database: units of work on transactions, and what they announce."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from qure.adapters.sql.engine import Database, open_database
from qure.adapters.sql.pools import PoolUse
from qure.adapters.sql.repositories.clinics import SqlClinics
from qure.adapters.sql.repositories.desks import SqlDesks
from qure.adapters.sql.repositories.displays import SqlDisplays
from qure.adapters.sql.repositories.guest_links import SqlGuestLinks
from qure.adapters.sql.repositories.journal import SqlJournal
from qure.adapters.sql.repositories.kept_answers import SqlKeptAnswers
from qure.adapters.sql.repositories.queues import SqlQueues
from qure.adapters.sql.repositories.services import SqlServices
from qure.adapters.sql.repositories.sessions import SqlSessions
from qure.adapters.sql.repositories.staged_images import SqlStagedImages
from qure.adapters.sql.repositories.tokens import SqlTokens
from qure.adapters.sql.repositories.users import SqlUsers
from qure.adapters.sql.repositories.waiting import SqlCalibrations, SqlPromises
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.application.correlation import request_id
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.journal import JournalEntry
from qure.domain.errors import Unavailable
from qure.domain.ids import EntryId

OnCommit = Callable[[JournalEntry], Awaitable[None]]

DEFAULT_POOL_SIZE = 8

_PING = text("SELECT count(*) FROM alembic_version")
_log = logging.getLogger(__name__)


class SqlUnitOfWork:
    """See ``ports.storage.UnitOfWork``."""

    def __init__(
        self,
        transaction: Transaction,
        *,
        clock: Clock,
        ids: Ids,
        on_commit: OnCommit | None,
    ) -> None:
        self._changes = changes = Changes()
        self.users = SqlUsers(transaction, changes)
        self.clinics = SqlClinics(transaction, changes)
        self.services = SqlServices(transaction, changes)
        self.desks = SqlDesks(transaction, changes)
        self.queues = SqlQueues(transaction, changes)
        self.tokens = SqlTokens(transaction)
        self.kept_answers = SqlKeptAnswers(transaction)
        self.promises = SqlPromises(transaction, writing=on_commit is not None)
        self.calibrations = SqlCalibrations(transaction)
        self.sessions = SqlSessions(transaction, changes)
        self.guest_links = SqlGuestLinks(transaction)
        self.displays = SqlDisplays(transaction)
        self.staged_images = SqlStagedImages(transaction, changes)
        self.journal = SqlJournal(transaction)
        self._transaction = transaction
        self._clock = clock
        self._ids = ids
        self._on_commit = on_commit

    async def commit(self) -> None:
        """Make it so, and give the connection back before anybody is told.

        Raises ``RuntimeError`` when reading only, when it has ended, and after an error.
        """
        if self._on_commit is None:
            raise RuntimeError("Only a writing unit of work that has not ended can be committed.")
        on_commit, self._on_commit = self._on_commit, None
        events = self._changes.events()
        if not events:
            await self._transaction.commit()
            return
        entry = JournalEntry(
            id=EntryId(self._ids.new_id()), created_at=self._clock.now(), events=events
        )
        await self.journal.add(entry, request_id=request_id.get())
        await self._transaction.commit()
        self._changes.told()
        try:
            await on_commit(entry)
        except Exception:  # noqa: BLE001 - the commit stands whatever becomes of its announcement
            _log.exception("announcing a commit failed", extra={"entry_id": str(entry.id)})

    async def end(self) -> None:
        """Left: what was not committed never will be."""
        self._on_commit = None
        await self._transaction.end()


class SqlStorage:
    """See ``ports.storage.Storage``. The subscriber is told of each entry after its COMMIT.

    A failure of it is logged and no more: the entry stays pending in the journal,
    where the relay's sweep finds it.
    """

    def __init__(self, database: Database, *, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._on_commit: OnCommit = _tell_nobody

    def subscribe(self, on_commit: OnCommit) -> None:
        """Call it with each entry from now on, in place of any other."""
        self._on_commit = on_commit

    @asynccontextmanager
    async def write(self, purpose: str = "write") -> AsyncIterator[SqlUnitOfWork]:  # noqa: ARG002
        """A transaction that may change things. Left without ``commit`` it rolls back."""
        work = self._work(await self._database.begin(writing=True), on_commit=self._on_commit)
        try:
            yield work
        finally:
            await work.end()

    @asynccontextmanager
    async def read(self, purpose: str = "read") -> AsyncIterator[SqlUnitOfWork]:  # noqa: ARG002
        """A transaction that only looks, at the state that its first question found."""
        work = self._work(await self._database.begin(writing=False), on_commit=None)
        try:
            yield work
        finally:
            await work.end()

    async def ping(self) -> None:
        """Raises ``Unavailable`` within two seconds unless a migrated database answers."""
        try:
            transaction = await self._database.begin(writing=False)
            try:
                await transaction.scalar(_PING)
            finally:
                await transaction.end()
        except SQLAlchemyError as error:
            raise Unavailable("The database has not been migrated, or is damaged.") from error

    def pool_use(self) -> PoolUse:
        """How the connections are used at this moment."""
        return self._database.pool_use()

    async def close(self) -> None:
        """Close every connection. Units of work have ended before."""
        await self._database.close()

    def _work(self, transaction: Transaction, *, on_commit: OnCommit | None) -> SqlUnitOfWork:
        return SqlUnitOfWork(transaction, clock=self._clock, ids=self._ids, on_commit=on_commit)


def open_storage(
    database_url: str,
    *,
    clock: Clock,
    ids: Ids,
    pool_size: int = DEFAULT_POOL_SIZE,
) -> SqlStorage:
    """Storage in the Postgres or SQLite of that URL, which has been migrated.

    Connects when first used. ``?pgbouncer=true`` in a Postgres URL says that a transaction-mode
    PgBouncer stands before it. ``pool_size`` bounds the connections to Postgres. Raises
    ``ValueError`` for a URL of another database.
    """
    return SqlStorage(
        open_database(database_url, pool_size=pool_size),
        clock=clock,
        ids=ids,
    )


async def _tell_nobody(_: JournalEntry) -> None:
    """The service's sweep finds what is pending."""
