"""One transaction on one connection: its statements, and its one end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import CursorResult, Executable, Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from qure.adapters.sql.faults import translate

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


_ERRORS = (SQLAlchemyError, sqlite3.Error, OSError)


class Transaction:
    """Begun with its first statement; gives the connection back when it ends, in either way.

    Every error of the database comes out as the port promises it (see ``faults``). After any of
    them the transaction can only be left: Postgres would answer COMMIT with a silent ROLLBACK.
    ``abort`` breaks the connection off: it is called when the server has not answered for
    ``timeout`` seconds.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        abort: Callable[[], None] | None = None,
        timeout: float = 0,
    ) -> None:
        self._connection = connection
        self._abort = abort
        self._timeout = timeout
        self._failed = False
        self._ended = False

    @property
    def dialect(self) -> str:
        """Which SQL the database speaks: ``postgresql`` or ``sqlite``."""
        return self._connection.dialect.name

    @property
    def takes_arrays(self) -> bool:
        """Whether a parameter may be an array."""
        return self.dialect == "postgresql"

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
            with self._watched():
                return await self._connection.execute(statement, parameters)
        except _ERRORS as error:
            self._failed = True
            fault = translate(error)
            if fault is error:
                raise
            raise fault from error
        except BaseException:
            self._failed = True
            raise

    async def _commit(self) -> None:
        try:
            with self._watched():
                await self._connection.commit()
        except _ERRORS as error:
            raise translate(error) from error
        finally:
            await self._close()

    async def _close(self) -> None:
        with self._watched():
            await self._connection.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Cancelling the wait would not do: the driver would ask the server to cancel, and wait
        for a server that does not answer. A connection that is broken off is over at once."""
        if self._abort is None:
            yield
            return
        alarm = asyncio.get_running_loop().call_later(self._timeout, self._abort)
        try:
            yield
        finally:
            alarm.cancel()


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
