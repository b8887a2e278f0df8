"""All that a forecast of one clinic needs, read once and carried on by what is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from qure.application.lookup import get_clinic
from qure.application.ports.storage import Storage
from qure.application.waiting.scenes import OpenQueue, scene_of
from qure.application.waiting.seen import Pause, by_desk, earlier_days, pauses_in, visits_of
from qure.application.waiting.told import QueueWaits, tell
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.ids import ClinicId, QueueId, ServiceId, TokenId
from qure.domain.queue import Queue
from qure.domain.queue_status import QueueStatus
from qure.domain.service import Service
from qure.domain.token import Priority, Token
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.forecast import forecast
from qure.domain.waiting.pace import Pace
from qure.domain.waiting.scene import Scene
from qure.domain.waiting.usual import Usual
from qure.domain.waiting.visits import EarlierDays, Today, Visit

LEARNED_DAYS: Final = 28
READ_DAYS: Final = 7
"""So many earlier days are read at once: no answer of the database holds up the loop."""


@dataclass(slots=True)
class ClinicDay:
    """A clinic's day, without its boards: they are brought along.

    ``versions`` are its queues', and ``changed_at`` is when the last change was, as they were read;
    ``finished`` are the visits of today's tokens that are over.
    """

    clinic: Clinic
    services: list[Service]
    desks: list[Desk]
    versions: dict[QueueId, int]
    changed_at: datetime
    ends_at: datetime
    pauses: list[Pause]
    usual: Usual
    calibrations: dict[tuple[ServiceId, int], Calibration]
    finished: dict[TokenId, list[Visit]] = field(default_factory=dict)
    overtakers: dict[TokenId, ServiceId] = field(default_factory=dict)

    @property
    def queue_ids(self) -> Collection[QueueId]:
        """Today's queues."""
        return self.versions.keys()

    def take_in(self, token: Token, *, over_at: datetime | None) -> None:
        """How a token of today stands now; ``over_at`` is when its queue was closed, if it was."""
        visits = visits_of(token, by_desk(self.pauses), over_at=over_at)
        if visits:
            self.finished[token.id] = visits
        else:
            self.finished.pop(token.id, None)
        if token.priority is Priority.NORMAL:
            self.overtakers.pop(token.id, None)
        else:
            self.overtakers[token.id] = token.service_id

    def today(self, queues: list[OpenQueue]) -> Today:
        """What it has shown so far."""
        visits = [one for its in self.finished.values() for one in its]
        visits.sort(key=lambda one: (one.ended_at, one.called_at, str(one.seat_id)))
        overtakers: dict[ServiceId, int] = {}
        for service_id in self.overtakers.values():
            overtakers[service_id] = overtakers.get(service_id, 0) + 1
        opens = {one.status.service_id: one.status.start_time.timestamp() for one in queues}
        return Today(visits, overtakers, opens)

    def forecast(
        self,
        queues: list[OpenQueue],
        *,
        now: datetime,
        as_if: Callable[[Scene], Scene] | None = None,
    ) -> Generator[None, None, dict[QueueId, QueueWaits]]:
        """What is told of each queue, ``as_if`` the scene were another one.

        Takes in how things stand before it yields first.
        """
        today = self.today(queues)
        scene = scene_of(
            queues,
            self.desks,
            today.visits,
            self.usual,
            self.clinic.comeback,
            paused={one.desk_id for one in self.pauses},
            now=now,
        )
        if as_if is not None:
            scene = as_if(scene)
        statuses = {queue.status.queue_id: queue.status for queue in queues}
        return self._forecast(scene, today, statuses, now)

    def _forecast(
        self, scene: Scene, today: Today, statuses: dict[QueueId, QueueStatus], now: datetime
    ) -> Generator[None, None, dict[QueueId, QueueWaits]]:
        yield
        pace = Pace(self.usual, today)
        yield
        made = yield from forecast(scene, pace, self.calibrations)
        found: dict[QueueId, QueueWaits] = {}
        for line in scene.lines:
            id = line.queue_id
            found[id] = yield from tell(made[id], line, statuses[id], as_of=now)
        return found


async def read_clinic_day(
    storage: Storage, clinic_id: ClinicId, *, now: datetime, usual: Usual | None
) -> tuple[ClinicDay, EarlierDays | None]:
    """As it stands now. Without ``usual`` the earlier days are read too, to be learned from; until
    then nothing is usual. Raises ``NotFound``, ``Unavailable``.
    """
    async with storage.read("waits") as uow:
        clinic = await get_clinic(uow, clinic_id)
        services = await uow.services.of_clinic(clinic_id)
        desks = await uow.desks.of_clinic(clinic_id)
        queues = await uow.queues.of_clinic(clinic_id, now=now)
        starts, ends = clinic.day_bounds(clinic.local_date(now))
        pauses = pauses_in(await uow.journal.of_desks(clinic_id, since=starts))
        calibrations = await uow.calibrations.of_services([one.id for one in services])
        tokens = [(queue, await uow.tokens.of_queue(queue.id)) for queue in queues]
    day = ClinicDay(
        clinic=clinic,
        services=services,
        desks=desks,
        versions={queue.id: queue.version for queue in queues},
        changed_at=_changed_at(clinic, services, desks, queues),
        ends_at=ends,
        pauses=pauses,
        usual=usual or Usual(expected_of(services), {}, (), ()),
        calibrations=calibrations,
    )
    for queue, its in tokens:
        for token in its:
            day.take_in(token, over_at=_over_at(queue))
    earlier = None if usual is not None else await _read_earlier(storage, day, now)
    return day, earlier


def _changed_at(
    clinic: Clinic, services: list[Service], desks: list[Desk], queues: list[Queue]
) -> datetime:
    of_lists = [one.updated_at for its in (services, desks, queues) for one in its]
    return max([clinic.updated_at, *of_lists])


def expected_of(services: list[Service]) -> dict[ServiceId, float]:
    """How long a visit is configured to take, in seconds."""
    return {one.id: one.expected_minutes * 60.0 for one in services}


def _over_at(queue: Queue) -> datetime:
    return queue.day_ends_at if queue.closed_at is None else queue.closed_at


async def _read_earlier(storage: Storage, day: ClinicDay, now: datetime) -> EarlierDays:
    today = day.clinic.local_date(now)
    days = []
    for service in day.services:
        for back in range(LEARNED_DAYS - READ_DAYS, -1, -READ_DAYS):
            async with storage.read("waits") as uow:
                before = today - timedelta(days=back)
                days += await uow.tokens.seen_days(service.id, before=before, days=READ_DAYS)
    since = day.clinic.day_bounds(today - timedelta(days=LEARNED_DAYS))[0]
    async with storage.read("waits") as uow:
        records = await uow.journal.of_desks(day.clinic.id, since=since)
    return earlier_days(days, pauses_in(records))
