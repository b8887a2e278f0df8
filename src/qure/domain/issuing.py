"""Giving numbers: capacity, one active token a patient, how many a patient may take."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from qure.domain.actor import Actor
from qure.domain.calling_order import Line
from qure.domain.errors import Conflict, NotFound
from qure.domain.events import TokenIssued, WalkInIssued
from qure.domain.ids import TokenId, UserId
from qure.domain.places import end_of_line, front_of_line
from qure.domain.queue import Queue
from qure.domain.token import ActiveTokenExists, Priority, Token, TokenStatus, label_of

MAX_TAKES = 3
"""So many numbers of one queue a patient may take: who leaves may come again, not for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose token it is; ``name``, ``phone`` and ``note`` are for staff alone."""

    patient_id: UserId
    guest: bool = False
    name: str | None = None
    phone: str | None = None
    note: str | None = None


def needs_line(queue: Queue, priority: Priority = Priority.NORMAL) -> bool:
    """Whether who is next cannot be said after issuing without the front of the line.

    Where only NORMAL tokens are next, a NORMAL one comes last.
    """
    return priority is not Priority.NORMAL or any(
        one.priority is not Priority.NORMAL for one in queue.upcoming
    )


def issue(
    queue: Queue,
    *,
    id: TokenId,
    holder: Holder,
    by: Actor,
    taken: Collection[Token],
    max_active: int,
    at: datetime,
    line: Line | None = None,
    priority: Priority = Priority.NORMAL,
    walk_in: bool = False,
) -> Token:
    """The next number, for a patient who has ``taken`` these tokens.

    They are all that the patient ever took here, and the active ones in other queues of today: of
    those there are at most ``max_active`` at once, the new one included; what a transfer gave does
    not count. Numbers run 1..max_size without gap and are never used again. ``line`` must be given
    when ``needs_line`` says so. Raises ``NotFound`` when the queue is not of the day of ``at``,
    ``ActiveTokenExists``, and ``Conflict`` (``too_many_takes``, ``too_many_active_tokens``,
    ``queue_closed``, ``queue_inactive``, ``queue_full``). Nothing has changed then.
    """
    _require_may_join(queue, taken, max_active, at)
    token = _next_token(queue, id, holder, priority, at=at)
    kind = WalkInIssued if walk_in else TokenIssued
    queue.record(kind, token, None, line, by=by, at=at)
    return token


def refuse_late(
    queue: Queue, *, taken: Collection[Token], max_active: int, at: datetime
) -> NoReturn:
    """The clinic takes nobody whom it would probably not reach before it closes.

    Raises what ``issue`` would, for that is nearer to them, or else ``Conflict``
    (``too_late_today``).
    """
    _require_may_join(queue, taken, max_active, at)
    raise Conflict(
        "too_late_today", "You would probably not be called before the clinic closes today."
    )


def _require_may_join(
    queue: Queue, taken: Collection[Token], max_active: int, at: datetime
) -> None:
    if not queue.is_of_day(at):
        raise NotFound("queue_not_found", "This queue is not today's.")
    here = [token for token in taken if token.queue_id == queue.id]
    refuse_second(here)
    if _taken_by_themselves(here) >= MAX_TAKES:
        raise Conflict(
            "too_many_takes",
            f"You have taken {MAX_TAKES} numbers of this queue already: nobody gets more.",
        )
    if _taken_by_themselves(token for token in taken if token.queue_id != queue.id) >= max_active:
        raise Conflict(
            "too_many_active_tokens",
            f"You have as many active tokens as a patient may have at once: {max_active}.",
        )
    queue.require_not_closed()
    if not queue.is_active:
        raise Conflict("queue_inactive", "This queue takes no new tokens at the moment.")
    _require_room(queue)


def take_over(
    queue: Queue,
    token: Token,
    *,
    id: TokenId,
    first: bool,
    priority: Priority | None,
    taken: Collection[Token],
    line: Line,
    by: Actor,
    at: datetime,
) -> Token:
    """The next number, for whoever comes over from another queue with ``token``.

    At the end of the line, or ``first`` in its class. Raises ``ActiveTokenExists``, and
    ``Conflict`` (``queue_not_open``, ``queue_full``). Nothing has changed then.
    """
    if not queue.is_of_day(at) or not queue.is_active:
        raise not_open()
    refuse_second(one for one in taken if one.queue_id == queue.id)
    _require_room(queue)
    holder = Holder(
        patient_id=token.patient_id,
        guest=token.guest,
        name=token.name,
        phone=token.phone,
        note=token.note,
    )
    new = _next_token(
        queue,
        id,
        holder,
        priority or token.priority,
        at=at,
        place=front_of_line(queue, line, priority or token.priority) if first else None,
        transferred_from=token.id,
    )
    queue.record(TokenIssued, new, None, line, by=by, at=at)
    return new


def refuse_second(tokens: Iterable[Token]) -> None:
    """Raises ``ActiveTokenExists`` if one of these tokens of a patient is active."""
    for token in tokens:
        if token.is_active:
            raise ActiveTokenExists(token)


def not_open() -> Conflict:
    """A service without a queue that takes anybody now."""
    return Conflict("queue_not_open", "This service has no open queue today.")


def _require_room(queue: Queue) -> None:
    if queue.last_issued_number >= queue.max_size:
        raise Conflict("queue_full", "This queue is full for today.")


def _taken_by_themselves(tokens: Iterable[Token]) -> int:
    return sum(token.transferred_from is None for token in tokens)


def _next_token(
    queue: Queue,
    id: TokenId,
    holder: Holder,
    priority: Priority,
    *,
    at: datetime,
    place: int | None = None,
    transferred_from: TokenId | None = None,
) -> Token:
    queue.last_issued_number += 1
    return Token(
        id=id,
        queue_id=queue.id,
        service_id=queue.service_id,
        patient_id=holder.patient_id,
        number=queue.last_issued_number,
        label=label_of(queue.prefix, queue.last_issued_number),
        place=end_of_line(queue) if place is None else place,
        priority=priority,
        status=TokenStatus.WAITING,
        created_at=at,
        transferred_from=transferred_from,
        guest=holder.guest,
        name=holder.name,
        phone=holder.phone,
        note=holder.note,
    )
