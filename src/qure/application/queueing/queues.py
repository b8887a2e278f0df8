"""Opening a service's queue of the day, looking at it, and what staff tell everyone who waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from qure.application.access import require_desk, require_desk_of, require_sees
from qure.application.lookup import get_clinic, get_queue, get_service_of
from qure.application.one_by_one import see_to_all
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import SYSTEM, Actor
from qure.domain.clinic import Clinic
from qure.domain.errors import Invalid, NotFound
from qure.domain.ids import ClinicId, QueueId, ServiceId
from qure.domain.queue import Queue
from qure.domain.queue_status import Notice, NoticeKind
from qure.domain.service import Service

OPENING_BATCH = 100


class Queues:
    """The queues of the day."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def open(
        self,
        clinic_id: ClinicId,
        *,
        service_id: ServiceId | None = None,
        max_size: int | None = None,
        actor: Actor,
    ) -> Queue:
        """Open today's queue of a service, by default the clinic's default one.

        ``max_size`` None takes the service's own. Raises ``NotFound``, ``Forbidden``, ``Conflict``
        (``queue_exists``, ``clinic_retired``, ``service_retired``).
        """
        require_desk(actor)

        async def open_today(uow: UnitOfWork) -> Queue:
            # Locked, so that neither the daily opening, nor a change of the clinic, nor a desk
            # that opens or closes runs beside it.
            clinic = await get_clinic(uow, clinic_id, lock=True)
            require_desk_of(actor, clinic_id)
            service = await _service_of(uow, clinic, service_id)
            queue = await self._opened(uow, clinic, service, max_size=max_size, by=actor)
            await uow.commit()
            return queue

        return await transact(self._storage, open_today)

    async def of_today(
        self, clinic_id: ClinicId, *, service_id: ServiceId | None = None, actor: Actor
    ) -> Queue:
        """The service's queue of the clinic's local today. Raises ``NotFound``, ``Forbidden``."""
        require_sees(actor, clinic_id)
        async with self._storage.read() as uow:
            clinic = await get_clinic(uow, clinic_id)
            service = await _service_of(uow, clinic, service_id)
            queue = await uow.queues.of_day(service.id, clinic.local_date(self._clock.now()))
        if queue is None:
            raise NotFound("queue_not_found", "This clinic has no queue today.")
        return queue

    async def all_of_today(self, clinic_id: ClinicId, *, actor: Actor) -> list[Queue]:
        """Those of all services, by position. Raises ``NotFound``, ``Forbidden``."""
        require_sees(actor, clinic_id)
        async with self._storage.read() as uow:
            await get_clinic(uow, clinic_id)
            return await uow.queues.of_clinic(clinic_id, now=self._clock.now())

    async def set_active(self, queue_id: QueueId, *, active: bool, actor: Actor) -> Queue:
        """Take new tokens, or no more. Raises ``NotFound``, ``Forbidden``, ``Conflict``."""

        def set_active(queue: Queue, now: datetime) -> bool:
            return queue.set_active(active, by=actor, at=now)

        return await self._change(queue_id, set_active, actor)

    async def give_notice(
        self,
        queue_id: QueueId,
        *,
        kind: NoticeKind,
        minutes: int | None = None,
        until: datetime | None = None,
        text: str | None = None,
        actor: Actor,
    ) -> Queue:
        """Tell everyone who watches; it takes the place of an older notice.

        What has ``minutes`` ends when they are over, unless ``until`` says otherwise. Raises
        ``NotFound``, ``Forbidden``, ``Invalid`` for an end that is past, ``Conflict``.
        """

        def give(queue: Queue, now: datetime) -> bool:
            if until is not None and until <= now:
                raise Invalid.field("until", "Must be an instant in the future.")
            ends = until
            if ends is None and minutes is not None:
                ends = now + timedelta(minutes=minutes)
            notice = Notice(kind=kind, minutes=minutes, until=ends, text=text, at=now)
            return queue.give_notice(notice, by=actor, at=now)

        return await self._change(queue_id, give, actor)

    async def take_notice_away(self, queue_id: QueueId, *, actor: Actor) -> Queue:
        """It is over. Raises ``NotFound``, ``Forbidden``."""

        def take_away(queue: Queue, now: datetime) -> bool:
            return queue.give_notice(None, by=actor, at=now)

        return await self._change(queue_id, take_away, actor)

    async def open_due(self, *, batch: int = OPENING_BATCH) -> int:
        """Open the queue of every service whose local midnight has come; how many were opened.

        A midnight that passed while no process ran is made up for: the queue of the clinic's
        present day is opened, days that are over are not. Any number of processes may do this at
        once: each queue is opened once. A queue that cannot be opened holds up no other. Raises
        ``Unavailable``.
        """
        clinic_of: dict[ServiceId, ClinicId] = {}

        async def find(uow: UnitOfWork) -> Sequence[ServiceId]:
            due = await uow.services.due_for_opening(self._clock.now(), limit=batch)
            clinic_of.update((service_id, clinic_id) for clinic_id, service_id in due)
            return [service_id for _, service_id in due]

        async def open_if_due(service_id: ServiceId) -> bool:
            return await self._open_if_due(clinic_of[service_id], service_id)

        return await see_to_all(
            self._storage,
            find,
            open_if_due,
            batch=batch,
            failure="the queue of service %s could not be opened",
        )

    async def _open_if_due(self, clinic_id: ClinicId, service_id: ServiceId) -> bool:
        async def open_today(uow: UnitOfWork) -> bool:
            clinic = await uow.clinics.get(clinic_id, lock=True)
            service = await uow.services.get(service_id)
            now = self._clock.now()
            if clinic is None or service is None or not service.is_due(now):
                return False  # Another process was here first.
            open_already = await uow.queues.of_day(service_id, clinic.local_date(now))
            if open_already is None:
                await self._opened(uow, clinic, service, max_size=None, by=SYSTEM)
            clinic.plan_opening(service, now)
            await uow.services.save(service)
            await uow.commit()
            return open_already is None

        return await transact(self._storage, open_today)

    async def _opened(
        self,
        uow: UnitOfWork,
        clinic: Clinic,
        service: Service,
        *,
        max_size: int | None,
        by: Actor,
    ) -> Queue:
        desks = await uow.desks.of_clinic(clinic.id)
        queue = Queue.open(
            clinic,
            service,
            id=QueueId(self._ids.new_id()),
            max_size=max_size,
            open_desks=sum(desk.serves(service.id) for desk in desks),
            at=self._clock.now(),
            by=by,
        )
        await uow.queues.add(queue)
        return queue

    async def _change(
        self, queue_id: QueueId, change: Callable[[Queue, datetime], bool], actor: Actor
    ) -> Queue:
        require_desk(actor)

        async def work(uow: UnitOfWork) -> Queue:
            queue = await get_queue(uow, queue_id, lock=True)
            require_desk_of(actor, queue.clinic_id)
            if change(queue, self._clock.now()):
                await uow.queues.save(queue)
                await uow.commit()
            return queue

        work.__qualname__ = change.__qualname__
        return await transact(self._storage, work)


async def _service_of(uow: UnitOfWork, clinic: Clinic, service_id: ServiceId | None) -> Service:
    if service_id is None or service_id == clinic.service.id:
        return clinic.service
    return await get_service_of(uow, clinic.id, service_id)
