"""Serving together those who ask for the same thing at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from qure.domain.errors import DomainError, Unavailable

Key = TypeVar("Key", bound=Hashable)
Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Asking(Generic[Ask, Answer]):
    ask: Ask
    answer: asyncio.Future[Answer]


class Batches(Generic[Key, Ask, Answer]):
    """One ``serve`` at a time for each key, for everybody who asked while the last one ran.

    Whoever asks first is served at once and alone: nobody waits for company. ``serve`` gets the
    asks in order, at most ``max_batch`` of them, and gives for each an answer or a refusal; what
    it raises is everybody's.
    """

    def __init__(
        self,
        serve: Callable[[Key, Sequence[Ask]], Awaitable[Sequence[Answer | DomainError]]],
        *,
        max_batch: int,
    ) -> None:
        self._serve = serve
        self._max_batch = max_batch
        self._asking: dict[Key, list[_Asking[Ask, Answer]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, key: Key, ask: Ask) -> Answer:
        """The answer. Raises the refusal, what ``serve`` raises, and ``Unavailable`` at the end."""
        asking: _Asking[Ask, Answer] = _Asking(ask, asyncio.get_running_loop().create_future())
        line = self._asking.get(key)
        if line is not None:
            line.append(asking)
        else:
            self._asking[key] = [asking]
            task = asyncio.create_task(self._serve_all(key), name=f"batches of {key}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await asking.answer

    async def _serve_all(self, key: Key) -> None:
        present: list[_Asking[Ask, Answer]] = []
        try:
            while line := self._asking[key]:
                batch, self._asking[key] = line[: self._max_batch], line[self._max_batch :]
                # Whoever has hung up meanwhile is not served.
                present = [one for one in batch if not one.answer.cancelled()]
                if present:
                    await self._serve_batch(key, present)
        finally:
            # Somebody is left only when this was ended in the middle: they must not wait for ever.
            for one in (*present, *self._asking.pop(key)):
                if not one.answer.done():
                    one.answer.set_exception(Unavailable("The service is about to stop."))

    async def _serve_batch(self, key: Key, batch: list[_Asking[Ask, Answer]]) -> None:
        answers: Sequence[Answer | Exception]
        try:
            answers = await self._serve(key, [one.ask for one in batch])
        except Exception as error:  # noqa: BLE001 - whoever asked is told, whatever it was
            answers = [error] * len(batch)
        for one, answer in zip(batch, answers, strict=True):
            if one.answer.done():
                continue
            if isinstance(answer, Exception):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)
