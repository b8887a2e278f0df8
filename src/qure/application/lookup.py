"""Fetching by id, with the one sentence a caller hears when there is no such thing."""

from __future__ import annotations

from qure.application.ports.storage import UnitOfWork
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.errors import NotFound
from qure.domain.ids import ClinicId, DeskId, QueueId, ServiceId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.token import Token
from qure.domain.user import User


async def get_user(uow: UnitOfWork, id: UserId, *, lock: bool = False) -> User:
    """Raises ``NotFound`` (``user_not_found``)."""
    user = await uow.users.get(id, lock=lock)
    if user is None:
        raise NotFound("user_not_found", "There is no such user.")
    return user


async def get_clinic(uow: UnitOfWork, id: ClinicId, *, lock: bool = False) -> Clinic:
    """Raises ``NotFound`` (``clinic_not_found``)."""
    clinic = await uow.clinics.get(id, lock=lock)
    if clinic is None:
        raise NotFound("clinic_not_found", "There is no such clinic.")
    return clinic


async def get_queue(uow: UnitOfWork, id: QueueId, *, lock: bool = False) -> Queue:
    """Raises ``NotFound`` (``queue_not_found``)."""
    queue = await uow.queues.get(id, lock=lock)
    if queue is None:
        raise NotFound("queue_not_found", "There is no such queue.")
    return queue


async def get_token(uow: UnitOfWork, id: TokenId) -> Token:
    """Raises ``NotFound`` (``token_not_found``). Lock its queue first to keep it as it is."""
    token = await uow.tokens.get(id)
    if token is None:
        raise NotFound("token_not_found", "There is no such token.")
    return token


async def get_service(uow: UnitOfWork, id: ServiceId) -> Service:
    """Raises ``NotFound`` (``service_not_found``)."""
    service = await uow.services.get(id)
    if service is None:
        raise NotFound("service_not_found", "There is no such service.")
    return service


async def get_service_of(uow: UnitOfWork, clinic_id: ClinicId, id: ServiceId) -> Service:
    """A service of that clinic. Raises ``NotFound`` (``service_not_found``)."""
    service = await get_service(uow, id)
    if service.clinic_id != clinic_id:
        raise NotFound("service_not_found", "This clinic has no such service.")
    return service


async def get_desk(uow: UnitOfWork, id: DeskId, *, lock: bool = False) -> Desk:
    """Raises ``NotFound`` (``desk_not_found``)."""
    desk = await uow.desks.get(id, lock=lock)
    if desk is None:
        raise NotFound("desk_not_found", "There is no such desk.")
    return desk


async def lock_with_queue(
    uow: UnitOfWork, id: TokenId, *, queue_id: QueueId | None = None
) -> tuple[Token, Queue]:
    """The token, and its queue, locked: nobody else moves either.

    Raises ``NotFound`` (``token_not_found``, ``queue_not_found``), also when it is not of the
    queue that was named.
    """
    if queue_id is None:
        queue_id = (await get_token(uow, id)).queue_id
    queue = await get_queue(uow, queue_id, lock=True)
    token = await get_token(uow, id)  # As it stands now that nobody can move it.
    if token.queue_id != queue.id:
        raise NotFound("token_not_found", "There is no such token in this queue.")
    return token, queue
