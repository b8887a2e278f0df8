"""One transaction on one connection: its statements, and its one end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, Executable, Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from qure.adapters.sql.faults import translate

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


Abandon = Callable[[AsyncConnection], Coroutine[Any, Any, None]]

_ERRORS = (SQLAlchemyError, sqlite3.Error, OSError)


class Transaction:
    """Begun with its first statement; gives the connection back when it ends, in either way.

    ``abandon`` drops a connection whose server did not answer, ``release`` is called last.

    Every error of the database comes out as the port promises it (see ``faults``). After any of
    them the transaction can only be left: Postgres would answer COMMIT with a silent ROLLBACK.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        abandon: Abandon | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        self._connection = connection
        self._abandon = abandon
        self._release = release
        self._failed = False
        self._hung = False
        self._ended = False

    async def all(self, statement: Executable, parameters: Parameters = None) -> Sequence[Row[Any]]:
        """Every row."""
        return (await self._execute(statement, parameters)).all()

    async def first(self, statement: Executable, parameters: Parameters = None) -> Row[Any] | None:
        """The first row, if there is one."""
        return (await self._execute(statement, parameters)).first()

    async def scalar(self, statement: Executable, parameters: Parameters = None) -> Any:
        """The first column of the first row, None without a row."""
        return (await self._execute(statement, parameters)).scalar()

    async def change(self, statement: Executable, parameters: Parameters = None) -> int:
        """How many rows were changed. With several sets of parameters: one round trip for all."""
        return (await self._execute(statement, parameters)).rowcount

    async def commit(self) -> None:
        """COMMIT, and give the connection back.

        Once begun it runs to its end, even if the task that waits for it is cancelled.
        """
        if self._failed:
            raise RuntimeError("A transaction in which a statement failed cannot be committed.")
        if self._ended:
            raise RuntimeError("This transaction has ended.")
        self._ended = True
        await _to_the_end(self._commit())

    async def end(self) -> None:
        """Roll back what was not committed, and give the connection back."""
        if not self._ended:
            self._ended = True
            await _to_the_end(self._close())

    async def _execute(self, statement: Executable, parameters: Parameters) -> CursorResult[Any]:
        if self._ended:
            raise RuntimeError("This transaction has ended.")
        try:
            return await self._connection.execute(statement, parameters)
        except _ERRORS as error:
            self._failed = True
            self._hung = isinstance(error, TimeoutError)
            fault = translate(error)
            if fault is error:
                raise
            raise fault from error
        except BaseException:
            self._failed = True
            raise

    async def _commit(self) -> None:
        try:
            await self._connection.commit()
        except _ERRORS as error:
            self._hung = isinstance(error, TimeoutError)
            raise translate(error) from error
        finally:
            await self._close()

    async def _close(self) -> None:
        try:
            if self._hung and self._abandon is not None:
                await self._abandon(self._connection)
            await self._connection.close()
        finally:
            if self._release is not None:
                self._release()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # seen: the cancellation is what the caller hears of
        raise
