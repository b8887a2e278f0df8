"""Which schema a database has, and bringing it to the one this program works with."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from qure.adapters.sql.migrations import revision
from qure.application.ports.setup import SetupError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Revisions:
    """Which version of the schema a database has (None: empty), and which it has to have."""

    before: str | None
    after: str | None


class Schema:
    """Of the database at that URL, which must not go through a pooler."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def revisions(self) -> Revisions:
        """Raises ``SetupError`` when the database cannot be reached."""
        return Revisions(await _reached(revision.current(self._url)), revision.head())

    async def migrate(self) -> Revisions:
        """Bring it to this program's version; what was before.

        Any number of processes may do it at once: one of them does it, the others wait. Raises
        ``SetupError``; nothing was changed then.
        """
        found = await self.revisions()
        if found.before == found.after:
            return found
        if found.before is not None and found.before not in revision.known():
            raise SetupError(
                f"The database's schema ({found.before}) is unknown to this version of Qure: "
                "was it migrated by a newer one?"
            )
        from qure.adapters.sql.migrations.migrate import migrate

        await _reached(migrate(self._url))
        return found

    async def go_back(self, to: str) -> Revisions:
        """Bring it, with its data, to an earlier version; no process may be running on it.

        Raises ``SetupError``; nothing was changed then.
        """
        found = await self.revisions()
        known = revision.known()
        if found.before not in known or to not in known[: known.index(found.before)]:
            raise SetupError(f"The database, at {found.before}, cannot go back to {to}.")
        from qure.adapters.sql.migrations.migrate import downgrade

        await _reached(downgrade(self._url, to))
        return Revisions(found.before, to)


async def _reached(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (SQLAlchemyError, OSError) as error:
        raise SetupError(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    told = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    reason = (str(told).strip().partition("\n")[0] or type(told).__name__).rstrip(".")
    return f"The database cannot be used: {reason}."
