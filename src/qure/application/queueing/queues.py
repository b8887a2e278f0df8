"""Opening a clinic's queue of the day, looking at it, and closing it to new tokens."""

from __future__ import annotations

import logging

from qure.application.access import require_desk, require_desk_of
from qure.application.lookup import get_clinic, get_queue
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import SYSTEM, Actor
from qure.domain.errors import NotFound, Unavailable
from qure.domain.ids import ClinicId, QueueId
from qure.domain.queue import Queue

logger = logging.getLogger(__name__)

OPENING_BATCH = 100


class Queues:
    """The queues of the day."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def open(
        self, clinic_id: ClinicId, *, max_size: int | None = None, actor: Actor
    ) -> Queue:
        """Open today's queue; ``max_size`` None takes the clinic's own.

        Raises ``NotFound``, ``Forbidden``, ``Conflict`` (``queue_exists``, ``clinic_retired``).
        """
        require_desk(actor)

        async def open_today(uow: UnitOfWork) -> Queue:
            # Locked, so that neither the daily opening nor a change of the clinic runs beside it.
            clinic = await get_clinic(uow, clinic_id, lock=True)
            require_desk_of(actor, clinic_id)
            queue = Queue.open(
                clinic,
                id=QueueId(self._ids.new_id()),
                max_size=max_size,
                at=self._clock.now(),
                by=actor,
            )
            await uow.queues.add(queue)
            await uow.commit()
            return queue

        return await transact(self._storage, open_today)

    async def of_today(self, clinic_id: ClinicId) -> Queue:
        """The clinic's queue of its local today. Raises ``NotFound``."""
        async with self._storage.read() as uow:
            clinic = await get_clinic(uow, clinic_id)
            queue = await uow.queues.of_day(clinic.service.id, clinic.local_date(self._clock.now()))
        if queue is None:
            raise NotFound("queue_not_found", "This clinic has no queue today.")
        return queue

    async def set_active(self, queue_id: QueueId, *, active: bool, actor: Actor) -> Queue:
        """Take new tokens, or no more. Raises ``NotFound``, ``Forbidden``."""
        require_desk(actor)

        async def set_active(uow: UnitOfWork) -> Queue:
            queue = await get_queue(uow, queue_id, lock=True)
            require_desk_of(actor, queue.clinic_id)
            if queue.set_active(active, by=actor, at=self._clock.now()):
                await uow.queues.save(queue)
                await uow.commit()
            return queue

        return await transact(self._storage, set_active)

    async def open_due(self, *, batch: int = OPENING_BATCH) -> int:
        """Open the queue of every clinic whose local midnight has come; how many were opened.

        A midnight that passed while no process ran is made up for: the queue of the clinic's
        present day is opened, days that are over are not. Any number of processes may do this at
        once: each queue is opened once. A clinic whose queue cannot be opened holds up no other.
        Raises ``Unavailable``.
        """
        opened = 0
        while True:
            async with self._storage.read() as uow:
                due = await uow.clinics.due_for_opening(self._clock.now(), limit=batch)
            seen_to = 0
            for clinic_id in due:
                try:
                    opened += await self._open_if_due(clinic_id)
                    seen_to += 1
                except Unavailable:
                    raise
                except Exception:
                    logger.exception("the queue of clinic %s could not be opened", clinic_id)
            if len(due) < batch or seen_to == 0:
                return opened

    async def _open_if_due(self, clinic_id: ClinicId) -> bool:
        async def open_today(uow: UnitOfWork) -> bool:
            clinic = await uow.clinics.get(clinic_id, lock=True)
            now = self._clock.now()
            if clinic is None or not clinic.service.is_due(now):
                return False  # Another process was here first.
            open_already = await uow.queues.of_day(clinic.service.id, clinic.local_date(now))
            if open_already is None:
                queue = Queue.open(
                    clinic, id=QueueId(self._ids.new_id()), max_size=None, at=now, by=SYSTEM
                )
                await uow.queues.add(queue)
            clinic.plan_opening(now)
            await uow.clinics.save(clinic)
            await uow.commit()
            return open_already is None

        return await transact(self._storage, open_today)
