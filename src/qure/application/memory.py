"""What a process remembers of what it has read, and believes as long as it hears every change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qure.application.announcing.actors import Actors
from qure.application.announcing.cached_reads import CachedReads
from qure.application.announcing.live_boards import LiveBoards
from qure.application.announcing.live_status import LiveStatus
from qure.application.announcing.trust import Generation
from qure.application.clinics.nearby import NearbyClinics
from qure.application.ports.gateways import Cache, Clock
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from qure.application.waiting.forecasts import Forecasts
from qure.domain.clinic import Clinic


@dataclass(frozen=True, slots=True)
class Memory:
    """One part for each kind of question."""

    live_status: LiveStatus
    live_boards: LiveBoards
    actors: Actors
    reads: CachedReads
    nearby: NearbyClinics
    forecasts: Forecasts

    @classmethod
    def on(
        cls,
        storage: Storage,
        clock: Clock,
        *,
        shared_cache: Cache | None,
        generation: Generation,
        clinic_body: Callable[[Clinic], bytes],
    ) -> Memory:
        """All of it, empty. ``clinic_body`` makes what is shown of a clinic."""
        live_boards = LiveBoards(storage, generation=generation)
        return cls(
            live_status=LiveStatus(storage, generation=generation),
            live_boards=live_boards,
            actors=Actors(storage, clock, generation=generation),
            reads=CachedReads(shared=shared_cache, generation=generation),
            nearby=NearbyClinics(storage, generation=generation, body=clinic_body),
            forecasts=Forecasts(storage, clock, live_boards),
        )

    def receive(self, entry: JournalEntry) -> None:
        """Nothing that the entry made false is handed out after this returns."""
        self.live_status.receive(entry)
        self.live_boards.receive(entry)
        self.actors.receive(entry)
        self.reads.receive(entry)
        self.nearby.receive(entry)
        self.forecasts.receive(entry)
