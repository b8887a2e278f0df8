"""The bus between processes: PUBLISH and SUBSCRIBE, and what may have been missed read anew."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from qure.adapters.redis.connection import FAULTS, connect, new_connection
from qure.adapters.redis.publisher import Publisher
from qure.adapters.redis.resyncs import Resyncs
from qure.adapters.redis.subscription import SILENCE_SECONDS, Subscription
from qure.application.ports.journal import JournalEntry
from qure.domain.errors import Unavailable
from qure.wire.stored_events import decode_entry, encode_entry

PUBLISH_SECONDS = 0.9
FIRST_DELAY = 0.1
LONGEST_DELAY = 1.0
SETTLED_SECONDS = 1.0
"""A subscription that stood for so long is followed by an attempt at once."""

_log = logging.getLogger(__name__)


class RedisBus:
    """See ``EventBus``.

    Redis keeps nothing for who is not listening. After a lost subscription the bus is not connected
    again until it has subscribed anew and ``on_resync`` has returned.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "qure:",
        monotonic: Callable[[], float] = time.monotonic,
        start_seconds: float = 2.0,
    ) -> None:
        speaker = connect(url, seconds=PUBLISH_SECONDS, connections=1)
        self._publisher = Publisher(new_connection(speaker), seconds=PUBLISH_SECONDS)
        self._listener = connect(url, seconds=SILENCE_SECONDS, connections=1)
        # Channels are shared by all databases of a server, keys are not: so the channel says which.
        database = self._listener.connection_pool.connection_kwargs.get("db", 0)
        self._channel = f"{prefix}events:{database}"
        self._monotonic = monotonic
        self._start_seconds = start_seconds
        self._on_entry: Callable[[JournalEntry], None] | None = None
        self._subscription: Subscription | None = None
        self._subscribed = asyncio.Event()
        self._is_away = False
        self._resyncs = Resyncs()
        self.attempts = 0
        """How many times it has tried to subscribe."""
        self._tasks: list[asyncio.Task[None]] = []

    def subscribe(
        self,
        on_entry: Callable[[JournalEntry], None],
        on_resync: Callable[[], Awaitable[None]],
    ) -> None:
        """Raises ``RuntimeError`` when called twice, or after ``start``."""
        if self._tasks or self._on_entry is not None:
            raise RuntimeError("subscribe is called once, before start")
        self._on_entry, self._resyncs.do = on_entry, on_resync

    async def start(self) -> None:
        """Begin to listen, and wait up to ``start_seconds`` until everything will be heard.

        When Redis is away it returns all the same, not connected; what is published until it has
        subscribed is missed.
        """
        self._tasks = [
            asyncio.create_task(self._stay_subscribed(), name="qure-redis-bus"),
            asyncio.create_task(self._resyncs.run(), name="qure-redis-resyncs"),
        ]
        try:
            async with asyncio.timeout(self._start_seconds):
                await self._subscribed.wait()
        except TimeoutError:
            self._resyncs.need()

    async def close(self) -> None:
        """Stop listening and publishing."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            # Once may not be enough: on Python 3.11 wait_for, in redis-py, can lose a cancellation.
            _, running = await asyncio.wait(self._tasks, timeout=0.1)
            self._tasks = list(running)
        await self._publisher.close()

    async def publish(self, entries: Sequence[JournalEntry]) -> None:
        """In one round trip, within a second. Raises ``Unavailable``; some may be out then."""
        if not entries:
            return
        try:
            await self._publisher.send(
                [("PUBLISH", self._channel, encode_entry(entry)) for entry in entries]
            )
        except FAULTS as error:
            raise Unavailable("The message bus is away.") from error

    def generation(self) -> int | None:
        """None unless everything published up to 1.5 s ago has been heard, or read anew since."""
        subscription = self._subscription
        if subscription is None or not self._resyncs.all_done or not subscription.is_current():
            return None
        return self._resyncs.needed

    async def _stay_subscribed(self) -> None:
        attempt = 0
        while True:
            began = self._monotonic()
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - whatever it was, listening goes on
                if not self._is_away:
                    unexpected = None if isinstance(error, FAULTS) else error
                    _log.warning("the message bus is away: %s", error, exc_info=unexpected)
                self._is_away = True
            if self._monotonic() - began >= SETTLED_SECONDS:
                attempt = 0
            await asyncio.sleep(_delay(attempt))
            attempt += 1

    async def _listen(self) -> None:
        self.attempts += 1
        subscription = self._subscription = Subscription(
            new_connection(self._listener),
            self._channel,
            on_subscribed=self._heard_again,
            on_message=self._take,
            monotonic=self._monotonic,
        )
        try:
            await subscription.listen()
        finally:
            self._subscription = None
            if subscription.confirmed:
                self._resyncs.need()

    def _heard_again(self) -> None:
        if self._is_away:
            _log.warning("the message bus is heard again")
        self._is_away = False
        self._subscribed.set()
        self._resyncs.begin()

    def _take(self, message: bytes) -> None:
        if self._on_entry is None:
            return
        try:
            self._on_entry(decode_entry(message))
        except Exception:  # noqa: BLE001 - one bad entry must not stop those behind it
            _log.exception("an announcement was not taken: what is kept is read anew")
            self._resyncs.need()
            self._resyncs.begin()


def _delay(attempt: int) -> float:
    """At once, then longer and longer, spread so that processes do not come back in step."""
    if attempt == 0:
        return 0.0
    delay = min(LONGEST_DELAY, math.ldexp(FIRST_DELAY, min(attempt, 30) - 1))
    return delay * random.uniform(0.5, 1.0)
