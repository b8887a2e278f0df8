"""Making one clinic's forecast: what it is made of is read, and the work done in slices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage
from qure.application.waiting.clinic_day import expected_of, read_clinic_day
from qure.application.waiting.kept_clinic import Joined, KeptClinic
from qure.domain.waiting.promise import Promise
from qure.domain.waiting.usual import Usual

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When forecasts are made, in seconds.

    ``soon`` after a change, so that a rush of them is one; a clinic's next one then waits
    ``pause``, or ``rest`` times as long as the last one took to make, unless staff have given
    notice. Anew at fixed instants, ``grid`` apart, while somebody watches. What nobody has asked
    for in ``forgotten_after`` is let go. Work goes on for ``slice`` at a stretch, and then lets
    others run for a ``breath``. Whoever asks for what is not there yet waits ``patience`` for it.
    """

    soon: float = 0.02
    pause: float = 0.25
    rest: float = 50.0
    grid: int = 15
    forgotten_after: float = 120.0
    slice: float = 0.0005
    breath: float = 0.001
    retry: float = 1.0
    patience: float = 0.5
    at_once: int = 4


class Maker:
    """Makes forecasts, ``Rhythm.at_once`` of them at a time."""

    def __init__(self, storage: Storage, clock: Clock, rhythm: Rhythm) -> None:
        self._storage = storage
        self._clock = clock
        self._rhythm = rhythm
        self._turns = asyncio.Semaphore(rhythm.at_once)
        self._working = asyncio.Lock()

    async def make(self, kept: KeptClinic) -> None:
        """The clinic's next forecast, and tell everybody who watches.

        What was told first to who has joined is kept. Raises ``NotFound``, ``Unavailable``.
        """
        async with self._turns:
            kept.is_stale = kept.is_urgent = False
            now = self._clock.now()
            if not kept.is_read or kept.day is None or now >= kept.day.ends_at:
                await self._read(kept, now)
            elif kept.knows_calibrations_of != _minute(now):
                await self._read_calibrations(kept)
            kept.knows_calibrations_of = _minute(now)
            assert kept.day is not None
            async with self._working:  # Of several at once, each would have its slice in turn.
                queues = kept.open_queues()
                if queues is None:
                    return  # A board is on its way: it will be heard of.
                began = time.monotonic()
                work = kept.day.forecast(queues, now=self.as_of(kept))
                waits, spent = await self.in_slices(work, breath=self._rhythm.breath)
            kept.next_at = began + max(self._rhythm.pause, self._rhythm.rest * spent)
            promises = kept.tell(waits)
        if promises:
            await self._keep(kept, promises)

    def as_of(self, kept: KeptClinic) -> datetime:
        """The instant of a forecast that is made now: the same in every process."""
        now = int(self._clock.now().timestamp() * 1000)
        last = datetime.fromtimestamp((now - self._since_instant(kept, now)) / 1000, UTC)
        return max(kept.changed_at, last)

    def until_instant(self, kept: KeptClinic) -> float:
        """Seconds to the clinic's next fixed instant."""
        now = int(self._clock.now().timestamp() * 1000)
        return self._rhythm.grid - self._since_instant(kept, now) / 1000

    def _since_instant(self, kept: KeptClinic, now: int) -> int:
        """In milliseconds. Each clinic has instants of its own, lest all be due at once."""
        grid = self._rhythm.grid * 1000
        return (now - kept.clinic_id.int) % grid

    async def _read(self, kept: KeptClinic, now: datetime) -> None:
        kept.begin_reading()
        known = kept.day
        usual = None
        if known is not None and now < known.ends_at:
            usual = known.usual
        try:
            day, earlier = await read_clinic_day(
                self._storage, kept.clinic_id, now=now, usual=usual
            )
            expected = expected_of(day.services)
            if earlier is None and expected != day.usual.expected:
                day, earlier = await read_clinic_day(
                    self._storage, kept.clinic_id, now=now, usual=None
                )
            if earlier is not None:
                starts = day.clinic.day_bounds(day.clinic.local_date(now))[0].timestamp()
                day.usual, _ = await self.in_slices(Usual.learned(expected, earlier, now=starts))
        except BaseException:
            kept.is_read = False
            raise
        kept.take_in(day)

    async def _read_calibrations(self, kept: KeptClinic) -> None:
        assert kept.day is not None
        async with self._storage.read("waits") as uow:
            ids = [one.id for one in kept.day.services]
            kept.day.calibrations = await uow.calibrations.of_services(ids)

    async def in_slices(
        self, work: Generator[None, None, T], *, breath: float = 0.0
    ) -> tuple[T, float]:
        """Others run in between. How long it took by itself, in seconds, too."""
        spent = 0.0
        while True:
            began = time.perf_counter()
            try:
                next(work)
                while time.perf_counter() - began < self._rhythm.slice:
                    next(work)
            except StopIteration as done:
                result: T = done.value
                return result, spent + time.perf_counter() - began
            spent += time.perf_counter() - began
            await asyncio.sleep(breath)

    async def _keep(self, kept: KeptClinic, promises: list[Promise]) -> None:
        try:
            async with self._storage.write("promises") as uow:
                await uow.promises.add(promises)
                await uow.commit()
        except BaseException:
            for one in promises:
                kept.joined[one.token_id] = Joined(one.queue_id, one.version)
            raise


def _minute(now: datetime) -> int:
    return int(now.timestamp() // 60)
