"""Finding a place in the line behind so many others."""

from __future__ import annotations

from datetime import datetime

from qure.application.lookup import get_token
from qure.application.ports.storage import UnitOfWork
from qure.domain.actor import SYSTEM
from qure.domain.errors import Conflict
from qure.domain.places import NoRoom, end_of_line, place_behind
from qure.domain.queue import Queue
from qure.domain.token import Token


async def place_after(
    uow: UnitOfWork, queue: Queue, token: Token, how_many: int, *, at: datetime
) -> int:
    """Behind so many of those of the token's class who wait, or at the end of the line.

    The queue is locked.
    """
    limit = how_many + 1
    places = await uow.tokens.places(queue.id, token.priority, behind=None, limit=limit)
    try:
        place = place_behind(places, how_many)
    except NoRoom:
        await _space_out(uow, queue, token, at)
        places = await uow.tokens.places(queue.id, token.priority, behind=None, limit=limit)
        place = place_behind(places, how_many)
    return end_of_line(queue) if place is None else place


async def place_letting_pass(
    uow: UnitOfWork, queue: Queue, token: Token, how_many: int, *, at: datetime
) -> tuple[Token, int]:
    """The token, and a place so many further back, or at the end of the line.

    The token may have a new place of before: when the line had to be spaced out. Raises
    ``Conflict`` (``nobody_behind``).
    """
    limit = how_many + 1
    places = await uow.tokens.places(queue.id, token.priority, behind=token, limit=limit)
    if not places:
        raise Conflict("nobody_behind", "Nobody waits behind you who could pass.")
    try:
        place = place_behind(places, how_many)
    except NoRoom:
        await _space_out(uow, queue, token, at)
        token = await get_token(uow, token.id)
        places = await uow.tokens.places(queue.id, token.priority, behind=token, limit=limit)
        place = place_behind(places, how_many)
    return token, end_of_line(queue) if place is None else place


async def _space_out(uow: UnitOfWork, queue: Queue, token: Token, at: datetime) -> None:
    await uow.tokens.space_out(queue.id, token.priority)
    queue.spaced_out(by=SYSTEM, at=at)
