"""Where patients go: making desks, and sitting down at them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypedDict

from qure.application.access import require_admin, require_desk, require_desk_of
from qure.application.lookup import get_clinic, get_desk, get_user
from qure.application.one_by_one import see_to
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.storage import Storage, TransactionConflict, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import SYSTEM, Actor, Role
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.errors import Conflict, FieldError, Forbidden, Invalid
from qure.domain.ids import ClinicId, DeskId, ServiceId
from qure.domain.queue import Queue

MAX_DESKS = 200
"""So many a clinic has, those out of use too."""

CLOSING_BATCH = 100


class DeskFields(TypedDict, total=False):
    """What an admin may set about a desk."""

    name: str
    is_active: bool


class Desks:
    """Admins make desks; staff of the clinic and admins sit down at them.

    Each method raises ``Forbidden`` for others, and ``NotFound``. What changes which desks are
    open holds the clinic, so that every queue's count of them is exact.
    """

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def list_all(self, clinic_id: ClinicId, *, actor: Actor) -> list[Desk]:
        """The clinic's desks by name; those out of use for admins only."""
        require_desk_of(actor, clinic_id)
        async with self._storage.read() as uow:
            await get_clinic(uow, clinic_id)
            desks = await uow.desks.of_clinic(clinic_id)
        return [desk for desk in desks if desk.is_active or actor.role is Role.ADMIN]

    async def create(self, clinic_id: ClinicId, *, name: str, actor: Actor) -> Desk:
        """A new desk, closed. Raises ``Conflict`` (``too_many_desks``)."""
        require_admin(actor)
        now = self._clock.now()
        desk = Desk(
            id=DeskId(self._ids.new_id()),
            clinic_id=clinic_id,
            name=name,
            since=now,
            created_at=now,
            updated_at=now,
        )
        desk.edit(name=name, is_active=True, by=actor, at=now)

        async def create(uow: UnitOfWork) -> Desk:
            await get_clinic(uow, clinic_id, lock=True)
            if len(await uow.desks.of_clinic(clinic_id)) >= MAX_DESKS:
                raise Conflict("too_many_desks", f"A clinic has at most {MAX_DESKS} desks.")
            await uow.desks.add(desk)
            await uow.commit()
            return desk

        return await transact(self._storage, create)

    async def update(self, desk_id: DeskId, *, fields: DeskFields, actor: Actor) -> Desk:
        """Rename it, or take it out of use: then it closes."""
        require_admin(actor)

        def edit(desk: Desk, now: datetime) -> bool:
            desk.edit(
                name=fields.get("name", desk.name),
                is_active=fields.get("is_active", desk.is_active),
                by=actor,
                at=now,
            )
            return True

        return await self._change(desk_id, edit, actor)

    async def open(
        self, desk_id: DeskId, *, service_ids: Collection[ServiceId] | None = None, actor: Actor
    ) -> Desk:
        """Sit down at the desk and call for these services, or for all active ones.

        Whoever opens a second desk leaves the first. Raises ``Invalid`` for services that the
        clinic does not offer, ``Conflict`` (``desk_taken``, ``desk_retired``).
        """
        require_desk(actor)

        async def open_it(uow: UnitOfWork) -> Desk:
            seen = await get_desk(uow, desk_id)
            require_desk_of(actor, seen.clinic_id)
            # By id, here and below: nobody waits in a circle with somebody who changes desks the
            # other way. An admin may come from a desk of another clinic.
            both = [seen, *await _left_by(uow, actor)]
            clinics = {
                id: await get_clinic(uow, id, lock=True)
                for id in sorted({desk.clinic_id for desk in both})
            }
            both = [await get_desk(uow, desk_id), *await _left_by(uow, actor)]
            if any(desk.clinic_id not in clinics for desk in both):
                raise TransactionConflict  # They sat down elsewhere before it was locked.
            clinic, now = clinics[seen.clinic_id], self._clock.now()
            services = await _wanted(uow, clinic, service_ids)
            served = {service_id for desk in both for service_id in desk.service_ids}
            queues = await uow.queues.of_services({*services, *served}, now=now, lock=True)
            locked = {
                id: await get_desk(uow, id, lock=True) for id in sorted({one.id for one in both})
            }
            desk = locked.pop(desk_id)
            for left in locked.values():
                left.close(by=actor, at=now)
                await uow.desks.save(left)
            name = (await get_user(uow, actor.user_id)).first_name
            desk.open(
                staff_name=name,
                service_ids=services,
                closes_at=clinic.day_bounds(clinic.local_date(now))[1],
                by=actor,
                at=now,
            )
            await uow.desks.save(desk)
            await _recount(uow, queues, by=actor, at=now)
            await uow.commit()
            return desk

        return await transact(self._storage, open_it)

    async def pause(self, desk_id: DeskId, *, until: datetime | None = None, actor: Actor) -> Desk:
        """Call nobody there for a while. For whoever sits there, and admins.

        Raises ``Conflict`` (``desk_closed``), ``Invalid`` for an end that is past.
        """

        def pause(desk: Desk, now: datetime) -> bool:
            desk.require_open()
            require_sits_at(desk, actor, or_admin=True)
            desk.pause(until=until, by=actor, at=now)
            return True

        return await self._change(desk_id, pause, actor)

    async def resume(self, desk_id: DeskId, *, actor: Actor) -> Desk:
        """The pause is over. For whoever sits there, and admins. Raises ``Conflict``."""

        def resume(desk: Desk, now: datetime) -> bool:
            desk.require_open()
            require_sits_at(desk, actor, or_admin=True)
            return desk.resume(by=actor, at=now)

        return await self._change(desk_id, resume, actor)

    async def close(self, desk_id: DeskId, *, actor: Actor) -> Desk:
        """Leave the desk. For whoever sits there, and admins; a closed one stays closed."""

        def close(desk: Desk, now: datetime) -> bool:
            require_sits_at(desk, actor, or_admin=True)
            return desk.close(by=actor, at=now)

        return await self._change(desk_id, close, actor)

    async def close_deserted(self, *, batch: int = CLOSING_BATCH) -> int:
        """Close the desks whose day is over or whose person has gone; how many were closed.

        Any number of processes may do this at once: each desk is closed once. One that cannot be
        closed holds up no other. Raises ``Unavailable``.
        """
        async with self._storage.read() as uow:
            found = await uow.desks.deserted(now=self._clock.now(), limit=batch)
        return sum(await see_to(found, self._close_deserted, failure="desk %s could not be closed"))

    async def _close_deserted(self, desk_id: DeskId) -> bool:
        async def close(uow: UnitOfWork) -> bool:
            desk, queues, now = await self._hold(uow, await get_desk(uow, desk_id))
            if desk_id not in await uow.desks.deserted(now=now, limit=CLOSING_BATCH):
                return False  # Another process was here first, or the person has come back.
            desk.close(by=SYSTEM, at=now)
            await uow.desks.save(desk)
            await _recount(uow, queues, by=SYSTEM, at=now)
            await uow.commit()
            return True

        return await transact(self._storage, close)

    async def _change(
        self, desk_id: DeskId, change: Callable[[Desk, datetime], bool], actor: Actor
    ) -> Desk:
        require_desk(actor)

        async def work(uow: UnitOfWork) -> Desk:
            seen = await get_desk(uow, desk_id)
            require_desk_of(actor, seen.clinic_id)
            desk, queues, now = await self._hold(uow, seen)
            if change(desk, now):
                await uow.desks.save(desk)
                await _recount(uow, queues, by=actor, at=now)
                await uow.commit()
            return desk

        return await transact(self._storage, work)

    async def _hold(self, uow: UnitOfWork, seen: Desk) -> tuple[Desk, list[Queue], datetime]:
        """The desk, today's queues that it serves, all locked in the one order, and what time
        it is then."""
        await get_clinic(uow, seen.clinic_id, lock=True)
        now = self._clock.now()
        # As it is now that nobody else opens or closes it.
        served = (await get_desk(uow, seen.id)).service_ids
        queues = await uow.queues.of_services(served, now=now, lock=True)
        return await get_desk(uow, seen.id, lock=True), queues, now


def require_sits_at(desk: Desk, actor: Actor, *, or_admin: bool = False) -> None:
    """Raises ``Forbidden`` unless the actor sits there (or is an admin, where that will do)."""
    if or_admin and actor.role is Role.ADMIN:
        return
    if desk.staff_id is not None and desk.staff_id != actor.id:
        raise Forbidden("forbidden", "Somebody else sits at this desk.")


async def count_desks(
    uow: UnitOfWork, queues: Collection[Queue], *, by: Actor, at: datetime
) -> None:
    """Each of these queues knows how many desks are open for it. Clinics and queues are locked."""
    clinic_ids = {queue.clinic_id for queue in queues}
    desks = [desk for id in clinic_ids for desk in await uow.desks.of_clinic(id)]
    for queue in queues:
        queue.set_desks(sum(desk.serves(queue.service_id) for desk in desks), by=by, at=at)


async def _recount(uow: UnitOfWork, queues: Collection[Queue], *, by: Actor, at: datetime) -> None:
    await count_desks(uow, queues, by=by, at=at)
    for queue in queues:
        if queue.events:
            await uow.queues.save(queue)


async def _left_by(uow: UnitOfWork, actor: Actor) -> list[Desk]:
    """The desk at which they sit, if any: they leave it when they sit down at another one."""
    desk = await uow.desks.of_staff(actor.user_id)
    return [] if desk is None else [desk]


async def _wanted(
    uow: UnitOfWork, clinic: Clinic, asked: Collection[ServiceId] | None
) -> tuple[ServiceId, ...]:
    offered = [one.id for one in await uow.services.of_clinic(clinic.id) if one.is_active]
    if asked is None:
        return tuple(offered)
    wrong = [
        FieldError(f"serviceIds.{position}", "This clinic offers no such service.")
        for position, id in enumerate(asked)
        if id not in offered
    ]
    if wrong or not asked:
        raise Invalid(wrong or [FieldError("serviceIds", "Name at least one service.")])
    return tuple(id for id in offered if id in set(asked))
