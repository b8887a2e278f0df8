"""Opening a clinic's queue of the day, looking at it, and closing its door to new tokens."""

from __future__ import annotations

import logging

from qure.application.access import Principal, require_desk, require_desk_of
from qure.application.announcing.live_status import LiveStatus
from qure.application.lookup import find_clinic, find_queue
from qure.application.ports.gateways import Clock, Randomness
from qure.application.ports.storage import Storage
from qure.application.transact import retried
from qure.domain.errors import NotFound, Unavailable
from qure.domain.ids import ClinicId, QueueId
from qure.domain.queue import Queue
from qure.domain.queue_status import QueueStatus

logger = logging.getLogger(__name__)

OPENING_BATCH = 100


@retried
async def open_queue(
    clinic_id: ClinicId,
    *,
    max_size: int | None,
    actor: Principal,
    storage: Storage,
    clock: Clock,
    randomness: Randomness,
) -> Queue:
    """Open today's queue; ``max_size`` None takes the clinic's own.

    Raises ``NotFound``, ``Forbidden``, ``Conflict`` (``queue_exists``, ``clinic_retired``).
    """
    require_desk(actor)
    async with storage.write() as uow:
        # Locked, so that neither the daily opening nor a change of the clinic runs beside it.
        clinic = await find_clinic(uow, clinic_id, lock=True)
        require_desk_of(actor, clinic_id)
        queue = Queue.open(
            clinic,
            id=QueueId(randomness.new_id()),
            max_size=max_size,
            at=clock.now(),
            by=actor.user_id,
        )
        await uow.queues.add(queue)
        uow.record(*queue.events)
        await uow.commit()
    return queue


async def todays_queue(clinic_id: ClinicId, *, storage: Storage, clock: Clock) -> Queue:
    """The clinic's queue of its local today. Raises ``NotFound``."""
    async with storage.read() as uow:
        clinic = await find_clinic(uow, clinic_id)
        queue = await uow.queues.of_day(clinic_id, clinic.local_date(clock.now()))
    if queue is None:
        raise NotFound("queue_not_found", "This clinic has no queue today.")
    return queue


async def read_status(
    queue_id: QueueId, *, live_status: LiveStatus, storage: Storage
) -> QueueStatus:
    """How the queue stands now, as exactly as ``LiveStatus`` says. Raises ``NotFound``."""
    status = live_status.get(queue_id)
    if status is None:
        epoch = live_status.epoch
        async with storage.read() as uow:
            queue = await find_queue(uow, queue_id)
        status = live_status.offer_read(queue.status(), epoch=epoch)
    return status


@retried
async def set_queue_active(
    queue_id: QueueId, *, active: bool, actor: Principal, storage: Storage, clock: Clock
) -> Queue:
    """Take new tokens, or no more. Raises ``NotFound``, ``Forbidden``."""
    require_desk(actor)
    async with storage.write() as uow:
        queue = await find_queue(uow, queue_id, lock=True)
        require_desk_of(actor, queue.clinic_id)
        if queue.set_active(active, by=actor.user_id, at=clock.now()):
            await uow.queues.save(queue)
            uow.record(*queue.events)
            await uow.commit()
    return queue


async def open_due_queues(
    *, storage: Storage, clock: Clock, randomness: Randomness, batch: int = OPENING_BATCH
) -> int:
    """Open the queue of every clinic whose local midnight has come; how many were opened.

    A midnight that passed while nobody was running is made up for: the queue of the clinic's
    present day is opened, days that are over are not. Any number of processes may do this at
    once: each queue is opened once. A clinic whose queue cannot be opened holds up no other.
    Raises ``Unavailable``.
    """
    opened = 0
    while True:
        async with storage.read() as uow:
            due = await uow.clinics.due_for_opening(clock.now(), limit=batch)
        seen_to = 0
        for clinic_id in due:
            try:
                opened += await _open_if_due(
                    clinic_id, storage=storage, clock=clock, randomness=randomness
                )
                seen_to += 1
            except Unavailable:
                raise
            except Exception:
                logger.exception("the queue of clinic %s could not be opened", clinic_id)
        if len(due) < batch or seen_to == 0:
            return opened


@retried
async def _open_if_due(
    clinic_id: ClinicId, *, storage: Storage, clock: Clock, randomness: Randomness
) -> bool:
    async with storage.write() as uow:
        clinic = await uow.clinics.get(clinic_id, lock=True)
        now = clock.now()
        if clinic is None or clinic.next_opening_at is None or clinic.next_opening_at > now:
            return False  # Another process was here first.
        standing = await uow.queues.of_day(clinic_id, clinic.local_date(now))
        if standing is None:
            queue = Queue.open(
                clinic, id=QueueId(randomness.new_id()), max_size=None, at=now, by=None
            )
            await uow.queues.add(queue)
            uow.record(*queue.events)
        clinic.plan_opening(now)
        await uow.clinics.save(clinic)
        await uow.commit()
    return standing is None
