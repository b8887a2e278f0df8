"""Whatever commits, announcements, readings, crashes and gaps come in between: no old status."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from qure.application.announcing.live_status import LiveStatus
from qure.domain.queue_status import QueueStatus
from tests.application.world import World
from tests.support.builders import build_status
from tests.support.fakes import Hearing

LIMIT = 2
QUEUES = 3
NO_STORAGE = World().storage
"""Readings are made by the machine itself, step by step."""

queues = st.integers(0, QUEUES - 1)
places = st.integers(0, 30)


@dataclass(slots=True)
class Stored:
    """A queue as the database has it, and what of it has come to the process in question."""

    row: QueueStatus = field(default_factory=build_status)
    outbox: list[QueueStatus] = field(default_factory=list)
    read: int | None = None
    """The newest row that was read since the last gap."""
    announced: int = 0

    @property
    def least(self) -> int:
        """What a reading that begins now must not fall short of."""
        return self.row.version if self.read is None else max(self.read, self.announced)


@dataclass(slots=True)
class Reading:
    """One that has begun; ``row`` is what it found, once it has looked."""

    queue: Stored
    epoch: int
    least: int
    gaps: int
    row: QueueStatus | None = None


class Process(RuleBasedStateMachine):
    """One process's memory. Others commit; some die before they announce it."""

    def __init__(self) -> None:
        super().__init__()
        self.hearing = Hearing()
        self.live = LiveStatus(NO_STORAGE, generation=self.hearing, limit=LIMIT)
        self.queues = [Stored() for _ in range(QUEUES)]
        self.readings: list[Reading] = []
        self.gaps = 0

    @rule(queue=queues)
    def somebody_commits(self, queue: int) -> None:
        stored = self.queues[queue]
        stored.row = replace(stored.row, version=stored.row.version + 1)
        stored.outbox.append(stored.row)

    @rule(queue=queues, place=places)
    def an_entry_is_announced_in_any_order(self, queue: int, place: int) -> None:
        stored = self.queues[queue]
        if not stored.outbox:
            return
        status = stored.outbox[place % len(stored.outbox)]
        if place % 3:  # Else it will be announced again.
            stored.outbox.remove(status)
        self.live.offer(status)
        stored.announced = max(stored.announced, status.version)

    @rule(queue=queues)
    def somebody_asks(self, queue: int) -> None:
        stored = self.queues[queue]
        known = self.live.get(stored.row.queue_id)
        if known is None:
            reading = Reading(stored, self.live.epoch, stored.least, self.gaps)
            self.readings.append(reading)
        else:
            assert self.hearing.now is not None
            assert stored.least <= known.version <= stored.row.version

    @precondition(lambda self: self.readings)
    @rule(place=places)
    def a_reading_looks_at_the_row(self, place: int) -> None:
        reading = self.readings[place % len(self.readings)]
        if reading.row is None:
            reading.row = reading.queue.row

    @precondition(lambda self: self.readings)
    @rule(place=places)
    def a_reading_ends(self, place: int) -> None:
        reading = self.readings.pop(place % len(self.readings))
        row = reading.row or reading.queue.row
        told = self.live.offer_read(row, epoch=reading.epoch)
        assert reading.least <= told.version <= reading.queue.row.version
        if self.hearing.now is not None and reading.gaps == self.gaps:
            reading.queue.read = max(reading.queue.read or 0, row.version)

    @rule()
    def announcements_may_be_late(self) -> None:
        self.hearing.lose()

    @rule()
    def everything_is_heard_again(self) -> None:
        self.hearing.now = self.gaps

    @rule()
    def there_was_a_gap(self) -> None:
        self.gaps += 1
        self.hearing.now = self.gaps
        for stored in self.queues:
            stored.read = None


TestProcess = Process.TestCase
TestProcess.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, database=None
)
