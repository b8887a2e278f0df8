"""Forecasts that say what a test wants to be said, when it wants it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from qure.application.announcing.live_boards import LiveBoards
from qure.application.ports.gateways import Clock
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from qure.application.waiting.forecasts import Forecasts
from qure.application.waiting.kept_clinic import Watcher
from qure.application.waiting.told import QueueWaits, unknown_wait
from qure.domain.ids import ClinicId, QueueId, ServiceId, TokenId
from qure.domain.queue import Queue
from qure.domain.waiting.wait import Basis, Unknown, Wait, WaitState
from tests.support.builders import NOW, new_id


class ToldForecasts(Forecasts):
    """Whoever watches is told at once that nothing is known of the queue, unless something was
    said of it, or it is ``silent``; and from then on what is ``said``."""

    def __init__(self, storage: Storage, clock: Clock, live_boards: LiveBoards) -> None:
        super().__init__(storage, clock, live_boards)
        self.silent = False
        self._watchers: dict[QueueId, dict[Watcher, None]] = {}
        self._newest: dict[QueueId, QueueWaits] = {}

    @property
    def watched(self) -> list[QueueId]:
        """The queues that somebody watches."""
        return list(self._watchers)

    def watch(self, queue_id: QueueId, clinic_id: ClinicId, watcher: Watcher) -> None:
        self._watchers.setdefault(queue_id, {})[watcher] = None
        newest = self._newest.get(queue_id)
        if newest is None and not self.silent:
            newest = build_waits(queue_id=queue_id, clinic_id=clinic_id, unknown=Unknown.NO_DESK)
        if newest is not None:
            watcher(newest)

    def unwatch(self, queue_id: QueueId, clinic_id: ClinicId, watcher: Watcher) -> None:
        watchers = self._watchers.get(queue_id, {})
        watchers.pop(watcher, None)
        if not watchers:
            self._watchers.pop(queue_id, None)

    def receive(self, entry: JournalEntry) -> None:
        """Nothing is made anew."""

    def say(self, waits: QueueWaits) -> None:
        """That is the newest forecast of its queue."""
        self._newest[waits.queue_id] = waits
        for watcher in list(self._watchers.get(waits.queue_id, ())):
            watcher(waits)


def build_wait(minutes: float = 20, **fields: Any) -> Wait:
    """Called in so many minutes, give or take ten."""
    likely = NOW + timedelta(minutes=minutes)
    defaults: dict[str, Any] = {
        "state": WaitState.ESTIMATED,
        "leave_by": likely - timedelta(minutes=15),
        "low": likely - timedelta(minutes=10),
        "likely": likely,
        "high": likely + timedelta(minutes=10),
        "basis": Basis.LIVE,
        "as_of": NOW,
        "version": 1,
    }
    return Wait(**(defaults | fields))


def build_waits(queue: Queue | None = None, **fields: Any) -> QueueWaits:
    """Of that queue: nobody waits, and whoever joins is called in 60 minutes."""
    unknown, version = fields.get("unknown"), fields.get("version", 1)
    as_of, waiting = fields.get("as_of", NOW), fields.get("waiting", {})
    if_joined = build_wait(60, as_of=as_of, version=version)
    if unknown is not None:
        if_joined = unknown_wait(unknown, Basis.LIVE, as_of=as_of, version=version)
    defaults: dict[str, Any] = {
        "clinic_id": queue.clinic_id if queue else ClinicId(new_id()),
        "service_id": queue.service_id if queue else ServiceId(new_id()),
        "queue_id": queue.id if queue else QueueId(new_id()),
        "basis": Basis.LIVE,
        "as_of": as_of,
        "version": version,
        "unknown": None,
        "known": frozenset(waiting),
        "waiting": waiting,
        "ahead": {id: number for number, id in enumerate(waiting)},
        "if_joined": if_joined,
        "before_closing": None if unknown is not None else 1.0,
    }
    return QueueWaits(**(defaults | fields))


def waits_of(queue: Queue, minutes: Mapping[TokenId, float], **fields: Any) -> QueueWaits:
    """Each of those is called in so many minutes."""
    when = {name: fields[name] for name in ("as_of", "version") if name in fields}
    waiting = {id: build_wait(its, **when) for id, its in minutes.items()}
    return build_waits(queue, waiting=waiting, **fields)
