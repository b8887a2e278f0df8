"""Fetching by id, with the one sentence a caller hears when there is no such thing."""

from __future__ import annotations

from qure.application.ports.storage import UnitOfWork
from qure.domain.clinic import Clinic
from qure.domain.errors import NotFound
from qure.domain.ids import ClinicId, QueueId, TokenId, UserId
from qure.domain.queue import Queue
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
