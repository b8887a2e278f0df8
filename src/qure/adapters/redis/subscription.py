"""One connection that listens on one channel until it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from redis.asyncio.connection import AbstractConnection

BEAT_SECONDS = 0.5
SILENCE_SECONDS = 1.5
"""With nothing heard for so long, not even the answer to a ping, the server counts as gone."""


class Subscription:
    """A SUBSCRIBE and what comes of it.

    A connection of its own rather than redis-py's ``PubSub``, which reconnects and subscribes
    again without a word: a gap that nobody hears of.

    Redis answers commands and delivers messages of one connection in one order, so the answer to
    a ping proves that everything published before the ping was sent has been heard.
    """

    def __init__(
        self,
        connection: AbstractConnection,
        channel: str,
        *,
        on_subscribed: Callable[[], None],
        on_message: Callable[[bytes], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._on_subscribed = on_subscribed
        self._on_message = on_message
        self._monotonic = monotonic
        self._complete_until = 0.0
        self._ended = False
        self.confirmed = False
        """Whether Redis has ever said that it delivers here."""

    def is_current(self) -> bool:
        """Whether everything published up to ``SILENCE_SECONDS`` ago has been heard."""
        age = self._monotonic() - self._complete_until
        return self.confirmed and age <= SILENCE_SECONDS

    async def listen(self) -> None:
        """Returns never; raises one of ``FAULTS`` when the connection is lost or silent."""
        beat: asyncio.Task[None] | None = None
        try:
            await self._connection.connect()  # type: ignore[no-untyped-call]
            self._complete_until = self._monotonic()
            await self._connection.send_command("SUBSCRIBE", self._channel)
            beat = asyncio.create_task(self._beat(), name="qure-redis-beat")
            while True:
                self._take(await self._connection.read_response())
        finally:
            self._ended = True
            if beat is not None:
                beat.cancel()
                await asyncio.gather(beat, return_exceptions=True)
            await self._connection.disconnect(nowait=True)

    def _take(self, answer: list[bytes]) -> None:
        match answer:
            case [b"message", _, bytes() as message]:
                self._on_message(message)
            case [b"pong", sent_at]:
                self._complete_until = float(sent_at)
            case [b"subscribe", *_]:
                self.confirmed = True
                self._on_subscribed()
            case _:
                raise ConnectionError(f"Redis sent an unexpected {answer[0]!r}.")

    async def _beat(self) -> None:
        """Ping; the answer brings the time of sending back.

        When sending fails the connection is closed, which ends the reading.
        """
        while not self._ended:
            await asyncio.sleep(BEAT_SECONDS)
            await self._connection.send_command("PING", str(self._monotonic()))
