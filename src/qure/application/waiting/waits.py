"""Asking about waits: of a queue, of a clinic, what if; and how often what was told held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cachetools import LRUCache

from qure.application.access import require_desk, require_desk_of, require_sees
from qure.application.announcing.trust import Generation, TrustedCache
from qure.application.lookup import get_clinic, get_queue
from qure.application.ports.gateways import Clock
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from qure.application.ports.waiting import Accuracy
from qure.application.waiting.forecasts import Forecasts
from qure.application.waiting.told import QueueWaits, unknown_wait
from qure.application.waiting.what_if import with_desks
from qure.domain.actor import Actor
from qure.domain.errors import Invalid, Unavailable
from qure.domain.events import ClinicChanged
from qure.domain.ids import ClinicId, QueueId, TokenId
from qure.domain.waiting.wait import Unknown, Wait

REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How a line would go: when each is called, in that order, and the last of them."""

    finish: Wait | None
    waiting: Mapping[TokenId, Wait]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """As it is, and as it would be."""

    now: Plan
    then: Plan


class Waits:
    """Looking at waits."""

    def __init__(
        self, storage: Storage, clock: Clock, forecasts: Forecasts, *, generation: Generation
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._forecasts = forecasts
        self._refuse_below: TrustedCache[QueueId, float] = TrustedCache(
            generation, LRUCache(REMEMBERED)
        )

    async def of_queue(self, queue_id: QueueId, *, actor: Actor) -> QueueWaits | None:
        """The newest forecast of the queue; None for one of another day, and while there is none.

        Raises ``NotFound``, ``Forbidden``, ``Unavailable``.
        """
        require_sees(actor, await self._forecasts.clinic_of(queue_id))
        return await self._forecasts.of(queue_id)

    async def of_clinic(self, clinic_id: ClinicId) -> Mapping[QueueId, QueueWaits]:
        """The newest of each of today's queues."""
        return (await self._forecasts.clinic(clinic_id)).waits

    async def is_too_late(self, queue_id: QueueId) -> bool:
        """Whether the clinic refuses who asks for a number of it now: too few of those who did
        would be called before it closes. Raises ``NotFound``, ``Unavailable``."""
        limit = self._refuse_below.get(queue_id)
        if limit is None:
            stamp = self._refuse_below.stamp()
            async with self._storage.read() as uow:
                queue = await get_queue(uow, queue_id)
                limit = (await get_clinic(uow, queue.clinic_id)).refuse_below
            self._refuse_below.put(queue_id, limit, stamp=stamp)
        if limit == 0:
            return False
        waits = await self._forecasts.of(queue_id)
        if waits is None or waits.before_closing is None:
            return False
        return waits.before_closing < limit

    def receive(self, entry: JournalEntry) -> None:
        """A clinic may refuse otherwise now."""
        if any(isinstance(event, ClinicChanged) for event in entry.events):
            self._refuse_below.clear()

    async def what_if(
        self,
        queue_id: QueueId,
        *,
        desks: int,
        begin: datetime | None,
        end: datetime | None,
        actor: Actor,
    ) -> WhatIf:
        """So many desks between these instants. For staff of the clinic and admins.

        Raises ``NotFound``, ``Forbidden``, ``Invalid``, ``Conflict`` (``queue_closed``) for a queue
        of another day, ``Unavailable``.
        """
        require_desk(actor)
        clinic_id = await self._forecasts.clinic_of(queue_id)
        require_desk_of(actor, clinic_id)
        now = self._clock.now()
        if end is not None and end <= max(begin or now, now):
            raise Invalid.field("until", "Must be in the future, and after from.")
        as_if = partial(with_desks, queue_id=queue_id, desks=desks, begin=begin, end=end)
        found = await self._forecasts.what_if(queue_id, as_if)
        if found is None:
            raise Unavailable("The waits of this queue are not known yet. Please try again.")
        as_it_is, would_be = found
        return WhatIf(_plan(as_it_is, would_be), _plan(would_be, as_it_is))

    async def accuracy(self, clinic_id: ClinicId, *, days: int, actor: Actor) -> Sequence[Accuracy]:
        """How often what was told at joining held, over so many days: all, then each service.

        Raises ``NotFound``, ``Forbidden``, ``Unavailable``.
        """
        require_sees(actor, clinic_id)
        async with self._storage.read() as uow:
            await get_clinic(uow, clinic_id)
            since = self._clock.now() - timedelta(days=days)
            return await uow.promises.accuracy(clinic_id, since=since)


def _plan(waits: QueueWaits, other: QueueWaits) -> Plan:
    """The same people on both sides: whoever is called only on the other one is not known here."""
    why = waits.unknown or Unknown.NO_DESK
    nothing = unknown_wait(why, waits.basis, as_of=waits.as_of, version=waits.version)
    ahead = {**other.ahead, **waits.ahead}
    in_order = sorted(ahead, key=lambda id: ahead[id])
    waiting = {id: waits.waiting.get(id, nothing) for id in in_order}
    return Plan(waiting[in_order[-1]] if in_order else None, waiting)
